"""Batches: what is in flight, what is stored, what is still to ask. Run: python -m pytest tests/comparison"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from comparison.batch.cells import BatchCell, plan_of
from comparison.batch.queue import QueueOutcome, RequestQueue
from comparison.questions import Question
from comparison.terminal.answer_file import AnswerFile
from comparison.terminal.answers_in_file import AnswersInFile, answer_row
from engines.base import Answer, AnswerRequest, FinishReason, GenerationSettings, LiveAnswer, Measures
from errors import AS_WRITTEN, BadEntry, BadRequest, Cause
from prompts.conversation import Conversation
from tests.engines.scripted_engine import Script, ScriptedEngine

ENDLESS = Script(pieces=("가",), repeats=True, seconds_per_piece=0.01)


def requests(count: int, *models: str) -> list[AnswerRequest]:
    settings = GenerationSettings(max_new_tokens=100_000)
    return [
        AnswerRequest(model, Conversation.ask(f"{at}?"), settings) for at in range(count) for model in models
    ]


class Counting(ScriptedEngine):
    """Counts how many questions each model has at the same time."""

    def __init__(self, script: Script) -> None:
        super().__init__(default=script)
        self.open: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.counting = threading.Lock()

    def submit(self, request: AnswerRequest, live: LiveAnswer) -> None:
        keep = live.keep
        assert keep is not None

        def closing(answer: Answer) -> object:
            with self.counting:
                self.open[request.model_id] -= 1
            return keep(answer)

        live.keep = closing  # type: ignore[assignment]
        with self.counting:
            self.open[request.model_id] += 1
            self.most[request.model_id] = max(self.most[request.model_id], self.open[request.model_id])
        super().submit(request, live)


def test_every_request_is_stored_once_before_it_is_reported() -> None:
    asked = requests(20, "a", "b")
    stored: list[int] = []
    reported: list[tuple[int, bool]] = []
    keepers: set[str] = set()

    def store(at: int, answer: Answer, asked_at: datetime) -> None:
        keepers.add(threading.current_thread().name)
        stored.append(at)

    engine = ScriptedEngine()
    outcome = RequestQueue(
        engine, asked, store, lambda at, answer: reported.append((at, at in stored)), 3
    ).run()
    engine.close()
    assert outcome == QueueOutcome(answered=40)
    assert sorted(stored) == list(range(40)) and sorted(reported) == [(at, True) for at in range(40)]
    assert len(keepers) == 1, "rows come from one thread and cannot mix"


def test_as_many_are_in_flight_for_each_model_as_allowed() -> None:
    engine = Counting(Script(pieces=("가", "나"), seconds_per_piece=0.01))
    RequestQueue(engine, requests(12, "a", "b"), lambda *_: None, lambda *_: None, 3).run()
    engine.close()
    assert engine.most == {"a": 3, "b": 3}


def test_a_failed_answer_is_stored_and_counted() -> None:
    engine = ScriptedEngine({"bad": Script.out_of_memory()})
    stored: list[FinishReason] = []
    outcome = RequestQueue(
        engine,
        requests(2, "ok", "bad"),
        lambda at, a, when: stored.append(a.finish_reason),
        lambda *_: None,
        2,
    ).run()
    engine.close()
    assert outcome == QueueOutcome(answered=4, failed=2)
    assert Counter(stored) == {FinishReason.EOS: 2, FinishReason.FAILED: 2}


def test_stopping_keeps_what_was_answered_and_stores_no_half_answer() -> None:
    engine = ScriptedEngine({"endless": ENDLESS})
    stored: list[str] = []
    batch = RequestQueue(
        engine,
        requests(5, "quick", "endless"),
        lambda at, answer, when: stored.append(answer.model_id),
        lambda at, answer: batch.stop() if len(stored) == 5 else None,
        2,
    )
    outcome = batch.run()
    engine.close()
    assert outcome == QueueOutcome(answered=5, stopped=True)
    assert stored == ["quick"] * 5


def test_a_store_that_fails_ends_the_batch_and_says_why() -> None:
    engine = ScriptedEngine({"endless": ENDLESS})
    reported: list[int] = []

    def store(at: int, answer: Answer, asked_at: datetime) -> None:
        if len(reported) == 3:
            raise OSError(28, "No space left on device")

    batch = RequestQueue(
        engine, requests(9, "a", "endless"), store, lambda at, answer: reported.append(at), 1
    )
    outcome = batch.run()
    engine.close()
    assert (outcome.answered, outcome.stopped, len(reported)) == (3, True, 3)
    assert isinstance(outcome.not_kept, OSError)


QUESTIONS = [Question("1", "가?"), Question("2", "나?", "글", "말"), Question("3", "다?")]
ASKED = [AnswerRequest(model, Conversation.ask(" ")) for model in ("a", "b")]


def cells(file: AnswerFile, *asked: AnswerRequest) -> list[BatchCell]:
    return list(AnswersInFile(file, QUESTIONS, asked or ASKED).cells())


def left(file: AnswerFile, *asked: AnswerRequest, retry_failed: bool = False) -> list[tuple[str, str, int]]:
    """Question, model and the attempts before, of the cells that are still to be asked."""
    return [
        (cell.request.conversation.turns[-1].question, cell.request.model_id, cell.attempt)
        for cell in plan_of(cells(file, *asked), retry_failed).left
    ]


def stored(path: Path, *finished: tuple[int, FinishReason]) -> AnswerFile:
    """The file of a batch in which the cells at these places were answered."""
    file = AnswerFile(path)
    planned = cells(file)
    for at, reason in finished:
        failed = reason is FinishReason.FAILED
        answer = Answer(
            model_id=planned[at].request.model_id,
            text="답",
            finish_reason=reason,
            settings=planned[at].request.settings,
            measures=Measures(load_seconds=1.5, tokens_in=3, tokens_out=1, peak_bytes=10**9),
            cause=Cause(AS_WRITTEN, sentence="broke") if failed else None,
        )
        file.append(answer_row(QUESTIONS[at // 2].id, planned[at], answer, datetime.now().astimezone()))
    file.close()
    file = AnswerFile(path)
    file.close()
    return file


def test_what_is_in_the_file_is_not_asked_again(tmp_path: Path) -> None:
    file = stored(tmp_path / "out.csv", (0, FinishReason.EOS), (3, FinishReason.FAILED))
    assert left(file) == [("가?", "b", 0), ("나?", "a", 0), ("다?", "a", 0), ("다?", "b", 0)]


def test_a_failed_cell_is_asked_again_when_wished_and_counts_its_attempts(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    file = stored(path, *((at, FinishReason.EOS) for at in (0, 1, 2, 4, 5)), (3, FinishReason.FAILED))
    assert left(file) == []
    assert left(file, retry_failed=True) == [("나?", "b", 1)]
    file = stored(path, (3, FinishReason.FAILED))
    assert left(file, retry_failed=True) == [("나?", "b", 2)]
    file = stored(path, (3, FinishReason.LENGTH))
    assert left(file, retry_failed=True) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"settings": GenerationSettings(temperature=0.7)}, "temperature was 0.0, now 0.7"),
        ({"settings": GenerationSettings(stop_strings=("끝",))}, r"stop_strings was \[\], now \['끝'\]"),
        ({"format_id": "kullm"}, "format was None, now kullm"),
        ({"quantization": "nf4"}, "quantization was None, now nf4"),
        ({"reproducible": True}, "reproducible was False, now True"),
    ],
)
def test_a_file_asked_in_another_way_is_refused(tmp_path: Path, change: dict[str, object], says: str) -> None:
    file = stored(tmp_path / "out.csv", (0, FinishReason.EOS))
    changed = replace(ASKED[0], **change)  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match=says):
        left(file, changed)
    assert len(left(file, replace(changed, model_id="c"))) == len(QUESTIONS), "another model is asked anew"


@pytest.mark.parametrize("edited", ["", "seed: 3", "[1]", "null", "[" * 100_000, '{"seed": '])
def test_settings_that_were_edited_are_refused_by_their_row(tmp_path: Path, edited: str) -> None:
    file = stored(tmp_path / "out.csv", (3, FinishReason.EOS))
    file.rows = {key: replace(row, settings=edited) for key, row in file.rows.items()}
    says = r"^out\.csv, question 2 to b: the settings are not as they were written\. Name another file\.$"
    with pytest.raises(BadEntry, match=says):
        left(file)


def test_settings_that_a_spreadsheet_wrote_anew_are_the_same_way(tmp_path: Path) -> None:
    file = stored(tmp_path / "out.csv", *((at, FinishReason.EOS) for at in range(6)))
    file.rows = {key: replace(row, settings=f" {row.settings} ") for key, row in file.rows.items()}
    assert left(file) == []
