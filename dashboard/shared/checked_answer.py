"""An answer whose sentences were checked against its sources: each marked and counted, and models compared.

A verdict is told by a sign behind the sentence and the kind of line below it, never by color alone; the
reason stands in the sign's words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape

import streamlit as st

from comparison.turns import TurnPicture
from dashboard.shared.answer_text import DrawText, answer_text
from dashboard.shared.cited_html import SentenceMark, cited_html, sentences_html
from dashboard.shared.markdown_reading import TooTangled
from dashboard.shared.safe_text import safe_text, whole_characters
from dashboard.shared.sources import passages_of
from dashboard.texts import Texts
from engines.base import Answer
from prompts.thinking import thinking_and_answer
from search.answer_extras import CheckedAnswer, checked_answer_of
from search.citations.verdicts import CheckedSentence, Verdict

_SIGNS = {Verdict.SUPPORTED: "✓", Verdict.WEAK: "≈", Verdict.UNSUPPORTED: "✗", Verdict.UNCITED: "○"}


def drawing_of(answer: Answer, name: str, texts: Texts) -> DrawText:
    """How the text of this answer is drawn: with its verdicts and passages where it has some."""
    checked = checked_answer_of(answer.extras)
    if checked is None or not (checked.sentences or checked.searched.sources):
        return answer_text

    def draw(text: str, texts: Texts) -> None:
        marks = [_mark(sentence, texts) for sentence in checked.sentences]
        whole = thinking_and_answer(answer.text, answer.prompt).answer
        written = _html(whole, text, marks, checked, name, texts)
        st.html(f'<div class="nr-answer">{written}</div>')

    return draw


def _html(
    whole: str, text: str, marks: Sequence[SentenceMark], checked: CheckedAnswer, name: str, texts: Texts
) -> str:
    passages = passages_of(checked.searched, texts)
    try:
        written = cited_html(whole, len(text), marks, passages, name)
    except TooTangled:
        written = None
    return sentences_html(marks, passages, name) if written is None else written


def support_line(answer: Answer, texts: Texts) -> None:
    """The line below the answer: the share of its sentences that a source supports, and how many are not."""
    checked, words = checked_answer_of(answer.extras), texts.search
    if checked is None:
        return
    if checked.support is not None:
        share = words["share"].format(percent=f"{checked.support:.0%}")
        st.html(f'<div class="nr-counts"><b>{escape(share)}</b>{"".join(_counts(checked, texts))}</div>')
    if checked.abstains:
        st.caption(f":material/info: {words['abstains']}")
    for flag in checked.flags:
        says = words.get(f"flag_{flag.code}", words["flag"])
        st.caption(f":orange[:material/warning: {says.format(text=safe_text(flag.text))}]")


def legend(texts: Texts) -> None:
    signs = (f"<span>{_sign(verdict)} {escape(texts.search[verdict])}</span>" for verdict in Verdict)
    st.html(f'<div class="nr-legend">{"".join(signs)}</div>')


def support_table(turn: TurnPicture, titles: Mapping[str, str], texts: Texts) -> None:
    """The models of a question, those first whose sentences the sources support most."""
    found = [(column, column.answer and checked_answer_of(column.answer.extras)) for column in turn.columns]
    rows = [(column, checked) for column, checked in found if checked and checked.support is not None]
    if len(rows) < 2:
        return
    rows.sort(key=lambda row: -(row[1].support or 0))
    words = texts.search
    signs = "".join(f'<th title="{escape(words[verdict])}">{_sign(verdict)}</th>' for verdict in Verdict)
    head = f"<th>{escape(words['model'])}</th><th>{escape(words['supported_share'])}</th>{signs}"
    body = "".join(
        _row(titles.get(column.request.model_id, column.request.model_id), checked)
        for column, checked in rows
    )
    st.markdown(f"**{words['by_support']}**")
    st.html(f'<table class="nr-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')


def _row(title: str, checked: CheckedAnswer) -> str:
    percent, counts = f"{checked.support or 0:.0%}", _verdicts(checked)
    cells = "".join(f"<td>{counts[verdict]}</td>" for verdict in Verdict)
    bar = f'<span class="nr-bar"><i style="width:{percent}"></i></span>'
    share = f'<td>{bar}<span class="nr-percent">{percent}</span></td>'
    return f"<tr><td>{escape(whole_characters(title))}</td>{share}{cells}</tr>"


def _counts(checked: CheckedAnswer, texts: Texts) -> Iterator[str]:
    counts = _verdicts(checked)
    for verdict in Verdict:
        if counts[verdict]:
            yield f'<span title="{escape(texts.search[verdict])}">{_sign(verdict)} {counts[verdict]}</span>'


def _verdicts(checked: CheckedAnswer) -> Counter[Verdict]:
    """The verdicts of the sentences that state something."""
    return Counter(sentence.verdict for sentence in checked.sentences if sentence.states)


def _sign(verdict: Verdict) -> str:
    return f'<span class="nr-sign nr-{verdict}">{_SIGNS[verdict]}</span>'


def _mark(sentence: CheckedSentence, texts: Texts) -> SentenceMark:
    words = texts.search
    says = f"{words[sentence.verdict]} · {words[f'reason_{sentence.reason}']}"
    return SentenceMark(sentence.text, f"nr-{sentence.verdict}", _SIGNS[sentence.verdict], says)
