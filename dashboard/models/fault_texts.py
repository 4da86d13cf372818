"""What is wrong with an entry, in the reader's language: which words stand for which kind of fault."""

from __future__ import annotations

from collections import defaultdict

import streamlit as st

from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from errors import Cause, wording
from model_registry.faults import EntryFault

_NOT_FILLED_IN = ("missing", "string_too_short")


def fault_sentence(fault: EntryFault, texts: Texts) -> str:
    """Without file, entry and key; plain text. A kind nobody translated is said as it was found."""
    template = texts.models.get(f"fault_{fault.kind}")
    if template is None:
        return f"{fault.problem[:1].upper()}{fault.problem[1:]}."
    facts = {**fault.facts, "expected": fault.facts.get("expected", "").replace(" or ", ", ")}
    return template.format_map(defaultdict(str, facts))


def is_only_missing(fault: EntryFault) -> bool:
    """Nobody did anything wrong yet."""
    return fault.kind in _NOT_FILLED_IN


def fault_below_field(fault: EntryFault, texts: Texts) -> None:
    st.markdown(f":small[:red[:material/error: {safe_text(fault_sentence(fault, texts))}]]")


def fault_line(fault: EntryFault, texts: Texts) -> None:
    where = " · ".join(filter(None, (fault.entry, fault.key)))
    sentence = safe_text(fault_sentence(fault, texts))
    st.markdown(f":red[:material/error:] {f'**{safe_text(where)}** ' if where else ''}{sentence}")


def doubt_line(doubt: Cause, texts: Texts) -> None:
    """A warning about a good entry that cannot be loaded as it is; it may be saved all the same."""
    st.markdown(f":small[:orange[:material/warning: {safe_text(wording(doubt, texts.language))}]]")


def note_line(note: EntryFault, texts: Texts) -> None:
    """A note about something that leaves no entry out."""
    st.markdown(f":small[:gray[:material/info: {safe_text(fault_sentence(note, texts))}]]")
