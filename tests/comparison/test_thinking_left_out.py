"""A model's thinking is kept with its text, and is no part of the answer wherever an answer is used.

Run: python -m pytest tests/comparison/test_thinking_left_out.py
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from comparison.asking import AskingService, HowToAnswer, SentQuestion
from comparison.batch.results import result_rows
from comparison.export.making import ExportKind, make_export
from comparison.preference_pairs import JudgedPairs, add_from_history
from comparison.run import Run
from comparison.runs import LiveRuns
from comparison.scoring import score_of
from comparison.turns import conversation
from dashboard.texts import read_texts
from history.history import History
from history.records import MarkChange
from model_registry.spec import GenerationDefaults
from tests.engines.scripted_engine import Script, ScriptedEngine

OWNER = "owner"
THOUGHT = "<think>\n하나, 둘, 셋…\n</think>\n\n서울"


class Thinking:
    """A model that thinks and one that does not are asked; a judge's score is the length of what it reads."""

    def __init__(self, home: Path) -> None:
        scripts = {
            "thinks": Script(pieces=(THOUGHT,)),
            "plain": Script(pieces=("부산",)),
            "judge": Script(scores=lambda text: float(len(text))),
        }
        self.engine, self.history, self.runs = ScriptedEngine(scripts), History(home), LiveRuns()
        self.asking = AskingService(self.engine, lambda _: GenerationDefaults(), self.history, self.runs)

    def asked(self) -> Run:
        how = HowToAnswer(score_with="judge")
        run = self.asking.ask(OWNER, SentQuestion("수도는?", "", ("thinks", "plain"), how))
        assert run.wait(5)
        return run

    def close(self) -> None:
        self.engine.close()
        self.history.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Thinking]:
    made = Thinking(tmp_path)
    yield made
    made.close()


def test_it_is_stored_whole_and_left_out_of_score_batch_and_the_next_question(house: Thinking) -> None:
    run = house.asked()
    turns = conversation(house.runs, house.history, OWNER, run.id, 1)
    thinks = turns[0].columns[0]
    assert (thinks.text, thinks.said, thinks.parts.thinking) == (THOUGHT, "서울", "하나, 둘, 셋…")
    assert thinks.answer is not None and score_of(thinks.answer.extras) == ("judge", 2.0)
    stored = house.history.get(OWNER, run.id)
    assert stored is not None
    row = result_rows([stored], {("수도는?", ""): "하나"})[0]
    assert (row.text, row.characters, row.as_expected) == ("서울", 2, False)
    following = SentQuestion("그래서?", "", ("thinks",), HowToAnswer(), goes_on=True)
    second = house.asking.ask(OWNER, following, turns)
    assert second.wait(5)
    assert second.requests[0].conversation.turns[0].answer == "서울"


def test_the_switch_is_asked_of_the_models_named_and_stands_with_what_was_asked(house: Thinking) -> None:
    how = HowToAnswer(thinking={"thinks": False})
    run = house.asking.ask(OWNER, SentQuestion("수도는?", "", ("thinks", "plain"), how))
    assert run.wait(5)
    stored = house.history.get(OWNER, run.id)
    assert stored is not None and [each.thinking for each in stored.head.requests] == [False, None]
    assert house.asking.how_asked(stored.head.requests).thinking == {"thinks": False}


def test_pairs_are_of_answers(house: Thinking) -> None:
    run = house.asked()
    house.asking.mark(OWNER, run.id, 0, 1, MarkChange(better=True))
    pairs = JudgedPairs()
    add_from_history(pairs, house.history, OWNER)
    assert [(row["chosen"], row["rejected"]) for row in pairs.rows] == [("서울", "부산")]


@pytest.mark.parametrize("kind", ExportKind)
def test_an_export_has_it_in_a_place_of_its_own(house: Thinking, kind: ExportKind, tmp_path: Path) -> None:
    house.asked()
    words = read_texts("ko").report
    path = make_export(kind, lambda: house.history.flat(OWNER), tmp_path, datetime.now(UTC), words)
    text = path.read_text(encoding="utf-8-sig")
    assert "<think>" not in text and text.count("하나, 둘, 셋…") == 1
    if kind is ExportKind.MARKDOWN:
        assert text.index("생각 과정:") < text.index("하나, 둘, 셋…") < text.index("서울")
        return
    rows = [json.loads(line) for line in text.splitlines()] if kind is ExportKind.JSONL else []
    rows = rows or list(csv.DictReader(text.splitlines()))
    answer, thinking = ("thinks", "thinks thinking") if kind is ExportKind.WIDE else ("text", "thinking")
    assert (rows[0][answer], rows[0][thinking]) == ("서울", "하나, 둘, 셋…")
    assert kind is ExportKind.WIDE or (rows[1]["text"], rows[1].get("thinking") or "") == ("부산", "")
