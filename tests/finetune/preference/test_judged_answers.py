"""A tuning on judged answers compares each with answers to other questions, and needs good and bad ones.

Run: python -m pytest tests/finetune/preference/test_judged_answers.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from errors import BadRequest
from finetune.preference import kto
from finetune.preference.kto import JudgedTrainer, answers_to_others, train
from finetune.preference.reference import log_probs_of
from finetune.preference.report import PreferenceMeasures, nothing_learned
from finetune.preference.rows import LabeledRow
from finetune.preference_settings import KtoSettings
from finetune.training.measuring import Answered
from tests.finetune.training.training_house import NAMES


def row(prompt: int, answer: int) -> LabeledRow:
    return LabeledRow((prompt,), (answer,), good=True, source="")


def test_an_answer_is_compared_with_one_to_another_question() -> None:
    rows = [row(1, 10), row(1, 11), row(2, 20), row(3, 30), row(1, 12)]
    others = answers_to_others(rows)
    assert [(one.prompt_ids, one.answer_ids) for one in others] == [
        *[((1,), (20,)), ((1,), (20,)), ((2,), (30,)), ((3,), (12,)), ((1,), (20,))],
    ]
    assert [one.answer_ids for one in answers_to_others([row(1, 10), row(1, 11)])] == [(10,), (11,)]


@pytest.mark.parametrize("good", [True, False])
def test_answers_that_are_all_alike_are_refused(good: bool, house: Path, tmp_path: Path) -> None:
    rows = [{"prompt": f"{one}?", "completion": two, "label": good} for one, two in NAMES]
    data = tmp_path / "judged.jsonl"
    data.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    settings = KtoSettings(base_model="tiny", data=(str(data),), name=f"all-{good}")
    with pytest.raises(BadRequest, match=f"are {'good' if good else 'bad'}. A tuning on judged answers"):
        train(settings, house, device="cpu")


def test_the_reference_is_asked_for_the_very_answers_that_are_learned(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is learned the network finds every answer as likely as the reference does."""
    moved: list[float] = []

    class Looking(JudgedTrainer):
        def train(self, *given: Any, **more: Any) -> Any:
            now = log_probs_of(self._learner.network, self._others, 4).sum(1)
            moved.append(float((now - self._reference[:, 1]).abs().max()))
            return super().train(*given, **more)

    monkeypatch.setattr(kto, "JudgedTrainer", Looking)
    data = (str(house.parent / "pairs.jsonl"),)
    settings = KtoSettings(base_model="tiny", data=data, name="judged", max_tokens=64, max_steps=1)
    train(settings, house, device="cpu")
    assert moved == [pytest.approx(0.0, abs=1e-3)]


@pytest.mark.parametrize(
    ("margin", "error", "code"),
    [(0.62, 0.1, None), (0.16, 0.1, "preference-not-risen"), (-0.5, 0.1, "preference-not-risen")],
)
def test_margins_that_rose_by_chance_are_not_called_learned(
    margin: float, error: float, code: str | None
) -> None:
    """Though answers are others than before: noise changes answers, too."""
    before, after = (
        PreferenceMeasures({"reward": reward, "reward_error": error}, (Answered("", "?", "!", said),))
        for reward, said in ((0.0, "a"), (margin, "b"))
    )
    found = nothing_learned(before, after, True, 1.0)
    assert (found and found.code) == code
