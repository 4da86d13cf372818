"""From a person's wish to stored answers: ask, go on with a conversation, ask one column again, ask a batch.

Pages and command lines ask through here alone, so what is asked in either stands in the same history.
Nothing is known here of streamlit or a terminal, and of models no more than the settings they recommend.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from comparison.attempts import attempts_of
from comparison.going_on import PickedAnswer, going_on, going_on_from
from comparison.presets import GenerationChoice, choice_of, settings_for
from comparison.run import Run, RunColumn, check_requests
from comparison.scoring import lacks_score, score_wish, scored, scorer_of
from comparison.turns import ColumnPicture, TurnPicture, conversation, run_of_stored
from engines.base import Answer, AnswerRequest, Engine
from errors import BadRequest, UnknownName
from history.records import MarkChange, RunHead, StoredAnswer
from prompts.conversation import Conversation, Turn

if TYPE_CHECKING:
    from comparison.runs import LiveRuns
    from history.history import History
    from model_registry.spec import GenerationDefaults

Recommended = Callable[[str], "GenerationDefaults"]
"""The settings that the source of a model, named by its id, recommends."""

FinishAnswer = Callable[[AnswerRequest, Answer], Answer]
"""What is added to an answer's extras once its text is whole, before it is stored."""

TellAnswer = Callable[[ColumnPicture], ColumnPicture]
"""What models are shown of an earlier question and its answer when a following one is asked."""

ANY_QUESTION = Conversation.ask(" ")
"""Stands in requests whose question is not known yet."""


@dataclass(frozen=True)
class HowToAnswer:
    """How a person wants to be answered by all models."""

    choice: GenerationChoice = GenerationChoice()
    system: str = ""
    format_id: str | None = None
    """None: each model's own."""
    reproducible: bool = False
    quantizations: Mapping[str, str] = field(default_factory=dict)
    """The quantization by model id; a model that is not named is loaded as its entry says."""
    score_with: str | None = None
    """The reward model that scores every answer."""
    thinking: Mapping[str, bool] = field(default_factory=dict)
    """Whether it is to think before it answers, by model id; one that is not named does as its template."""


@dataclass(frozen=True)
class SentQuestion:
    """What a person sends: the words, to whom, and how, all as it was when it was sent."""

    text: str
    input: str
    models: tuple[str, ...]
    how: HowToAnswer
    goes_on: bool = False
    """Whether the models are shown the conversation before it."""
    lender: int | None = None
    """The position of the answer that whoever joins late takes over."""
    picked: PickedAnswer | None = None
    """The answer that all go on with, whatever they said themselves."""
    extras: Mapping[str, object] = field(default_factory=dict)
    """What another room made the question of, as plain JSON values under the name of the room."""
    kind: str = ""
    """The room whose conversation it belongs to, where that is not a plain comparison."""
    input_above: bool = False
    """Whether the input is to be read before the question."""

    @property
    def turn(self) -> Turn:
        return Turn(self.text, self.input, input_above=self.input_above)

    @property
    def alone(self) -> Conversation:
        """The question without any before it."""
        return Conversation((self.turn,), self.how.system)


def requests_for(
    models: Sequence[str],
    shown: Conversation | Mapping[str, Conversation],
    how: HowToAnswer,
    recommended: Recommended,
    extras: Mapping[str, object] | None = None,
) -> tuple[AnswerRequest, ...]:
    """One request a model, each with its own settings under the same choice; `shown` may differ by model."""
    return tuple(
        AnswerRequest(
            model_id=model_id,
            conversation=shown if isinstance(shown, Conversation) else shown[model_id],
            settings=settings_for(recommended(model_id), how.choice),
            format_id=how.format_id,
            quantization=how.quantizations.get(model_id),
            thinking=how.thinking.get(model_id),
            reproducible=how.reproducible,
            extras={**(extras or {}), **score_wish(how.score_with)},
        )
        for model_id in models
    )


