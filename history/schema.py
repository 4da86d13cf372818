"""The tables of the history, and the steps that bring an older database to them.

Knows: tables, indexes, which characters no database takes, and the version number stored in the database.
Refuses to know: where the database lies, and who reads or writes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    inspect,
    select,
    update,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from engines.base import MEASURES
from errors import NaraniError
from history.records import MARK, AnswerMark, mark_of
from history.word_index import create_word_index

_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_INSTEAD = "\ufffd"


class Kept(TypeDecorator[str]):
    """An answer is worth more than its refusal: half of a surrogate pair becomes U+FFFD, and so does NUL but
    in SQLite, which keeps it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if not isinstance(value, str) or value.isascii() and "\0" not in value:
            return value
        whole = _HALF_CHARACTER.sub(_INSTEAD, value)
        return whole if dialect.name == "sqlite" else whole.replace("\0", _INSTEAD)


class KeptName(Kept):
    """The same for what is looked up: no longer than an index of any database takes."""

    impl = String  # type: ignore[assignment]  # as SQLAlchemy has it: any type may be below
    cache_ok = True


metadata = MetaData()
_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only in a column that is INTEGER
_NAME, _MOMENT = KeptName(200), String(40)

version_table = Table("narani_version", metadata, Column("version", Integer, nullable=False))

owners = Table(
    "owners",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("name", _NAME, nullable=False, unique=True),
)

runs = Table(
    "runs",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("id", _NAME, nullable=False, unique=True),
    Column("owner", _NUMBER, ForeignKey(owners.c.number), nullable=False),
    Column("created", _MOMENT, nullable=False),
    Column("previous", _NAME),
    Column("batch", _NAME),
    Column("begun", Boolean, nullable=False),
    Column("deleted_at", Float),
    Column("turn", Integer, nullable=False),
    Column("question", Kept, nullable=False),
    Column("input", Kept, nullable=False),
    Column("system", Kept, nullable=False),
    Column("kind", _NAME),
    Index("runs_of_owner", "owner", "number"),
    Index("runs_of_batch", "batch", "number"),
    Index("runs_of_kind", "owner", "kind", "number"),
    Index("runs_that_go_on", "owner", "previous"),
    Index("runs_deleted", "deleted_at"),
    sqlite_autoincrement=True,
)

_OF_MEASURES: Mapping[type, TypeEngine[Any]] = {int: BigInteger(), float: Float(53), str: KeptName(200)}

