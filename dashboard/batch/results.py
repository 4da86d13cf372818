"""The answers of a batch: a row of figures a model, a table narrowed and in pages, a row of which is opened.

Knows: the two layouts, the filters, and that only one page of rows goes to the browser.
Refuses to know: where answers come from, and how one question is drawn whole. They are cells of a table,
never markup.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil

import streamlit as st

from comparison.batch.results import ModelSummary, ResultFilter, ResultRow, first_text, narrowed
from dashboard.errors import plainly
from dashboard.session import batch
from dashboard.session.shared import start_with
from dashboard.shared.safe_text import whole_characters
from dashboard.texts import Texts

_QUESTIONS_AT_ONCE = 50
_LONGEST_CELL = 400
_ROWS_IN_FULL, _TABLE_HEIGHT = 14, 560
_REASONS = ("eos", "stop_string", "length", "failed")
ResultTable = dict[str, list[object]]


def batch_results(
    rows: Sequence[ResultRow],
    names: Mapping[str, str],
    open_question: Callable[[ResultRow], None],
    texts: Texts,
    *,
    hidden: bool = False,
) -> None:
    """`hidden`: questions alone, for answers stand below the names of their models."""
    found = narrowed(rows, _filters(names, texts))
    if not found:
        st.info(texts.batch["nothing_found"], icon=":material/filter_alt_off:")
        return
    numbers = list(dict.fromkeys(row.number for row in found))
    page = _page(len(numbers), texts)
    on_page = set(numbers[page * _QUESTIONS_AT_ONCE : (page + 1) * _QUESTIONS_AT_ONCE])
    shown = [row for row in found if row.number in on_page]
    layout = "questions" if hidden else _layout(texts)
    columns = {} if hidden else names
    table = _long(shown, names, texts) if layout == "long" else _wide(shown, columns, texts)
    picked = _draw(table, f"{batch.ROWS}_{layout}_{page}", texts)
    lines = [row.number for row in shown] if layout == "long" else sorted(on_page)
    if picked is not None and picked < len(lines):
        open_question(next(row for row in rows if row.number == lines[picked]))


def _filters(names: Mapping[str, str], texts: Texts) -> ResultFilter:
    words = texts.batch
    with st.container(horizontal=True, vertical_alignment="bottom"):
        models = st.multiselect(
            words["filter_models"],
            list(names),
            key=batch.FILTER_MODELS,
            format_func=lambda model_id: names[model_id],
            placeholder=words["all"],
            select_all=False,
        )
        reasons = st.multiselect(
            words["filter_reasons"],
            _REASONS,
            key=batch.FILTER_REASONS,
            format_func=lambda reason: texts.reasons[reason],
            placeholder=words["all"],
            select_all=False,
        )
        text = st.text_input(
            words["filter_words"], key=batch.FILTER_WORDS, placeholder=words["filter_words_hint"]
        )
        failed_only = st.toggle(words["failed_only"], key=batch.FAILED_ONLY, width="content")
    return ResultFilter(tuple(models), tuple(reasons), failed_only, text.strip())


def _layout(texts: Texts) -> str:
    start_with(batch.LAYOUT, "wide")
    layout = st.segmented_control(
        texts.batch["layout"],
        ("wide", "long"),
        key=batch.LAYOUT,
        persist_state="session",
        required=True,
        label_visibility="collapsed",
        format_func=lambda each: texts.batch[f"layout_{each}"],
    )
    return str(layout)


def _page(questions: int, texts: Texts) -> int:
    """From 0; no widget where everything fits on one."""
    pages = ceil(questions / _QUESTIONS_AT_ONCE)
    if pages < 2:
        return 0
    if st.session_state.get(batch.PAGE, 1) > pages:
        st.session_state[batch.PAGE] = 1
    label = texts.batch["page"].format(pages=pages, questions=questions)
    return int(st.number_input(label, 1, pages, key=batch.PAGE, width=260)) - 1


def _wide(rows: Sequence[ResultRow], names: Mapping[str, str], texts: Texts) -> ResultTable:
    by_question: dict[int, dict[str, ResultRow]] = {}
    for row in rows:
        by_question.setdefault(row.number, {})[row.model_id] = row
    models = [model_id for model_id in names if any(model_id in each for each in by_question.values())]
    table: ResultTable = {
        texts.batch["number"]: list(by_question),
        texts.batch["question"]: [_question(next(iter(each.values()))) for each in by_question.values()],
    }
    for model_id in models:
        table[names[model_id]] = [_text(each.get(model_id), texts) for each in by_question.values()]
    return table


def _long(rows: Sequence[ResultRow], names: Mapping[str, str], texts: Texts) -> ResultTable:
    words = texts.batch
    table: ResultTable = {
        words["number"]: [row.number for row in rows],
        words["question"]: [_question(row) for row in rows],
        words["model"]: [names[row.model_id] for row in rows],
        words["answer"]: [_text(row, texts) for row in rows],
        words["measure_finish_reason"]: [texts.reasons.get(row.finish_reason) for row in rows],
        words["measure_characters"]: [row.characters for row in rows],
        words["measure_tokens_per_second"]: [row.measures.tokens_per_second for row in rows],
        words["measure_seconds_to_first_text"]: [first_text(row.measures) for row in rows],
        words["measure_waiting_seconds"]: [row.measures.waiting_seconds for row in rows],
    }
    if any(row.score is not None for row in rows):
        table[words["measure_score"]] = [row.score for row in rows]
    if any(row.as_expected is not None for row in rows):
        table[words["expected"]] = [row.expected for row in rows]
        table[words["as_expected"]] = [row.as_expected for row in rows]
    return table


def _draw(table: ResultTable, key: str, texts: Texts) -> int | None:
    """The row that was clicked."""
    words = texts.batch
    st.caption(words["click_row"])
    chosen = st.dataframe(
        table,
        width="stretch",
        height=_TABLE_HEIGHT if len(table[words["number"]]) > _ROWS_IN_FULL else "content",
        hide_index=True,
        placeholder="–",
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            words["number"]: st.column_config.NumberColumn(width=50, pinned=True),
            words["question"]: st.column_config.TextColumn(width="medium"),
            words["measure_tokens_per_second"]: st.column_config.NumberColumn(format="%.1f"),
            words["measure_seconds_to_first_text"]: st.column_config.NumberColumn(format="%.2f"),
            words["measure_waiting_seconds"]: st.column_config.NumberColumn(format="%.2f"),
        },
    )
    rows = chosen["selection"]["rows"]
    return int(rows[0]) if rows else None


def _question(row: ResultRow) -> str:
    return _cut(f"{row.question}\n{row.input}" if row.input else row.question)


def _text(row: ResultRow | None, texts: Texts) -> str | None:
    if row is None or not row.finish_reason:
        return None
    if row.finish_reason == "failed":
        return _cut(f"⚠ {texts.reasons['failed']}: {plainly(row.cause, texts) if row.cause else ''}")
    return _cut(row.text)


def _cut(text: str) -> str:
    text = whole_characters(text)
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…"


def batch_summary(summaries: Sequence[ModelSummary], names: Mapping[str, str], texts: Texts) -> None:
    def column(value: Callable[[ModelSummary], float | None], times: float = 1) -> list[float | None]:
        return [None if (found := value(each)) is None else found * times for each in summaries]

    words, percent = texts.batch, st.column_config.NumberColumn(format="%.0f%%")
    table: dict[str, list[object]] = {
        words["model"]: [names[each.model_id] for each in summaries],
        words["answers"]: [*column(lambda each: each.answers)],
        words["mean_characters"]: [*column(lambda each: each.mean_characters)],
        words["median_speed"]: [*column(lambda each: each.median_tokens_per_second)],
        words["median_first_text"]: [*column(lambda each: each.median_seconds_to_first_text)],
        words["median_waiting"]: [*column(lambda each: each.median_waiting_seconds)],
    }
    if any(each.mean_score is not None for each in summaries):
        table[words["mean_score"]] = [*column(lambda each: each.mean_score)]
    shares: dict[str, list[object]] = {
        texts.reasons[reason]: [100 * each.shares.get(reason, 0.0) for each in summaries]
        for reason in _REASONS
        if any(reason in each.shares for each in summaries)
    }
    if any(each.expected_share is not None for each in summaries):
        shares[words["expected_share"]] = [*column(lambda each: each.expected_share, 100)]
    st.dataframe(
        {**table, **shares},
        width="stretch",
        hide_index=True,
        placeholder="–",
        column_config={
            words["mean_characters"]: st.column_config.NumberColumn(format="%.0f"),
            words["median_speed"]: st.column_config.NumberColumn(format="%.1f"),
            words["median_first_text"]: st.column_config.NumberColumn(format="%.2f"),
            words["median_waiting"]: st.column_config.NumberColumn(format="%.2f"),
            words["mean_score"]: st.column_config.NumberColumn(format="%.2f"),
            **dict.fromkeys(shares, percent),
        },
    )
    if words["expected_share"] in shares:
        st.caption(words["expected_help"])
