"""Data as people have it, read into rows of one kind: examples, pairs, labeled answers or questions.

Knows: that a file has one shape throughout, that the first bad row ends it unless bad rows are left out and
counted, and that the order of the rows is the order of the files.
Refuses to know: how each kind of file is read, formats, and tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Generic

from errors import BadEntry, Cause
from errors.note import Note
from finetune.data.rows import BadRow, EmptyAnswer, Record
from finetune.data.shapes import DataShape, shape_of
from finetune.data.sources import Records, Source, open_records, parse_sources, weighted
from finetune.examples import AnyRow, Use

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
    """Rows that came of it, before it was weighted."""
    bad: int
    """Rows that were left out."""
    empty_answers: int = 0
    """How many of the bad rows have no answer."""
    weight: float = 1.0


@dataclass(frozen=True)
class DataRows(Generic[AnyRow]):
    """All rows in order, and what is to be told of them."""

    rows: tuple[AnyRow, ...]
    files: tuple[DataFile, ...]
    notes: tuple[str, ...]
    faults: tuple[Fault, ...] = ()
    """The first few of each file."""


@dataclass(frozen=True)
class RowReader(Generic[AnyRow]):
    """How records become rows of one kind."""

    wanted: Use
    takes: frozenset[Use]
    """What the rows of a file may be meant for, to be read as this."""
    rows_of: Callable[[Mapping[str, object], DataShape, Counter[Cause]], Sequence[AnyRow]]
    """The rows of a record, without their source; raises BadRow."""
    part: str
    """What one of several rows of a record is called."""


@dataclass
class _Reading(Generic[AnyRow]):
    """What was found of one source so far."""

    name: str
    reader: RowReader[AnyRow]
    rows: list[AnyRow] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    bad: int = 0
    empty: int = 0
    shape: DataShape | None = None
    unused: dict[str, None] = field(default_factory=dict)
    told: Counter[Cause] = field(default_factory=Counter)
    """How often each was found; the count comes into it when all is read."""
    shapes: dict[tuple[str, ...], DataShape] = field(default_factory=dict)

    def take(self, record: Record) -> None:
        """Raises BadRow."""
        if record.fault:
            raise BadRow(record.fault)
        shape = self._shape_of(record.columns)
        told: Counter[Cause] = Counter()
        made = self.reader.rows_of(record.columns, shape, told)
        for count, row in enumerate(made, start=1):
            part = f", {self.reader.part} {count}" if len(made) > 1 else ""
            self.rows.append(replace(row, source=f"{self.name}, {record.at}{part}"))
        self.told.update(told)
        self.unused.update(dict.fromkeys(shape.unused))

    def _shape_of(self, row: Mapping[str, object]) -> DataShape:
        names = tuple(row)
        if names not in self.shapes:
            self.shapes[names] = self._fitting(names, row)
        return self.shapes[names]

    def _fitting(self, names: tuple[str, ...], row: Mapping[str, object]) -> DataShape:
        if self.shape is None:
            try:
                self.shape = shape_of(names, row, self.reader.wanted)
                self._refuse_another_use(self.shape, names)
            except BadRow as error:
                raise BadEntry("data-columns-bad", file=self.name, reason=error, found=names) from None
            return self.shape
        found = ", ".join(f"'{name}'" for name in names) or "no columns"
        mixed = BadRow("row-of-another-shape", found=found, shape=self.shape.id)
        try:
            shape = shape_of(names, row, self.reader.wanted)
        except BadRow:
            raise mixed from None
        if not self.shape.matches(shape):
            raise mixed
        return shape

    def _refuse_another_use(self, shape: DataShape, names: Sequence[str]) -> None:
        if shape.use not in self.reader.takes:
            wanted = Cause(f"rows-wanted-{self.reader.wanted}")
            raise BadRow(f"rows-are-{shape.use}", wanted=wanted, found=names)

    def leave_out(self, record: Record, why: BadRow) -> None:
        self.bad += 1
        self.empty += isinstance(why, EmptyAnswer)
        if len(self.faults) < _NAMED:
            fault = Fault(f"{self.name}, {record.at}", Note.of(why.cause), isinstance(why, EmptyAnswer))
            self.faults.append(fault)

    def notes(self) -> Iterator[Note]:
        for what, count in sorted(self.told.items(), key=lambda each: (each[0].code, str(each[0]))):
            told = Cause(what.code, **{**what.facts, "count": count})
            yield Note("note-of-file", file=self.name, told=told)
        if self.unused:
            yield Note("note-columns-unused", file=self.name, names=tuple(self.unused))
        if self.bad:
            code = "note-bad-row-left-out" if self.bad == 1 else "note-bad-rows-left-out"
            yield Note(code, file=self.name, count=self.bad, named=_named(self.faults, self.bad))


def read_rows(
    sources: Sequence[str], reader: RowReader[AnyRow], *, skip_bad: bool, seed: int
) -> DataRows[AnyRow]:
    """Everything that `sources` hold: files (`file.jsonl*2` counts twice) and ids of hub datasets.

    The first bad row is refused by file and line; with `skip_bad` such rows are counted and left out. `seed`
    decides which rows a weight with a fraction draws."""
    rows: list[AnyRow] = []
    files: list[DataFile] = []
    notes: list[str] = []
    faults: list[Fault] = []
    for source in parse_sources(sources):
        reading, file, told = _read(source, reader, skip_bad)
        rows += weighted(reading.rows, source.weight, f"{seed}:{source.name}")
        files.append(file)
        notes += told
        faults += reading.faults
    return DataRows(tuple(rows), tuple(files), tuple(notes), tuple(faults))


def use_of(sources: Sequence[str]) -> Use:
    """What the first row of the first source is meant for; examples where that cannot be told."""
    with _opened(parse_sources(sources)[0]) as opened:
        row = next((record.columns for record in opened.records if not record.fault), {})
    try:
        return shape_of(tuple(row), row).use
    except BadRow:
        return "examples"


def _read(
    source: Source, reader: RowReader[AnyRow], skip_bad: bool
) -> tuple[_Reading[AnyRow], DataFile, list[str]]:
    reading: _Reading[AnyRow] = _Reading(source.name, reader)
    opened: Records
    with _opened(source, reader.wanted) as opened:
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
def _opened(source: Source, wanted: Use | None = None) -> Iterator[Records]:
    if source.path is not None:
        with open_records(source.path, of_questions=wanted == "prompts") as records:
            yield records
    else:
        from finetune.data.hub_dataset import hub_records

        yield hub_records(source.name)


def _refused(name: str, record: Record, why: BadRow) -> BadEntry:
    return BadEntry("data-row-bad", file=name, at=record.at, why=why)


def _nothing(reading: _Reading[AnyRow]) -> Cause:
    if reading.bad:
        return Cause("data-no-row-usable", file=reading.name, named=_named(reading.faults, reading.bad))
    if reading.told:
        return Cause("data-nothing-to-learn", file=reading.name, notes=" ".join(reading.notes()))
    return Cause("data-no-rows", file=reading.name)


def _named(faults: Sequence[Fault], bad: int) -> tuple[Cause, ...]:
    named = [Cause("note-bad-row", at=each.source.partition(", ")[2], why=each.why) for each in faults]
    more = [Cause("note-and-more", count=bad - len(faults))] if bad > len(faults) else []
    return (*named, *more)
