"""What a training by preferences or rewards came to: whether it learned, and what was measured of it.

It draws report.json as plain values; parts of it may be missing. Supervised tuning has tables of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import streamlit as st

from dashboard.errors import plainly
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from dashboard.training.run_settings import ChangeUnit, change_in_words
from errors import AS_WRITTEN, Cause
from errors.note import stored_notes

_CHANGED = {"reward": "{:z.3f}", "exact": "{:.0%}", "ended": "{:.0%}"}
"""Measured of the held-out questions before and after."""
_FAR = "note-kl-far"
WARNED_OF = frozenset({_FAR, "preference-chosen-fell"})
"""Notes that stand above what was measured, and need not be said again below it."""
_LONG = 0.5
"""From this correlation on a score has to be suspected of counting tokens."""


def training_outcome(kind: str, report: Mapping[str, Any], texts: Texts) -> None:
    if report.get("learned") is False:
        lead = texts.kinds["not_learned"]
        st.warning(f"{lead}\n\n:small[{safe_text(_why(report, texts))}]", icon=":material/error:")
    held = report.get("held_out") or {}
    if kind == "reward":
        _judged(held, report, texts)
        return
    change = held.get("chosen_change")
    if isinstance(change, int | float) and change < 0:
        st.warning(texts.kinds["chosen_fell"].format(change=f"{-change:.2f}"), icon=":material/warning:")
    for note in stored_notes(report):
        if note.code == _FAR:
            st.warning(safe_text(plainly(note, texts)), icon=":material/warning:")
    rows = list(_changed(kind, held, report, texts))
    if rows:
        names, before, after, change = zip(*rows, strict=True)
        words = texts.training
        table = {words["measured"]: names, words["before"]: before, words["after"]: after}
        table[texts.runs["changed"]] = change
        st.dataframe(table, width="stretch", hide_index=True)


def _why(report: Mapping[str, Any], texts: Texts) -> str:
    facts = report.get("why_facts")
    cause = Cause.from_json(facts) if isinstance(facts, Mapping) else None
    return plainly(cause or Cause(AS_WRITTEN, sentence=str(report.get("why") or "")), texts)


def _changed(
    kind: str, held: Mapping[str, Any], report: Mapping[str, Any], texts: Texts
) -> Iterator[tuple[str, str, str, str]]:
    for name, written in _CHANGED.items():
        values = [held.get(f"{name}_{when}") for when in ("before", "after")]
        before, after = (_told(value, written) for value in values)
        if before or after:
            unit: ChangeUnit = "number" if name == "reward" else "points"
            yield _title(kind, name, texts), before, after, change_in_words(values, texts, unit)
    for name, value, written in (
        ("accuracy", held.get("accuracy"), "{:.0%}"),
        ("chosen_change", held.get("chosen_change"), "{:+z.2f}"),
        ("kl", report.get("kl"), "{:.1f}"),
    ):
        if told := _told(value, written):
            yield _title(kind, name, texts), "", told, ""


def _title(kind: str, name: str, texts: Texts) -> str:
    return texts.kinds.get(f"report_{kind}_{name}") or texts.kinds[f"report_{name}"]


def _judged(held: Mapping[str, Any], report: Mapping[str, Any], texts: Texts) -> None:
    """How well a reward model tells better from worse, and whether by more than length."""
    facts = {name: held.get(name) for name in ("accuracy", "low", "high")}
    if all(isinstance(value, int | float) for value in facts.values()):
        said = {name: f"{value:.0%}" for name, value in facts.items()}
        sentence = texts.kinds["judges"].format(pairs=held.get("pairs", 0), **said)
        if (facts["low"] or 0) > 0.5:
            st.success(sentence, icon=":material/check_circle:")
        else:
            st.warning(f"{sentence} {texts.kinds['judges_not']}", icon=":material/warning:")
    rows = list(_checks(held, report, texts))
    if rows:
        names, values, says = zip(*rows, strict=True)
        words = texts.kinds
        table = {texts.training["measured"]: names, words["value"]: values, words["means"]: says}
        st.dataframe(table, width="stretch", hide_index=True)


def _checks(
    held: Mapping[str, Any], report: Mapping[str, Any], texts: Texts
) -> Iterator[tuple[str, str, str]]:
    words, length = texts.kinds, report.get("length") or {}
    if margin := _told(held.get("margin"), "{:.2f}"):
        yield words["check_margin"], margin, words["check_margin_means"]
    if error := _told(report.get("calibration_error"), "{:.3f}"):
        yield words["check_calibration"], error, words["check_calibration_means"]
    correlation = length.get("correlation") or 0.0
    if told := _told(length.get("correlation"), "{:+z.2f}"):
        suspected = "suspected" if abs(correlation) >= _LONG else "fine"
        yield words["check_length"], told, words[f"check_length_{suspected}"]
    for name in ("matched", "chosen_shorter"):
        found = length.get(name) or {}
        if told := _told(found.get("accuracy"), "{:.0%}"):
            yield words[f"check_{name}"], told, words["check_pairs"].format(count=found.get("pairs", 0))
    for name in ("swapped_prompts", "cut_answers"):
        found = report.get(name) or {}
        before, after = (_told(found.get(when), "{:.2f}") for when in ("before", "after"))
        if before and after:
            falls = "falls" if found["after"] < found["before"] else "stays"
            yield words[f"check_{name}"], f"{before} → {after}", words[f"check_{name}_{falls}"]


def _told(value: Any, written: str) -> str:
    return written.format(value) if isinstance(value, int | float) else ""
