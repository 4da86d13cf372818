"""One turn of a conversation as chat data writes it: who speaks, its text, and whether it is learned.

Knows: what such turns carry besides text. What an answer would mean something else without makes the row bad;
the rest is left out and counted.
Refuses to know: how turns follow each other, formats and tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from errors import Cause
from finetune.data.rows import BadRow
from text_rows import plain_name

Speaker = Literal["person", "model", "system"]

_SPEAKERS: dict[str, Speaker] = {
    **dict.fromkeys(("human", "user", "person", "사람", "<사람>", "사용자"), "person"),
    **dict.fromkeys(("gpt", "assistant", "bot", "chatgpt", "model", "챗봇", "<챗봇>"), "model"),
    **dict.fromkeys(("system", "developer"), "system"),
}
_TOOLS = {
    *("tool", "tools", "tool_call", "tool_response", "function", "function_call", "function_response"),
    *("observation", "ipython"),
}
"""They speak where a model uses tools, which no conversation here has a place for."""

_SPEAKS, _TEXTS = ("from", "role"), ("value", "content", "markdown", "text")
_TEXT_PARTS = {"text", "input_text", "output_text"}
_CALLS = {"tool_calls", "function_call", "tool_call", "function_calls"}
_MEDIA = {"audio", "audios", "image", "image_url", "images", "video", "videos"}
_REASONING = {"reasoning_content", "reasoning", "reasoning_details", "thinking", "thought", "thoughts"}
_WEIGHTS, _SWITCHES = ("weight",), ("loss", "train", "trainable", "training")
"""Fields that say whether a turn is learned; the second kind mean something else where they are no switch."""
_NOT_MISSED = {"id", "index", "message_id", "parent_id"}
_KNOWN = {*_SPEAKS, *_TEXTS, *_WEIGHTS, *_CALLS, *_MEDIA, *_REASONING, *_NOT_MISSED, "refusal"}


@dataclass(frozen=True)
class Message:
    speaker: Speaker
    text: str
    is_learned: bool = True


def said_in(item: Mapping[str, Any], told: Counter[Cause]) -> Message:
    """Raises BadRow; `told` counts what is left out."""
    speaker = _speaker(item)
    _refuse_what_is_missed(item)
    column = next((column for column in _TEXTS if item.get(column) is not None), None)
    if column is None:
        raise BadRow("turn-without-text", columns=_TEXTS)
    _tell_of_the_rest(item, {column}, told, is_answer=speaker == "model")
    return Message(speaker, text_in(item, column), is_learned(item) if speaker == "model" else True)


def is_learned(item: Mapping[str, Any]) -> bool:
    """Whether a turn is learned, by its weight; raises BadRow where that is neither 0 nor 1."""
    for name in (*_WEIGHTS, *_SWITCHES):
        value = item.get(name)
        if value is None:
            continue
        if not isinstance(value, bool | int | float) or value not in (0, 1):
            if name in _SWITCHES:
                continue
            raise BadRow("turn-weight", value=value)
        return bool(value)
    return True


def tell_of_fields(item: Mapping[str, Any], known: Iterable[str], told: Counter[Cause]) -> None:
    """The same for a turn that is written as question, input and answer."""
    _refuse_what_is_missed(item)
    _tell_of_the_rest(item, {*known}, told, is_answer=True)


def refuse_what_is_not_text(row: Mapping[str, object], told: Counter[Cause]) -> None:
    """What stands beside the texts of a row: media are refused, tools that are offered are counted."""
    for column, value in row.items():
        name = plain_name(column)
        if name in _MEDIA and value:
            raise BadRow("row-with-no-text", column=column)
        if name in ("tools", "functions") and value:
            told[Cause("told-tools-offered", count=0)] += 1


def text_in(row: Mapping[str, object], column: str) -> str:
    """Raises BadRow where it is none; empty where there is nothing."""
    value = row.get(column) if column else None
    if value is None:
        return ""
    if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
        value = "".join(_text_of_part(part, column) for part in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise BadRow("cell-not-text", column=column)
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise BadRow("cell-half-character", column=column)
    return value


def _text_of_part(part: Mapping[str, Any], column: str) -> str:
    kind = part.get("type", "text")
    if kind not in _TEXT_PARTS:
        raise BadRow("cell-holds-no-text", column=column, kind=kind)
    if not isinstance(part.get("text"), str):
        raise BadRow("cell-not-text", column=column)
    return str(part["text"])


def _speaker(item: Mapping[str, Any]) -> Speaker:
    name = item.get("from", item.get("role"))
    if name is None:
        raise BadRow("turn-without-speaker")
    plain = name.strip().casefold() if isinstance(name, str) else ""
    if plain in _TOOLS:
        raise BadRow("turn-of-tool", name=name)
    if plain not in _SPEAKERS:
        raise BadRow("speaker-unknown", name=name)
    return _SPEAKERS[plain]


def _refuse_what_is_missed(item: Mapping[str, Any]) -> None:
    for name, value in item.items():
        if not value:
            continue
        if name in _CALLS:
            raise BadRow("answer-calls-tool", name=name)
        if name in _MEDIA:
            raise BadRow("turn-holds-no-text", name=name)
        if name == "refusal":
            raise BadRow("answer-refused")


def _tell_of_the_rest(
    item: Mapping[str, Any], used: set[str], told: Counter[Cause], *, is_answer: bool
) -> None:
    for name, value in item.items():
        is_weight = name in _WEIGHTS or (name in _SWITCHES and value in (0, 1))
        if name in used or value in (None, "", [], {}) or (is_weight and (is_answer or not value)):
            continue
        if name in _REASONING and is_answer:
            told[Cause("told-reasoning", name=name, count=0)] += 1
        elif name in _TEXTS or name in _REASONING or name not in _KNOWN or is_weight:
            told[Cause("told-field", name=name, count=0)] += 1
