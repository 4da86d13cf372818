"""Data as people have it, read into examples.

Knows: that a file has one shape throughout, that the first bad row ends it unless bad rows are left out and
counted, and that the order of the rows is the order of the files.
Refuses to know: how each kind of file is read, formats, and tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from errors import BadEntry, Cause
from finetune.data.conversations import conversations_of
from finetune.data.rows import BadRow, EmptyAnswer, Record
from finetune.data.shapes import DataShape, shape_of
from finetune.data.sources import Records, Source, open_records, parse_sources, weighted
from finetune.examples import Example

_NAMED = 5
"""How many bad rows of a file are named; the others are counted."""


@dataclass(frozen=True)
class Fault:
    """A row that was left out."""

    source: str
    why: str
    empty_answer: bool = False


@dataclass(frozen=True)
class DataFile:
    """One file or dataset that was read."""

    name: str
    sha256: str
    shape: str
    """An id of shapes.TITLES."""
    rows: int
    """Examples that came of it, before it was weighted."""
    bad: int
    """Rows that were left out."""
    empty_answers: int = 0
    """How many of the bad rows have no answer."""
    weight: float = 1.0


@dataclass(frozen=True)
class Examples:
    """All rows in order, and what is to be told of them."""

    rows: tuple[Example, ...]
    files: tuple[DataFile, ...]
    notes: tuple[str, ...]
    faults: tuple[Fault, ...] = ()
    """The first few of each file."""


@dataclass
class _Reading:
    """What was found of one source so far."""

    name: str
    rows: list[Example] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    bad: int = 0
    empty: int = 0
    shape: DataShape | None = None
    unused: dict[str, None] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)
    shapes: dict[tuple[str, ...], DataShape] = field(default_factory=dict)

    def take(self, record: Record) -> None:
        """Raises BadRow."""
        if record.fault:
            raise BadRow(record.fault)
        shape = self._shape_of(tuple(record.columns))
        told: Counter[str] = Counter()
        made = conversations_of(record.columns, shape, told)
        for count, one in enumerate(made, start=1):
            part = f", instance {count}" if len(made) > 1 else ""
            source = f"{self.name}, {record.at}{part}"
            self.rows.append(Example(one.conversation, source, one.not_learned))
        self.told.update(told)
        self.unused.update(dict.fromkeys(shape.unused))

    def _shape_of(self, names: tuple[str, ...]) -> DataShape:
        if names not in self.shapes:
            self.shapes[names] = self._fitting(names)
        return self.shapes[names]

    def _fitting(self, names: tuple[str, ...]) -> DataShape:
        if self.shape is None:
            try:
                self.shape = shape_of(names)
            except BadRow as error:
                raise BadEntry("data-columns-bad", file=self.name, reason=error, found=names) from None
            return self.shape
        found = ", ".join(f"'{name}'" for name in names) or "no columns"
        mixed = BadRow("row-of-another-shape", found=found, shape=self.shape.id)
        try:
            shape = shape_of(names)
        except BadRow:
            raise mixed from None
        if not self.shape.matches(shape):
            raise mixed
        return shape

    def leave_out(self, record: Record, why: BadRow) -> None:
        self.bad += 1
        self.empty += isinstance(why, EmptyAnswer)
        if len(self.faults) < _NAMED:
            fault = Fault(f"{self.name}, {record.at}", str(why), isinstance(why, EmptyAnswer))
            self.faults.append(fault)

    def notes(self) -> Iterator[str]:
        for sentence, count in sorted(self.told.items()):
            yield f"{self.name}: {sentence.format(count=count)}."
        if self.unused:
            listed = ", ".join(f"'{name}'" for name in self.unused)
            yield f"{self.name}: nothing is made of the columns {listed}."
        if self.bad:
            yield f"{self.name}: {_counted(self.bad)} left out: {_named(self.faults, self.bad)}."


def read_examples(sources: Sequence[str], *, skip_bad: bool = False, seed: int = 42) -> Examples:
    """Everything that `sources` hold: files (`file.jsonl*2` counts twice) and ids of hub datasets.

    The first bad row is refused by file and line; with `skip_bad` such rows are counted and left out. `seed`
    decides which rows a weight with a fraction draws."""
    rows: list[Example] = []
    files: list[DataFile] = []
    notes: list[str] = []
    faults: list[Fault] = []
    for source in parse_sources(sources):
        reading, file, told = _read(source, skip_bad)
        rows += weighted(reading.rows, source.weight, f"{seed}:{source.name}")
        files.append(file)
        notes += told
        faults += reading.faults
    return Examples(tuple(rows), tuple(files), tuple(notes), tuple(faults))


def _read(source: Source, skip_bad: bool) -> tuple[_Reading, DataFile, list[str]]:
    reading = _Reading(source.name)
    with _opened(source) as opened:
        for record in opened.records:
            try:
                reading.take(record)
            except BadRow as why:
                if not skip_bad:
                    raise _refused(reading.name, record, why) from None
                reading.leave_out(record, why)
    if reading.shape is None or not reading.rows:
        raise BadEntry(_nothing(reading))
    file = DataFile(
        name=source.name,
        sha256=opened.digest.hexdigest(),
        shape=reading.shape.id,
        rows=len(reading.rows),
        bad=reading.bad,
        empty_answers=reading.empty,
        weight=source.weight,
    )
    return reading, file, [*opened.notes, *reading.notes()]


@contextmanager
def _opened(source: Source) -> Iterator[Records]:
    if source.path is not None:
        with open_records(source.path) as records:
            yield records
    else:
        from finetune.data.hub_dataset import hub_records

        yield hub_records(source.name)


def _refused(name: str, record: Record, why: BadRow) -> BadEntry:
    return BadEntry("data-row-bad", file=name, at=record.at, why=why)


def _nothing(reading: _Reading) -> Cause:
    if reading.bad:
        return Cause("data-no-row-usable", file=reading.name, named=_named(reading.faults, reading.bad))
    if reading.told:
        return Cause("data-nothing-to-learn", file=reading.name, notes=" ".join(reading.notes()))
    return Cause("data-no-rows", file=reading.name)


def _counted(bad: int) -> str:
    return "1 bad row was" if bad == 1 else f"{bad} bad rows were"


def _named(faults: Sequence[Fault], bad: int) -> str:
    listed = "; ".join(f"{fault.source.partition(', ')[2]}: {fault.why}" for fault in faults)
    return f"{listed}; and {bad - len(faults)} more" if bad > len(faults) else listed
