"""Records of KoChatGPT's plain conversation text.

Knows: its opening line, who speaks by which mark, and where a talk ends: at the next opening line, or where
the person speaks again after an empty line.
Refuses to know: what is learned of a talk.
"""

from __future__ import annotations

from collections.abc import Iterator

from errors import Cause
from finetune.data.rows import Record
from text_files import TextFile

OPENING = "<<start conversation>>"
PERSON, MODEL = "<사람>", "<챗봇>"
COLUMN = f"{PERSON}/{MODEL}"

_Talk = list[dict[str, str]]


def is_talk_text(beginning: str) -> bool:
    return beginning.lstrip().startswith((OPENING, f"{PERSON}:", f"{MODEL}:"))


def talk_rows(file: TextFile) -> Iterator[Record]:
    """A record a talk; lines without a mark go on with what the last speaker said."""
    talk: _Talk = []
    stray: Cause | None = None
    begins, after_gap = 1, False
    for number, line in file.lines():
        text = line.rstrip("\r\n")
        speaker, said = _speaker(text)
        ends = text.strip() == OPENING or (speaker == PERSON and after_gap)
        if ends and (talk or stray):
            yield _record(begins, talk, stray)
            talk, stray = [], None
        if speaker:
            begins = begins if talk or stray else number
            talk.append({"from": speaker, "value": said})
        elif talk and text.strip() != OPENING:
            talk[-1]["value"] += f"\n{text}"
        elif text.strip() not in ("", OPENING):
            begins, stray = number, Cause("talk-without-mark", person=PERSON, model=MODEL)
        after_gap = not text.strip()
    if talk or stray:
        yield _record(begins, talk, stray)


def _record(begins: int, talk: _Talk, stray: Cause | None) -> Record:
    if stray:
        return Record(f"line {begins}", {}, stray)
    trimmed = [{**turn, "value": turn["value"].strip()} for turn in talk]
    return Record(f"line {begins}", {COLUMN: trimmed})


def _speaker(line: str) -> tuple[str, str]:
    for speaker in (PERSON, MODEL):
        if line.startswith(f"{speaker}:"):
            return speaker, line.removeprefix(f"{speaker}:").strip()
    return "", line
