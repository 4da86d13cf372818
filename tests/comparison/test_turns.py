"""Pictures of questions: the same for a run at work and for one of the history.

Run: python -m pytest tests/comparison/test_turns.py
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from comparison.going_on import going_on
from comparison.run import Run, RunColumn
from comparison.runs import LiveRuns
from comparison.turns import (
    TurnPicture,
    asking_again,
    conversation,
    picture_of_run,
    picture_of_stored,
    run_of_stored,
    same_answers,
)
from engines.base import Answer, FinishReason, GenerationSettings
from history.history import History
from history.records import HistoryFilter, RunHead, StoredAnswer, StoredState
from prompts.conversation import Conversation, Turn
from tests.comparison.made_requests import requests_for
from tests.engines.scripted_engine import Script, ScriptedEngine

OWNER = "owner"
ENDLESS = Script(pieces=("가",), repeats=True, seconds_per_piece=0.01)
STATES = {FinishReason.FAILED: StoredState.FAILED, FinishReason.STOPPED: StoredState.STOPPED}


@pytest.fixture
def engine() -> Iterator[ScriptedEngine]:
    scripted = ScriptedEngine({"endless": ENDLESS, "breaks": Script.out_of_memory()})
    yield scripted
    scripted.close()


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    opened = History(tmp_path)
    yield opened
    opened.close()


def ask(
    engine: ScriptedEngine,
    runs: LiveRuns,
    history: History,
    *models: str,
    question: str = "왜?",
    before: TurnPicture | None = None,
) -> Run:
    def keep(run: Run, column: RunColumn, answer: Answer) -> Answer:
        state = STATES.get(answer.finish_reason, StoredState.DONE)
        now = datetime.now(UTC)
        history.store(
            run.id, StoredAnswer(column.position, column.attempt, state, answer, column.started, now)
        )
        return answer

    settings = GenerationSettings(max_new_tokens=100_000)
    shown = going_on([before], models, Turn(question)) if before else {}
    requests = requests_for(Conversation.ask(question), models, settings)
    return runs.start(
        engine,
        [replace(each, conversation=shown.get(each.model_id, each.conversation)) for each in requests],
        keep,
        owner=OWNER,
        previous=before.run_id if before else None,
        begun=lambda run: history.begin(RunHead(run.id, OWNER, run.created, run.requests, run.previous)),
    )


def test_a_stored_run_looks_as_it_did_alive(engine: ScriptedEngine, history: History) -> None:
    runs = LiveRuns()
    run = ask(engine, runs, history, "a", "breaks")
    assert run.wait(5)
    alive = picture_of_run(run)
    stored = history.get(OWNER, run.id)
    assert stored is not None
    assert picture_of_stored(stored) == alive
    assert [column.state for column in alive.columns] == ["done", "failed"] and alive.ended


def test_a_conversation_is_gathered_from_both_and_bounded(engine: ScriptedEngine, history: History) -> None:
    runs = LiveRuns()
    turns: list[str] = []
    before = None
    for question in ("하나", "둘", "셋"):
        run = ask(engine, runs, history, "a", "b", question=question, before=before)
        assert run.wait(5)
        (*_, before) = conversation(runs, history, OWNER, run.id, 10)
        turns.append(run.id)
    new_process = LiveRuns()
    for known in (runs, new_process):
        found = conversation(known, history, OWNER, turns[-1], 10)
        assert [turn.question for turn in found] == ["하나", "둘", "셋"]
        assert [turn.earlier for turn in found] == [0, 1, 2]
        assert [turn.run_id for turn in conversation(known, history, OWNER, turns[-1], 2)] == turns[1:]
    assert conversation(runs, history, "another", turns[-1], 10) == ()
    assert conversation(runs, history, OWNER, "none", 10) == ()


def test_asked_again_the_answers_are_told_same_or_different(engine: ScriptedEngine, history: History) -> None:
    runs = LiveRuns()
    before = ask(engine, runs, history, "a", "breaks")
    assert before.wait(5)
    again = runs.start(engine, asking_again(picture_of_run(before)))
    other = ScriptedEngine(default=Script(pieces=("다른 말",)))
    changed = runs.start(other, asking_again(picture_of_run(before)))
    assert again.wait(5) and changed.wait(5)
    assert same_answers(picture_of_run(before), picture_of_run(again)) == (True, None)
    assert same_answers(picture_of_run(before), picture_of_run(changed)) == (False, None)
    other.close()


def test_a_run_of_the_history_can_be_asked_again_in_one_column(
    engine: ScriptedEngine, history: History
) -> None:
    run = ask(engine, LiveRuns(), history, "a", "b")
    assert run.wait(5)
    stored = history.get(OWNER, run.id)
    assert stored is not None
    revived, runs = run_of_stored(stored, lambda run, column, answer: answer), LiveRuns()
    assert revived.ended and revived.columns[1].attempt == 1
    begun: list[int] = []
    runs.ask_again(engine, revived, 1, begun.append)
    assert revived.wait(5) and begun == [2]
    assert runs.get(run.id, OWNER) is revived
    assert revived.columns[1].live.view().text == run.columns[1].live.view().text


def test_an_interrupted_answer_counts_as_ended(engine: ScriptedEngine, tmp_path: Path) -> None:
    history = History(tmp_path)
    requests = requests_for(Conversation.ask("왜?"), ["a"], GenerationSettings())
    history.begin(RunHead("r", OWNER, datetime.now(UTC), requests))
    history.close()
    reopened = History(tmp_path)
    (turn,) = conversation(LiveRuns(), reopened, OWNER, "r", 1)
    assert turn.ended and turn.columns[0].state == "interrupted"
    assert going_on([turn], ["a"], Turn("또?"))["a"].turns[0].question == "또?"
    assert reopened.page(OWNER, HistoryFilter()).runs
    reopened.close()