answers = Table(
    "answers",
    metadata,
    # What is filtered and counted stands first: SQLite reads a row only as far as it must.
    Column("run", _NUMBER, ForeignKey(runs.c.number, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("newest", Boolean, nullable=False),
    Column("owner", _NUMBER, nullable=False),
    Column("state", String(20), nullable=False),
    Column("process", _NAME),
    Column("model", _NAME, nullable=False),
    Column("temperature", Float, nullable=False),
    Column("format", _NAME),
    Column("quantization", _NAME),
    Column("revision", _NAME),
    Column("finish_reason", String(20)),
    Column("error_code", _NAME),
    Column("mark", _NAME),
    Column("started", _MOMENT),
    Column("ended", _MOMENT),
    *(Column(name, _OF_MEASURES[kind]) for name, kind in MEASURES.items()),
    Column("error", Kept),
    Column("note", Kept),
    Column("settings", Kept, nullable=False),
    Column("text", Kept),
    Column("prompt", Kept),
    Column("request", Kept, nullable=False),
    Column("error_facts", Kept),
    Column("extras", Kept),
    Index("answers_of_model", "owner", "model", "run"),
    Index("answers_by_state", "state", "owner", "run"),
    Index("answers_by_mark", "owner", "mark", "run"),
)

batches = Table(
    "batches",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("id", _NAME, nullable=False, unique=True),
    Column("owner", _NUMBER, ForeignKey(owners.c.number), nullable=False),
    Column("created", _MOMENT, nullable=False),
    Column("process", _NAME),
    Column("name", Kept, nullable=False),
    Column("models", Kept, nullable=False),
    Index("batches_of_owner", "owner", "number"),
)

preferences = Table(
    "preferences",
    metadata,
    Column("owner", _NUMBER, ForeignKey(owners.c.number), nullable=False),
    Column("name", _NAME, nullable=False),
    Column("value", Kept, nullable=False),
    UniqueConstraint("owner", "name"),
)

PLANNED = "planned"
"""The state of an answer of a batch that was not begun; nobody outside this room sees it."""

SchemaStep = Callable[[Connection], None]


def _create_everything(connection: Connection) -> None:
    metadata.create_all(connection)
    create_word_index(connection)


def _name_the_process(connection: Connection) -> None:
    """The process that answers, or works on a batch."""
    for table in (answers, batches):
        _add_column(connection, table, "process")


def _spell_quantization_and_keep_more(connection: Connection) -> None:
    """The column, and the key in a request, were "quantisation"; as a key it can be found in the text, for
    the quotes inside a JSON string are escaped. New are facts beside an error's code, and extras."""
    if "quantisation" in _columns(connection, answers):
        connection.exec_driver_sql("ALTER TABLE answers RENAME COLUMN quantisation TO quantization")
    spelled = func.replace(answers.c.request, '"quantisation":', '"quantization":')
    connection.execute(update(answers).values(request=spelled))
    for name in ("error_facts", "extras"):
        _add_column(connection, answers, name)


def _name_the_kind(connection: Connection) -> None:
    """Of a run: an ordinary comparison, or a conversation of another room."""
    _add_column(connection, runs, "kind")
    for index in runs.indexes:
        index.create(connection, checkfirst=True)


def _tell_marks_in_columns(connection: Connection) -> None:
    """What a person found of an answer stands in its extras, and is looked for and exported by columns."""
    for name in ("mark", "note"):
        _add_column(connection, answers, name)
    for index in answers.indexes:
        index.create(connection, checkfirst=True)
    key = answers.c.run, answers.c.position, answers.c.attempt
    held = select(*key, answers.c.extras).where(answers.c.extras.contains(f'"{MARK}":'))
    for *place, extras in connection.execute(held).all():
        its = (column == value for column, value in zip(key, place, strict=True))
        told = mark_columns(mark_of(json.loads(extras)))
        connection.execute(update(answers).where(*its).values(told))


def mark_columns(mark: AnswerMark) -> dict[str, str | None]:
    return {"mark": mark.values or None, "note": mark.note or None}


def _add_column(connection: Connection, table: Table, name: str) -> None:
    """The first step makes all tables as they are today, so the column may be there."""
    if name not in _columns(connection, table):
        kind = table.c[name].type.compile(connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {name} {kind}")


def _columns(connection: Connection, table: Table) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns(table.name)}


STEPS: tuple[SchemaStep, ...] = (
    _create_everything,
    _name_the_process,
    _spell_quantization_and_keep_more,
    _name_the_kind,
    _tell_marks_in_columns,
)
"""Step n brings a database of version n to version n + 1. A step that was published never changes."""


class NewerDatabase(NaraniError):
    """The database was written by a later Narani; it is left as it is."""

    category = "newer-database"


def bring_up_to_date(connection: Connection, steps: Sequence[SchemaStep] = STEPS) -> None:
    """Inside a transaction that already holds the right to write."""
    version_table.create(connection, checkfirst=True)
    version = version_of(connection)
    if version > len(steps):
        raise NewerDatabase("history-newer", version=version, known=len(steps))
    if version < len(steps):
        for step in steps[version:]:
            step(connection)
        connection.execute(version_table.delete())
        connection.execute(version_table.insert().values(version=len(steps)))


def add_measures(connection: Connection) -> None:
    """A measure that answers have had only lately gets its column without a step; older rows hold nothing."""
    for name in MEASURES.keys() - _columns(connection, answers):
        _add_column(connection, answers, name)


def version_of(connection: Connection) -> int:
    if not inspect(connection).has_table(version_table.name):
        return 0
    return connection.execute(select(version_table.c.version)).scalar() or 0
