"""What the history holds, as plain values: runs, their answers, batches, and what one may look for.

Knows: the fields of a stored run and of a flat row of an export.
Refuses to know: SQL, files, engines at work, and pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from engines.base import MEASURES, Answer, AnswerRequest
from errors import EngineDown

THIS_MACHINE = "this-machine"
"""The owner of what is asked at the machine itself, in any browser or the terminal."""
MARK = "mark"
"""In an answer's extras: what a person found of it, as `AnswerMark.as_json` writes it. Until version 5 of the
tables it had `value`, `note` and `over` alone."""
BETTER, GOOD, BAD = "better", "good", "bad"
LONGEST_NOTE = 500
"""The characters of a note: a few words, or why."""
Marks = dict[tuple[int, int], object]
"""The marks of a run by position and attempt."""


class StoredState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """It was being answered when the process ended."""


@dataclass(frozen=True)
class AnswerMark:
    """What a person found of an answer; the empty one is no mark at all."""

    better: bool = False
    """Than those beside it; one answer of a question at most."""
    rating: str = ""
    """GOOD or BAD, whatever stood beside it."""
    note: str = ""
    over: tuple[tuple[int, int], ...] = ()
    """Of the better one: position and attempt of each answer that stood beside it."""
    by: str = ""
    """The owner who marked it, and in `at` when."""
    at: str = ""

    def __bool__(self) -> bool:
        return self.better or bool(self.rating) or bool(self.note)

    @property
    def values(self) -> str:
        """In one cell: "better, good"."""
        return ", ".join(filter(None, (BETTER if self.better else "", self.rating)))

    def as_json(self) -> dict[str, object]:
        value, over = BETTER if self.better else "", [list(place) for place in self.over]
        said = {"value": value, "rating": self.rating, "note": self.note}
        return {**said, "over": over, "by": self.by, "at": self.at}


def mark_of(extras: Mapping[str, object]) -> AnswerMark:
    held = extras.get(MARK)
    if not isinstance(held, Mapping):
        return AnswerMark()
    over = tuple((int(position), int(attempt)) for position, attempt in held.get("over") or ())
    rating, note, by, at = (str(held.get(name) or "") for name in ("rating", "note", "by", "at"))
    return AnswerMark(held.get("value") == BETTER, rating, note, over, by, at)


MARKABLE = (StoredState.DONE, StoredState.STOPPED)
"""What can be marked; to be the better one an answer has to be done."""


@dataclass(frozen=True)
class MarkChange:
    """What is set of a mark or, by False or an empty text, taken away; None stays as it is."""

    better: bool | None = None
    rating: str | None = None
    note: str | None = None
    beside: tuple[tuple[int, int], ...] | None = None
    """Position and attempt of each answer that is seen with it; None: the newest of each."""


class Marked(StrEnum):
    """How answers are looked for by their marks."""

    UNRATED = "unrated"
    """No answer to the question is marked, and one could be."""
    BETTER = BETTER
    GOOD = GOOD
    BAD = BAD
    NOTED = "noted"


@dataclass(frozen=True)
class RunHead:
    """What is known of a run when it begins."""

    id: str
    owner: str
    created: datetime
    requests: tuple[AnswerRequest, ...]
    previous: str | None = None
    """The run whose conversation this one goes on with."""
    batch: str | None = None
    kind: str = ""
    """The room whose conversation it belongs to, where that is not a plain comparison."""


@dataclass(frozen=True)
class StoredAnswer:
    """One answer of a run, or an attempt at it."""

    position: int
    """The place of its request among those of the run."""
    attempt: int
    state: StoredState
    answer: Answer | None
    """None while it runs, or where it was interrupted."""
    started: datetime
    ended: datetime | None

    @classmethod
    def of(
        cls, position: int, attempt: int, answer: Answer, started: datetime, ended: datetime | None = None
    ) -> StoredAnswer:
        """An answer that ended (now, if no time is named). A failure of the process is none: it was
        interrupted, and only text that had come is kept."""
        down = answer.error_code == EngineDown.category
        state = StoredState.INTERRUPTED if down else StoredState(answer.finish_reason.state)
        kept = None if down and not answer.text else answer
        return cls(position, attempt, state, kept, started, ended or datetime.now(UTC))


@dataclass(frozen=True)
class StoredRun:
    """A run as it was kept; `answers` by position, without those not begun yet (in a batch)."""

    head: RunHead
    number: int
    """Grows with every run: the order of the history."""
    answers: tuple[StoredAnswer, ...]
    """Of several attempts at one position the newest."""
    earlier: tuple[StoredAnswer, ...] = ()
    """The attempts before those, by position and attempt."""


@dataclass(frozen=True)
class BatchHead:
    """Many questions put to the same models."""

    id: str
    owner: str
    created: datetime
    name: str
    models: tuple[str, ...]


@dataclass(frozen=True)
class StoredBatch:
    """How far a batch is, counted in answers."""

    head: BatchHead
    questions: int
    wanted: int
    done: int
    failed: int
    """How many of the done answers failed."""
    stamp: tuple[int, ...] = ()
    """Another one once an answer in it was asked again or ended, or a question was deleted or restored."""
    elsewhere: bool = False
    """Another process of this machine works on it now."""


@dataclass(frozen=True)
class HistoryFilter:
    """What to look for; what is left empty does not narrow."""

    words: str = ""
    models: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    states: tuple[StoredState, ...] = ()
    marks: tuple[Marked, ...] = ()
    greedy: bool | None = None
    """True: temperature 0 only; False: sampled only."""
    format_id: str | None = None
    quantization: str | None = None
    batches: bool | None = None
    """False: without the questions of batches; True: only those."""
    kind: str | None = None
    """Only the runs of this kind; empty: plain comparisons."""
    latest: bool = False
    """Only the last turn of each conversation."""


@dataclass(frozen=True)
class HistoryPage:
    """Some runs, newest first."""

    runs: tuple[StoredRun, ...]
    older: int | None
    """The number to ask the next page before; None at the end."""


@dataclass(frozen=True)
class HistoryStatus:
    """Whether answers reach the disk, for a banner."""

    unsaved: int = 0
    """Answers that are only in memory and are tried again."""
    problem: str | None = None
    """Why, as a code: full · locked · read-only · home · broken."""
    set_aside: str | None = None
    """The name a damaged database file was moved to when a new one was begun."""


FLAT_COLUMNS = (
    "run_id",
    "batch",
    "previous",
    "created",
    "turn",
    "question",
    "input",
    "system",
    "position",
    "attempt",
    "model",
    "state",
    "text",
    "mark",
    "note",
    "finish_reason",
    "error",
    "prompt",
    "revision",
    "quantization",
    "format",
    "settings",
    *MEASURES,
    "started",
    "ended",
    "request",
    "extras",
)
"""One row an answer, for export. `settings`, `request` and `extras` are JSON; `request` is enough to ask
again, and `extras` is None where nothing was added."""

FlatBatch = dict[str, list[object]]
"""Some rows, column by column: a list as long as the others for each of FLAT_COLUMNS."""
