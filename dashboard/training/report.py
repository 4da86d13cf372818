"""What a training changed: figures before and after, and the answers of both side by side.

It draws report.json as plain values; parts of it may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.errors import plainly
from dashboard.shared.safe_text import safe_text, whole_characters
from dashboard.texts import Texts
from dashboard.training.outcome import WARNED_OF, training_outcome
from dashboard.training.run_settings import change_in_words
from errors.note import stored_notes
from finetune.jobs import SftSettings


def training_report(kind: str, report: Mapping[str, Any], texts: Texts) -> None:
    if kind != SftSettings.kind:
        training_outcome(kind, report, texts)
    elif rows := list(_rows(report, texts)):
        names, before, after, change = zip(*rows, strict=True)
        st.dataframe(
            {
                texts.training["measured"]: names,
                texts.training["before"]: before,
                texts.training["after"]: after,
                texts.runs["changed"]: change,
            },
            width="stretch",
            hide_index=True,
        )
    for title, key in (("samples_held_out", "samples"), ("samples_learned", "learned_samples")):
        samples = report.get(key) or []
        if samples:
            st.markdown(f"**{texts.training[title]}**")
            _samples(samples, texts)
    for note in stored_notes(report):
        if note.code not in WARNED_OF:
            st.caption(safe_text(plainly(note, texts)))


def _rows(report: Mapping[str, Any], texts: Texts) -> Iterator[tuple[str, str, str, str]]:
    for part, figure in (("held_out", "loss"), ("held_out", "perplexity"), ("forgetting", "perplexity")):
        held = report.get(part)
        if held:
            before, after = (held[when][figure] for when in ("before", "after"))
            change = change_in_words((before, after), texts, "percent")
            yield texts.training[f"report_{part}_{figure}"], f"{before:.4g}", f"{after:.4g}", change
    for part in ("held_out", "learned"):
        counted = (report.get("answers") or {}).get(part)
        if counted and counted["asked"]:
            for kind in ("exact", "near"):
                counts = [counted[when][kind] for when in ("before", "after")]
                shares = [count / counted["asked"] for count in counts]
                before, after = (f"{count} / {counted['asked']}" for count in counts)
                change = change_in_words(shares, texts, "points")
                yield texts.training[f"report_{part}_{kind}"], before, after, change


def _samples(samples: Sequence[Mapping[str, str]], texts: Texts) -> None:
    for sample in samples:
        with st.container(border=True):
            st.text(whole_characters(sample["question"]))
            columns = st.columns(3)
            for column, key in zip(columns, ("expected", "before", "after"), strict=True):
                with column:
                    st.caption(texts.training[f"answer_{key}"])
                    st.text(whole_characters(sample.get(key) or "") or texts.training["answer_empty"])
