"""Answers that a reward model scores as they end: stored first, scored then, and never lost over it.

Run: python -m pytest tests/comparison/test_scored_answers.py
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from comparison.asking import ANY_QUESTION, AskingService, HowToAnswer, SentQuestion
from comparison.batch.progress import BatchState
from comparison.batch.results import Measure, result_rows, summaries
from comparison.export.csv_files import write_long_csv
from comparison.presets import GenerationChoice
from comparison.run import Run
from comparison.runs import LiveRuns
from comparison.scoring import PROBLEM, REWARD, score_of, score_wish
from engines.base import Answer, AnswerRequest, Engine, LiveAnswer
from errors import AS_WRITTEN, OutOfMemory
from history.history import History
from model_registry.spec import GenerationDefaults, ModelSpec
from tests.comparison.batch_house import OWNER, Make, questions, until
from tests.comparison.batch_house import history as history
from tests.comparison.batch_house import make as make
from tests.engines.reward_adapters import make_reward_adapter, reward_spec
from tests.engines.running_engine import make_models, open_engine
from tests.engines.scripted_engine import Script, ScriptedEngine

BROKEN = OutOfMemory(AS_WRITTEN, sentence="The judge ran out of memory.")
SCRIPTS = {
    "long": Script(("하나 ", "둘 ", "셋")),
    "short": Script(("하나",)),
    "fails": Script.out_of_memory(pieces_before_failure=1),
    "judge": Script(scores=lambda text: float(len(text))),
    "broken": Script(failure=BROKEN),
    "slow": Script(scores=lambda _: 1.0, seconds_per_piece=600),
}


class Judged(ScriptedEngine):
    """Remembers what it was asked to score."""

    def __init__(self) -> None:
        super().__init__(SCRIPTS)
        self.judged: list[AnswerRequest] = []
        self.hurries = False

    def script_of(self, model_id: str) -> Script:
        return SCRIPTS["judge"] if self.hurries and model_id == "slow" else super().script_of(model_id)

    def submit(self, request: AnswerRequest, live: LiveAnswer) -> None:
        if request.choices:
            self.judged.append(request)
        super().submit(request, live)


@pytest.fixture
def engine() -> Iterator[Judged]:
    made = Judged()
    yield made
    made.close()


def ask(engine: Engine, history: History, models: str, judge: str, **settings: int) -> Run:
    asking = AskingService(engine, lambda _: GenerationDefaults(), history, LiveRuns())
    how = HowToAnswer(GenerationChoice(figures=settings), score_with=judge)
    return asking.ask(OWNER, SentQuestion("왜?", "", tuple(models.split()), how))


def kept(history: History, run: Run) -> list[Answer]:
    stored = history.get(OWNER, run.id)
    assert stored is not None
    return [answer.answer for answer in stored.answers if answer.answer is not None]


def test_every_answer_that_ended_is_scored_and_the_score_is_stored(engine: Judged, history: History) -> None:
    run = ask(engine, history, "long short fails", "judge")
    assert run.wait(5)
    shown = [view.answer for view in (live.view() for live in run.answers) if view.answer]
    assert [score_of(answer.extras) for answer in shown] == [("judge", 6.0), ("judge", 2.0), None]
    assert kept(history, run) == shown
    assert all(request.conversation == run.requests[0].conversation for request in engine.judged)


def test_an_answer_that_reached_its_length_is_scored_as_cut(engine: Judged, history: History) -> None:
    assert ask(engine, history, "long short", "judge", max_new_tokens=2).wait(5)
    assert {(request.choices, request.cut) for request in engine.judged} == {
        (("하나 둘 ",), True),
        (("하나",), False),
    }


def test_a_reward_model_that_fails_costs_a_sentence_and_no_answer(engine: Judged, history: History) -> None:
    run = ask(engine, history, "long", "broken")
    assert run.wait(5)
    (answer,) = kept(history, run)
    assert (answer.text, answer.error, REWARD in answer.extras) == ("하나 둘 셋", None, False)
    assert "ran out of memory" in json.dumps(answer.extras[PROBLEM])


def test_an_answer_is_on_disk_before_its_score_and_a_stop_ends_the_scoring(
    engine: Judged, history: History
) -> None:
    run = ask(engine, history, "long", "slow")
    until(lambda: bool(engine.judged))
    assert not run.ended and [answer.text for answer in kept(history, run)] == ["하나 둘 셋"]
    run.stop_all()
    assert run.wait(5)
    (answer,) = kept(history, run)
    assert (answer.text, answer.extras) == ("하나 둘 셋", {})


def test_a_column_that_is_asked_again_is_scored_again(engine: Judged, history: History) -> None:
    runs = LiveRuns()
    asking = AskingService(engine, lambda _: GenerationDefaults(), history, runs)
    run = asking.ask(OWNER, SentQuestion("왜?", "", ("short",), HowToAnswer(score_with="judge")))
    assert run.wait(5) and asking.how_asked(run.requests).score_with == "judge"
    asking.ask_again(OWNER, run.id, 0)
    assert run.wait(5)
    assert len(engine.judged) == 2 and score_of(kept(history, run)[0].extras) == ("judge", 2.0)


def test_a_batch_is_scored_when_all_is_answered_and_goes_on_scoring_where_it_was_left(
    engine: Judged, history: History, make: Make, tmp_path: Path
) -> None:
    jobs = make(engine)
    asked = [AnswerRequest(id, ANY_QUESTION, extras=score_wish("slow")) for id in ("long", "fails")]
    job = jobs.start(OWNER, "이름", questions(3), asked)
    until(lambda: bool(engine.judged))
    assert job.view().done == 6
    job.stop()
    assert job.wait(10)
    engine.hurries = True
    on = jobs.go_on(OWNER, job.id)
    assert on.wait(10) and on.view().state is BatchState.DONE
    rows = result_rows(history.batch_runs(OWNER, job.id), {})
    assert [row.score for row in rows] == [6.0, None] * 3 == [Measure.SCORE.of(row) for row in rows]
    assert [(each.model_id, each.mean_score) for each in summaries(rows)] == [("long", 6.0), ("fails", None)]
    write_long_csv(partial(history.flat, OWNER), tmp_path / "all.csv")
    with (tmp_path / "all.csv").open(encoding="utf-8-sig", newline="") as file:
        scores = [row["extras.reward"] for row in csv.DictReader(file)]
    assert sorted(filter(None, scores)) == ['{"slow": 6.0}'] * 3


def test_scores_come_also_where_memory_holds_one_model(history: History, tmp_path: Path) -> None:
    specs: dict[str, ModelSpec] = make_models(tmp_path, {"a": "gpt_neox", "b": "llama", "c": "gpt_neox"})
    folder = make_reward_adapter(tmp_path / "judge", Path(specs["c"].local.source), "gpt_neox")
    judge = reward_spec(folder, specs["c"], "gpt_neox")
    with open_engine({**specs, judge.id: judge}) as plenty:
        assert ask(plenty.engine, history, "a b", judge.id, max_new_tokens=4).wait(30)
        most = min(each.weight_bytes for each in plenty.view().residents)
    with open_engine({**specs, judge.id: judge}, budget=int(most * 1.9)) as tight:
        run = ask(tight.engine, history, "a b", judge.id, max_new_tokens=4)
        assert run.wait(60), "the storing thread and the pool wait for each other"
        assert len(tight.view().residents) == 1
    found = [score_of(answer.extras) for answer in kept(history, run)]
    assert [each[0] for each in found if each is not None] == [judge.id] * 2
