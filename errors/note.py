"""A sentence that says what was decided, apart from errors: it ends nothing, and is said in any language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from errors.cause import Cause
from errors.stored import stored_cause


class Note(str):
    """The English sentence, as terminals and files have it; its code and facts say it in another language."""

    cause: Cause

    def __new__(cls, code: str, /, **facts: Any) -> Note:
        return cls.of(Cause(code, **facts))

    @classmethod
    def of(cls, cause: Cause) -> Note:
        made = super().__new__(cls, cause)
        made.cause = cause
        return made


def note_facts(notes: Iterable[str]) -> list[dict[str, Any] | None]:
    """What a report keeps beside the sentences."""
    return [note.cause.as_json() if isinstance(note, Note) else None for note in notes]


def stored_notes(report: Mapping[str, Any]) -> list[Cause]:
    """The notes of a report. One that was written before facts were kept is known by its sentence, and stays
    as it was written where its wording has changed since."""
    notes, facts = report.get("notes"), report.get("note_facts")
    sentences = [str(each) for each in notes] if isinstance(notes, list | tuple) else []
    kept = facts if isinstance(facts, list) and len(facts) == len(sentences) else [None] * len(sentences)
    known = (each if isinstance(each, Mapping) else None for each in kept)
    found = (stored_cause(each, None, more) for each, more in zip(sentences, known, strict=True))
    return [cause for cause in found if cause is not None]
