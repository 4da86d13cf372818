"""How a question was asked: a line of it below the question, all of it to open, and badges of what differs
between the models. It stands alone so that questions, entries of the history and batches say it alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from comparison.presets import Preset
from comparison.turns import ColumnPicture, TurnPicture
from dashboard.shared.column_figures import in_a_row
from dashboard.shared.safe_text import safe_text, whole_characters
from dashboard.shared.thinking import switched
from dashboard.texts import Texts
from search.wish import EXTRACTIVE

ReadPreset = Callable[[TurnPicture], Preset | None]

_IN_LINE = ("temperature", "top_p", "seed")
_AS_BADGES = ("temperature", "top_p", "top_k", "repetition_penalty", "max_new_tokens", "seed")


def no_preset(turn: TurnPicture) -> None:
    """Where nobody can tell it."""


def asked_line(
    turn: TurnPicture, preset: Preset | None, titles: Mapping[str, str], key: str, texts: Texts
) -> None:
    columns = _drawn_by_settings(turn.columns)
    if not columns or turn.names_hidden:
        return
    differing, first, words = _differing(columns), columns[0], texts.asked
    facts = [] if preset is None else [texts.compare[f"preset_{preset}"]]
    facts += [_short(name, first, texts) for name in _IN_LINE if name not in differing]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(in_a_row(*(facts or [words["differs"]])), width="content")
        opened = st.popover(words["used"], type="tertiary", key=key, on_change="rerun")
    if opened.open:
        with opened:
            _all_settings(columns, preset, titles, texts)


def differing_badges(picture: ColumnPicture, turn: TurnPicture, texts: Texts) -> list[str]:
    """What this model was asked with and another one beside it was not."""
    columns = _drawn_by_settings(turn.columns)
    if picture.request.model_id == EXTRACTIVE or len(columns) < 2 or turn.names_hidden:
        return []
    differing = _differing(columns)
    return [f":gray-badge[{_short(name, picture, texts)}]" for name in _AS_BADGES if name in differing]


def _drawn_by_settings(columns: Sequence[ColumnPicture]) -> list[ColumnPicture]:
    """What was quoted from sources was drawn by no model."""
    return [column for column in columns if column.request.model_id != EXTRACTIVE]


def _differing(columns: Sequence[ColumnPicture]) -> set[str]:
    return {
        name for name in _AS_BADGES if len({getattr(column.request.settings, name) for column in columns}) > 1
    }


def _short(name: str, picture: ColumnPicture, texts: Texts) -> str:
    value = getattr(picture.request.settings, name)
    if name == "top_k" and not value:
        return texts.asked["top_k_unlimited"]
    return texts.asked[name].format(value=_number(value))


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _all_settings(
    columns: Sequence[ColumnPicture], preset: Preset | None, titles: Mapping[str, str], texts: Texts
) -> None:
    """What all have in common first, then a line a model with what differs."""
    common = [] if preset is None else [(texts.compare["preset"], texts.compare[f"preset_{preset}"])]
    apart: dict[str, list[str]] = {}
    for name, read in _rows(texts).items():
        values = [read(column) for column in columns]
        if len(set(values)) == 1:
            common.append((name, values[0]))
        else:
            apart[name] = values
    st.markdown(_table([texts.asked["setting"], texts.asked["value"]], common))
    if apart:
        st.markdown(f"**{texts.asked['differs']}**")
        named = [titles.get(column.request.model_id, column.request.model_id) for column in columns]
        rows = zip(named, *apart.values(), strict=True)
        st.markdown(_table(["", *apart], list(rows)))
    if system := columns[0].request.conversation.system:
        st.caption(texts.compare["system"])
        st.code(whole_characters(system), language=None, wrap_lines=True)


def _rows(texts: Texts) -> dict[str, Callable[[ColumnPicture], str]]:
    words, asked = texts.compare, texts.asked

    def setting(name: str) -> Callable[[ColumnPicture], str]:
        return lambda column: _number(getattr(column.request.settings, name))

    def top_k(column: ColumnPicture) -> str:
        return _number(column.request.settings.top_k) if column.request.settings.top_k else asked["unlimited"]

    def format(column: ColumnPicture) -> str:
        used = "" if column.answer is None else column.answer.format_id
        return used or column.request.format_id or words["own_format"]

    def quantization(column: ColumnPicture) -> str:
        used = column.request.quantization if column.answer is None else column.answer.quantization
        return words.get(f"quantization_{used}", used or asked["own_quantization"])

    def reproducible(column: ColumnPicture) -> str:
        return asked["on"] if column.request.reproducible else asked["off"]

    return {
        words["temperature"]: setting("temperature"),
        "top-p": setting("top_p"),
        "top-k": top_k,
        words["repetition_penalty"]: setting("repetition_penalty"),
        words["max_new_tokens"]: setting("max_new_tokens"),
        words["seed"]: setting("seed"),
        words["format"]: format,
        words["quantization"]: quantization,
        texts.thinking["switch"]: lambda column: switched(column.request.thinking, texts),
        words["reproducible"]: reproducible,
    }


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, *rows]
    written = [f"| {' | '.join(map(safe_text, line))} |" for line in lines]
    return "\n".join([written[0], "|" + "---|" * len(head), *written[1:]])
