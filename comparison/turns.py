"""One question with its answers as a picture to draw, the same for a run at work and one of the history.

A conversation is gathered from both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from comparison.run import KeepAnswer, Run, RunColumn
from comparison.runs import LiveRuns
from engines.base import ENDED, Answer, AnswerRequest, FinishReason, LiveAnswer, Measures, State
from history.records import (
    MARK,
    MARKABLE,
    AnswerMark,
    Marks,
    StoredAnswer,
    StoredRun,
    StoredState,
    mark_of,
)
from prompts.thinking import SplitAnswer, split_thinking, thinking_style

if TYPE_CHECKING:
    from history.history import History


@dataclass(frozen=True)
class ColumnPicture:
    """One answer at one moment."""

    position: int
    attempt: int
    request: AnswerRequest
    state: str
    """A State, or 'interrupted'."""
    text: str
    measures: Measures = Measures()
    progress: float | None = None
    note: str = ""
    answer: Answer | None = None
    unsaved: bool = False
    """Only in memory still."""
    thinking_style: str = ""
    """How its prompt begins thinking (prompts.thinking)."""

    @property
    def ended(self) -> bool:
        return self.state == StoredState.INTERRUPTED or self.state in ENDED

    @property
    def parts(self) -> SplitAnswer:
        """Its thinking and its answer; the marks of both stand in the text alone."""
        return split_thinking(self.text, self.thinking_style, growing=not self.ended)

    @property
    def said(self) -> str:
        """The answer without its thinking."""
        return self.parts.answer

    @property
    def comparable(self) -> bool:
        """Whether it is an answer that can be found better or worse than another."""
        return self.state == State.DONE and bool(self.text) and not self.unsaved

    @property
    def markable(self) -> bool:
        """Whether it can be found good or bad by itself."""
        return self.state in MARKABLE and bool(self.text) and not self.unsaved

    @property
    def mark(self) -> AnswerMark:
        return AnswerMark() if self.answer is None else mark_of(self.answer.extras)


@dataclass(frozen=True)
class TurnPicture:
    """A question and its columns, by position."""

    run_id: str
    created: datetime
    question: str
    input: str
    system: str
    columns: tuple[ColumnPicture, ...]
    earlier: int
    """Turns of the conversation before this one."""
    kind: str = ""
    """As `Run.kind`."""
    names_hidden: bool = False
    """Nothing in it tells which model is which (hidden_names.py)."""

    @property
    def ended(self) -> bool:
        return all(column.ended for column in self.columns)


def picture_of_column(column: RunColumn, marks: Marks | None = None) -> ColumnPicture:
    view = column.live.view()
    answer = view.answer
    if answer is not None and marks is not None:
        mark = marks.get((column.position, column.attempt))
        others = {name: value for name, value in answer.extras.items() if name != MARK}
        answer = replace(answer, extras=others if mark is None else {**others, MARK: mark})
    return ColumnPicture(
        position=column.position,
        attempt=column.attempt,
        request=column.request,
        state=view.state,
        text=view.text,
        measures=view.measures,
        progress=view.progress,
        note=view.note,
        answer=answer,
        unsaved=view.not_kept is not None,
        thinking_style=thinking_style(answer.prompt) if answer else column.live.thinking_style,
    )


def picture_of_run(run: Run) -> TurnPicture:
    columns = tuple(picture_of_column(column, run.marks) for column in run.columns)
    return _turn(run.id, run.created, run.requests, columns, run.kind)


def picture_of_stored(stored: StoredRun) -> TurnPicture:
    requests = stored.head.requests
    columns = tuple(picture_of_answer(requests[answer.position], answer) for answer in stored.answers)
    return _turn(stored.head.id, stored.head.created, requests, columns, stored.head.kind)


def conversation(
    runs: LiveRuns, history: History, owner: str, run_id: str, limit: int
) -> tuple[TurnPicture, ...]:
    """The last turns that lead to this run, oldest first; of one still in memory as it is now. Empty where
    there is no such run of this owner."""
    turns: list[TurnPicture] = []
    wanted: str | None = run_id
    while wanted is not None and len(turns) < limit:
        run = runs.get(wanted, owner)
        if run is not None:
            turns.append(_with_unsaved(picture_of_run(run), history))
            wanted = run.previous
            continue
        stored = history.get(owner, wanted)
        if stored is None:
            break
        turns.append(_with_unsaved(picture_of_stored(stored), history))
        wanted = stored.head.previous
    return tuple(reversed(turns))


def who_left(before: TurnPicture, now: TurnPicture) -> tuple[str, ...]:
    """The models that were asked the question before and not this one."""
    asked = {column.request.model_id for column in now.columns}
    return tuple(column.request.model_id for column in before.columns if column.request.model_id not in asked)


def run_of_stored(stored: StoredRun, keep: KeepAnswer) -> Run:
    """A run of the history as one of the process again, everything in it ended."""
    answers = {answer.position: answer for answer in stored.answers}
    columns = tuple(
        _ended_column(position, request, answers.get(position))
        for position, request in enumerate(stored.head.requests)
    )
    head = stored.head
    return Run(columns, head.id, head.created, head.owner, head.previous, head.kind, keep)


def _ended_column(position: int, request: AnswerRequest, stored: StoredAnswer | None) -> RunColumn:
    live = LiveAnswer(request.model_id)
    if stored is None or stored.answer is None:
        live.finish(Answer(request.model_id, "", FinishReason.STOPPED, request.settings))
        return RunColumn(position, request, live, stored.attempt if stored else 0)
    live.finish(stored.answer)
    return RunColumn(position, request, live, stored.attempt, stored.started)


def asking_again(turn: TurnPicture) -> tuple[AnswerRequest, ...]:
    """The same requests once more."""
    return tuple(column.request for column in turn.columns)


def same_answers(before: TurnPicture, now: TurnPicture) -> tuple[bool | None, ...]:
    """For each column whether the text is the same to the byte; None where either has none to compare."""
    earlier = {column.request: column.answer for column in before.columns}
    return tuple(_same(earlier.get(column.request), column.answer) for column in now.columns)


def _same(before: Answer | None, now: Answer | None) -> bool | None:
    if before is None or now is None or before.error or now.error:
        return None
    return before.text == now.text


def picture_of_answer(request: AnswerRequest, stored: StoredAnswer) -> ColumnPicture:
    answer = stored.answer
    state = State.WAITING if stored.state is StoredState.RUNNING else stored.state
    return ColumnPicture(
        position=stored.position,
        attempt=stored.attempt,
        request=request,
        state=state,
        text=answer.text if answer else "",
        measures=answer.measures if answer else Measures(),
        answer=answer,
        thinking_style=thinking_style(answer.prompt) if answer else "",
    )


def _with_unsaved(turn: TurnPicture, history: History) -> TurnPicture:
    if history.status().unsaved == 0:
        return replace(turn, columns=tuple(replace(column, unsaved=False) for column in turn.columns))
    columns = tuple(
        replace(column, unsaved=history.unsaved(turn.run_id, column.position)) for column in turn.columns
    )
    return replace(turn, columns=columns)


def _turn(
    run_id: str,
    created: datetime,
    requests: tuple[AnswerRequest, ...],
    columns: tuple[ColumnPicture, ...],
    kind: str = "",
) -> TurnPicture:
    asked = requests[0].conversation
    earlier = max(len(request.conversation.turns) for request in requests) - 1
    last = asked.turns[-1]
    return TurnPicture(run_id, created, last.question, last.input, asked.system, columns, earlier, kind)
