"""From a person's wish to a run: ask, go on, ask one again; what is asked and answered goes into the history.

Knows: which service does which part.
Refuses to know: streamlit, and what is drawn of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from comparison.keeping import ended, head_of
from comparison.presets import GenerationChoice, settings_for, wish_of
from comparison.run import Run, RunColumn
from comparison.runs import LiveRuns
from comparison.turns import run_of_stored
from engines.base import Answer, AnswerRequest, Engine
from errors import UnknownName
from history.history import History
from model_registry.registry import Registry
from prompts.conversation import Conversation


@dataclass(frozen=True)
class How:
    """How a person wants to be answered by all models."""

    wish: GenerationChoice
    system: str = ""
    format_id: str | None = None
    reproducible: bool = False


def how_asked(registry: Registry, requests: Sequence[AnswerRequest]) -> How:
    """What was set when these were asked; of what differs between them, what the first was asked with."""
    wish = wish_of([(registry.get(each.model_id).generation, each.settings) for each in requests])
    first = requests[0]
    return How(wish, first.conversation.system, first.format_id, first.reproducible)


@dataclass(frozen=True)
class Question:
    """What a person sends: the words, to whom, and how, all as it was when it was sent."""

    text: str
    input: str
    models: tuple[str, ...]
    how: How
    quantizations: Mapping[str, str]
    goes_on: bool = False
    """With the conversation before it."""
    lender: int | None = None
    """The position of the answer that whoever joins late takes over."""


def requests(
    registry: Registry, question: Question, shown: Mapping[str, Conversation]
) -> tuple[AnswerRequest, ...]:
    """One request a model, each shown its own conversation, with its own settings under the same wish."""
    how = question.how
    return tuple(
        AnswerRequest(
            model_id=model_id,
            conversation=shown[model_id],
            settings=settings_for(registry.get(model_id).generation, how.wish),
            format_id=how.format_id,
            quantization=question.quantizations.get(model_id),
            reproducible=how.reproducible,
        )
        for model_id in question.models
    )


class Asking:
    """What one person asks."""

    def __init__(self, engine: Engine, runs: LiveRuns, history: History, owner: str) -> None:
        self._engine, self._runs, self._history, self._owner = engine, runs, history, owner

    def ask(self, requests: Sequence[AnswerRequest], previous: str | None = None) -> Run:
        return self._runs.start(
            self._engine,
            requests,
            self._keep,
            owner=self._owner,
            previous=previous,
            begun=self._begun,
        )

    def ask_again(self, run_id: str, position: int) -> None:
        """One column once more, also of a run that only the history still has."""
        run = self._runs.get(run_id, self._owner)
        if run is None:
            stored = self._history.get(self._owner, run_id)
            if stored is None:
                raise UnknownName("question", run_id, ())
            run = run_of_stored(stored, self._keep)
        request = run.columns[position].request
        self._runs.ask_again(
            self._engine,
            run,
            position,
            lambda attempt: self._history.begin_attempt(run.id, position, attempt, request),
        )

    def _begun(self, run: Run) -> None:
        self._history.begin(head_of(run))

    def _keep(self, run: Run, column: RunColumn, answer: Answer) -> None:
        self._history.store(run.id, ended(column, answer))
