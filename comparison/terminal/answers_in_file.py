"""The answers of a batch in its CSV file, and beside it in the history where there is one.

The file decides what is still to be asked; the history is brought up to what the file holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from comparison.answer_rows import AnswerRow, Key
from comparison.batch.cells import (
    AnswersInHistory,
    BatchCell,
    UnscoredAnswer,
    begin_batch,
    conversation_of,
    take_batch,
)
from comparison.questions import Question
from comparison.terminal.answer_file import AnswerFile
from engines.base import Answer, AnswerRequest, FinishReason
from errors import BadEntry, BadRequest
from errors.stored import cause_of
from history.records import THIS_MACHINE
from history.rows import request_json
from old_keys import with_new_keys

if TYPE_CHECKING:
    from history.history import History


class AnswersInFile:
    """`asked`: how each question is asked, one request a model."""

    def __init__(
        self, file: AnswerFile, questions: Sequence[Question], asked: Sequence[AnswerRequest]
    ) -> None:
        self._file, self._questions, self._asked = file, questions, asked
        self._ids = {(question.text, question.input, question.system): question.id for question in questions}
        self._in_history: AnswersInHistory | None = None
        self._places: dict[Key, BatchCell] = {}

    def cells(self) -> Iterator[BatchCell]:
        for question in self._questions:
            for one in self._asked:
                request = replace(one, conversation=conversation_of(question))
                row = self._file.rows.get(key_of(request))
                if row is None:
                    yield BatchCell(request)
                else:
                    _check_same_way(row, request, self._file.name)
                    yield BatchCell(request, row.attempt, True, row.failed, cause_of(row.error))

    def keep_in(self, history: History, name: str) -> None:
        """From here on store answers in the history, too, and at once what it lacks of the file's."""
        requests = [cell.request for cell in self.cells()]
        batch_id = self._batch_id(requests)
        if history.batch(THIS_MACHINE, batch_id) is None:
            batch_id = self._begun(history, name, batch_id)
        else:
            take_batch(history, THIS_MACHINE, batch_id)
        self._in_history = AnswersInHistory(history, THIS_MACHINE, batch_id)
        self._places = {key_of(cell.request): cell for cell in self._in_history.cells()}
        for key, cell in self._places.items():
            row = self._file.rows.get(key)
            if row is not None and (not cell.answered or (cell.failed and not row.failed)):
                started, ended = (datetime.fromisoformat(moment) for moment in (row.started, row.ended))
                self._in_history.store(cell, answer_of(row, cell.request), started, ended)

    def store(self, cell: BatchCell, answer: Answer, started: datetime) -> None:
        key = key_of(cell.request)
        self._file.append(answer_row(self._ids[key[:3]], cell, answer, started))
        place = self._places.get(key)  # None where the question was deleted from the history
        if self._in_history is not None and place is not None:
            self._in_history.store(place, answer, started)

    def unscored(self) -> Iterator[UnscoredAnswer]:
        """The file has no place for scores: they stand in the history."""
        yield from () if self._in_history is None else self._in_history.unscored()

    def store_score(self, unscored: UnscoredAnswer, answer: Answer) -> None:
        assert self._in_history is not None, "what has no score was found there"
        self._in_history.store_score(unscored, answer)

    def unsaved(self) -> int:
        return 0 if self._in_history is None else self._in_history.unsaved()

    def close(self) -> None:
        if self._in_history is not None:
            self._in_history.close()

    def _begun(self, history: History, name: str, batch_id: str) -> str:
        """The id under which it was; a batch deleted a while ago still holds its own."""
        from history.problems import NotDone

        try:
            stored = begin_batch(history, THIS_MACHINE, name, self._questions, self._asked, batch_id)
        except NotDone:
            stored = begin_batch(history, THIS_MACHINE, name, self._questions, self._asked)
        return stored.head.id

    def _batch_id(self, requests: Sequence[AnswerRequest]) -> str:
        """The same questions asked in the same way into the same file are the same batch."""
        everything = "\n".join([str(self._file.path), *map(request_json, requests)])
        return sha256(everything.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def key_of(request: AnswerRequest) -> Key:
    turn = request.conversation.turns[-1]
    return turn.question, turn.input, request.conversation.system, request.model_id


def answer_row(question_id: str, cell: BatchCell, answer: Answer, started: datetime) -> AnswerRow:
    question, input, system, model_id = key_of(cell.request)
    return AnswerRow(
        question_id=question_id,
        question=question,
        input=input,
        system=system,
        model=model_id,
        text=answer.text,
        finish_reason=str(answer.finish_reason),
        error=answer.error or "",
        prompt=answer.prompt,
        revision=answer.revision or "",
        quantization=answer.quantization,
        format=answer.format_id,
        settings=_way(cell.request),
        attempt=cell.attempt + 1,
        measures=answer.measures,
        started=started.isoformat(timespec="milliseconds"),
        ended=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )


def answer_of(row: AnswerRow, request: AnswerRequest) -> Answer:
    """The answer again, as far as a row holds it."""
    return Answer(
        model_id=row.model,
        text=row.text,
        finish_reason=FinishReason(row.finish_reason),
        settings=request.settings,
        prompt=row.prompt,
        format_id=row.format,
        revision=row.revision or None,
        quantization=row.quantization,
        measures=row.measures,
        cause=cause_of(row.error) if row.error else None,
    )


def _way(request: AnswerRequest) -> str:
    """How a request asks, as text that is equal when the way is."""
    way = {
        **asdict(request.settings),
        "format": request.format_id,
        "quantization": request.quantization,
        "thinking": request.thinking,
        "reproducible": request.reproducible,
    }
    return json.dumps(way, ensure_ascii=False)


def _check_same_way(row: AnswerRow, request: AnswerRequest, file_name: str) -> None:
    if row.settings == _way(request):
        return
    before, now = _way_before(row, file_name), json.loads(_way(request))
    changes = [
        f"{name} was {before.get(name)}, now {now[name]}" for name in now if before.get(name) != now[name]
    ]
    if not changes:
        return
    raise BadRequest("answers-asked-otherwise", file=file_name, model=row.model, changes=changes)


def _way_before(row: AnswerRow, file_name: str) -> dict[str, Any]:
    try:
        before = json.loads(row.settings)
    except (ValueError, RecursionError):
        before = None
    if isinstance(before, dict):
        return with_new_keys(before)
    raise BadEntry("answers-settings-changed", file=file_name, question=row.question_id, model=row.model)