class AskingService:
    """One a process. Without a history answers are shown and not kept."""

    def __init__(
        self,
        engine: Engine,
        recommended: Recommended,
        history: History | None,
        runs: LiveRuns,
        finish: FinishAnswer = lambda request, answer: answer,
        told: TellAnswer = lambda column: column,
    ) -> None:
        self._engine, self._recommended, self._history = engine, recommended, history
        self._runs, self._finish, self._told = runs, finish, told

    def check(self, sent: SentQuestion) -> None:
        """Refuse what cannot be asked at all."""
        check_requests(self._requests(sent, sent.alone))

    def ask(self, owner: str, sent: SentQuestion, turns: Sequence[TurnPicture] = ()) -> Run:
        """`turns`: those that are shown of the conversation that a following question goes on with."""
        if sent.picked is not None:
            shown = self._shown_of(owner, sent, sent.picked)
            return self.ask_requests(owner, self._requests(sent, shown), sent.picked.run_id, sent.kind)
        if not (sent.goes_on and turns):
            return self.ask_requests(owner, self._requests(sent, sent.alone), kind=sent.kind)
        shown = self._shown(owner, sent, turns)
        return self.ask_requests(owner, self._requests(sent, shown), turns[-1].run_id, sent.kind)

    def ask_requests(
        self,
        owner: str,
        requests: Sequence[AnswerRequest],
        previous: str | None = None,
        kind: str = "",
    ) -> Run:
        """The run is begun in the history before the first question leaves, and each answer is stored there
        before its column counts as ended."""
        return self._runs.start(
            self._engine,
            requests,
            self._keep,
            owner=owner,
            previous=previous,
            kind=kind,
            begun=self._begun,
        )

    def ask_again(self, owner: str, run_id: str, position: int) -> None:
        """One column once more, also of a run that only the history still has."""
        run = self._runs.get(run_id, owner) or self._stored(owner, run_id)
        request = run.columns[position].request

        def begun(attempt: int) -> None:
            if self._history is not None:
                self._history.begin_attempt(run.id, position, attempt, request)

        self._runs.ask_again(self._engine, run, position, begun)

    def mark(self, owner: str, run_id: str, position: int, attempt: int, change: MarkChange) -> None:
        """What a person found of an answer; marking one as better takes that from another."""
        if self._history is not None:
            marks = self._history.mark(owner, run_id, position, change, attempt)
            run = self._runs.get(run_id, owner)
            if run is not None:
                run.marks = marks

    def batch_requests(self, models: Sequence[str], how: HowToAnswer) -> tuple[AnswerRequest, ...]:
        """How every question of a batch is asked, one request a model; the words come from the questions."""
        return requests_for(models, ANY_QUESTION, how, self._recommended)

    def how_asked(self, requests: Sequence[AnswerRequest]) -> HowToAnswer:
        """What was set when these were asked; of what differs between them, what the first was asked with."""
        choice = choice_of([(self._recommended(each.model_id), each.settings) for each in requests])
        first = requests[0]
        quantizations = {each.model_id: each.quantization for each in requests if each.quantization}
        system = first.conversation.system
        scorer = scorer_of(first)
        thinking = {each.model_id: each.thinking for each in requests if each.thinking is not None}
        return HowToAnswer(
            choice, system, first.format_id, first.reproducible, quantizations, scorer, thinking
        )

    def _requests(
        self, sent: SentQuestion, shown: Conversation | Mapping[str, Conversation]
    ) -> tuple[AnswerRequest, ...]:
        return requests_for(sent.models, shown, sent.how, self._recommended, sent.extras)

    def _shown(
        self, owner: str, sent: SentQuestion, turns: Sequence[TurnPicture]
    ) -> Mapping[str, Conversation]:
        """The whole conversation is only read where somebody who is asked now missed a part of it."""
        there = {column.request.model_id for column in turns[-1].columns}
        if self._history is not None and not there.issuperset(sent.models):
            turns = conversation(self._runs, self._history, owner, turns[-1].run_id, sys.maxsize)
        turns = [replace(turn, columns=tuple(map(self._told, turn.columns))) for turn in turns]
        return going_on(turns, sent.models, sent.turn, system=sent.how.system, lender=sent.lender)

    def _shown_of(self, owner: str, sent: SentQuestion, picked: PickedAnswer) -> Mapping[str, Conversation]:
        """The conversation of one answer, for all who are asked."""
        if self._history is None:
            raise BadRequest("answer-not-picked")
        found = conversation(self._runs, self._history, owner, picked.run_id, limit=1)
        for turn in found:
            if picked.position not in (column.position for column in turn.columns):
                continue
            column = attempts_of(self._history, owner, turn).named(picked.position, picked.attempt)
            if column is not None:
                return going_on_from(self._told(column), sent.models, sent.turn, sent.how.system)
        raise BadRequest("answer-not-picked")

    def _stored(self, owner: str, run_id: str) -> Run:
        stored = None if self._history is None else self._history.get(owner, run_id)
        if stored is None:
            raise UnknownName("question", run_id, ())
        return run_of_stored(stored, self._keep)

    def _begun(self, run: Run) -> None:
        if self._history is not None:
            head = RunHead(run.id, run.owner, run.created, run.requests, run.previous, kind=run.kind)
            self._history.begin(head)

    def _keep(self, run: Run, column: RunColumn, answer: Answer) -> Answer:
        finished = self._finish(column.request, answer)
        self._store(run, column, finished)
        if lacks_score(column.request, finished) and not column.live.stop_asked:
            finished = scored(self._engine, column.request, finished, column.live)
            self._store(run, column, finished)
        return finished

    def _store(self, run: Run, column: RunColumn, answer: Answer) -> None:
        if self._history is not None:
            ended = StoredAnswer.of(column.position, column.attempt, answer, column.started)
            self._history.store(run.id, ended)
