"""What a finished training of any kind shows, and what it offers next: reports, the next step, side by side.

Run: python -m pytest tests/app/test_training_outcomes.py
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import resources
from dashboard.session import compare, training
from errors import AS_WRITTEN, Cause
from errors.note import Note, note_facts, stored_notes
from finetune.run_folder import TrainingState, now
from tests.app.opened_pages import opened, texts
from tests.app.training_pages import HOSTILE, SETTINGS, keys, listed, plain, trainings, written
from tests.engines.scripted_engine import ScriptedEngine

JUDGED: dict[str, Any] = {
    "model_id": "judge",
    "held_out": {"accuracy": 0.98, "low": 0.9, "high": 0.997, "pairs": 54, "margin": 5.6},
    "calibration_error": 0.021,
    "length": {
        "correlation": 0.71,
        "matched": {"accuracy": 0.94, "low": 0.8, "high": 1.0, "pairs": 17},
        "chosen_shorter": None,
    },
    "swapped_prompts": {"before": 3.1, "after": 1.2},
    "cut_answers": {"before": 3.1, "after": 3.4},
}
REWARDED: dict[str, Any] = {
    "model_id": "tuned",
    "base_id": "demo-kullm",
    "held_out": {
        "reward_before": 0.0,
        "reward_after": 0.78,
        "exact_before": 0.0,
        "exact_after": 0.41,
        "ended_after": 1.0,
    },
    "kl": 8.3,
    "learned": True,
    "samples": [{"question": HOSTILE, "expected": "가", "before": "나", "after": "다"}],
}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    with trainings(monkeypatch, tmp_path) as made:
        yield made


def finished(home: Path, kind: str, report: Mapping[str, Any], base: str = "demo-kullm") -> AppTest:
    name = str(report["model_id"])
    run = written(home, name, TrainingState.DONE, step=9, total_steps=9)
    run.write("manifest.json", {"started": now(), "kind": kind, "settings": {**SETTINGS, "base_model": base}})
    run.write("report.json", dict(report))
    return opened("training", training=name)


def table(page: AppTest) -> str:
    return "\n".join(str(each.value.to_string()) for each in page.dataframe)


def test_a_reward_model_is_judged_by_more_than_its_accuracy(engine: ScriptedEngine, tmp_path: Path) -> None:
    page = finished(tmp_path, "reward", JUDGED)
    assert "54개 가운데 98%" in plain(page) and "90%~100%" in plain(page)
    shown = table(page)
    assert "5.60" in shown and "0.021" in shown and "+0.71" in shown and "94%" in shown
    assert "답의 길이를 따라갑니다" in shown and "질문에 맞는 답인지 봅니다" in shown
    assert "끝맺지 않게 될 수 있습니다" in shown and "더 짧은 쌍" not in shown


def test_a_reward_model_that_may_be_guessing_is_said(engine: ScriptedEngine, tmp_path: Path) -> None:
    report = {"model_id": "judge", "held_out": {**JUDGED["held_out"], "accuracy": 0.6, "low": 0.41}}
    page = finished(tmp_path, "reward", report)
    assert "PPO를 시작할 수 없습니다" in plain(page) and not page.success


@pytest.mark.parametrize("kind", ["dpo", "kto", "grpo", "rloo", "ppo"])
def test_before_and_after_of_every_kind(engine: ScriptedEngine, tmp_path: Path, kind: str) -> None:
    page = finished(tmp_path, kind, REWARDED)
    shown = table(page)
    assert "0.780" in shown and "41%" in shown and "100%" in shown and "8.3" in shown
    assert HOSTILE in [text.value for text in page.text] and not page.warning


@pytest.mark.parametrize("kind", ["dpo", "ppo"])
def test_a_reward_that_began_at_rounding_is_no_change_in_percent(
    engine: ScriptedEngine, tmp_path: Path, kind: str
) -> None:
    held = {**REWARDED["held_out"], "reward_before": -8e-9, "reward_after": 0.621}
    page = finished(tmp_path, kind, {**REWARDED, "held_out": held})
    shown = table(page)
    assert "+0.621" in shown and "-0.000" not in shown
    (row,) = [row for row in listed(opened("training")) if row["name"] == "tuned"]
    assert (row["before"], row["change"]) == (0.0, "+0.621") and math.copysign(1, row["before"]) == 1


def test_judged_answers_are_not_called_pairs(engine: ScriptedEngine, tmp_path: Path) -> None:
    held = {**REWARDED["held_out"], "accuracy": 0.61, "chosen_change": 4.05}
    shown = table(finished(tmp_path, "kto", {**REWARDED, "held_out": held}))
    assert "좋은 답과 나쁜 답" in shown and "+4.05" in shown and "쌍" not in shown


def test_what_did_not_learn_says_why_in_the_reader_s_language(engine: ScriptedEngine, tmp_path: Path) -> None:
    cause = Cause("setting-out-of-range", name="kl", low=0, high=10, value=11)
    report = {**REWARDED, "learned": False, "why": HOSTILE, "why_facts": cause.as_json()}
    page = finished(tmp_path, "ppo", report)
    (said,) = [each.value for each in page.warning]
    assert "배운 것이 없습니다" in said and "11" in said and "script" not in said
    report = {**REWARDED, "model_id": "old", "learned": False, "why": HOSTILE}
    page = finished(tmp_path, "ppo", report)
    assert HOSTILE in plain(page) and "<script>" not in "".join(each.value for each in page.warning)


def test_a_better_answer_that_became_unlikely_is_said(engine: ScriptedEngine, tmp_path: Path) -> None:
    report = {**REWARDED, "held_out": {**REWARDED["held_out"], "chosen_change": -130.6}}
    assert "130.60 낮아졌습니다" in plain(finished(tmp_path, "dpo", report))


@pytest.mark.parametrize("kind", ["kto", "ppo"])
def test_a_model_far_from_its_reference_is_warned_of_once(
    engine: ScriptedEngine, tmp_path: Path, kind: str
) -> None:
    notes = [Note("note-kl-far", kl=21.3, most=12.0)]
    page = finished(tmp_path, kind, {**REWARDED, "notes": notes, "note_facts": note_facts(notes)})
    (said,) = [each.value for each in page.warning]
    assert "KL이 21" in said and not [each for each in page.caption if "KL이 21" in each.value]


@pytest.mark.parametrize(
    "report", [{}, {"held_out": {}}, {"held_out": None, "length": None, "learned": None}]
)
@pytest.mark.parametrize("kind", ["reward", "ppo"])
def test_a_report_of_which_parts_are_missing_is_drawn(
    engine: ScriptedEngine, tmp_path: Path, kind: str, report: Mapping[str, Any]
) -> None:
    assert not finished(tmp_path, kind, {"model_id": "tuned", **report}).exception


def test_a_finished_tuning_is_carried_on_to_a_reward_model(engine: ScriptedEngine, tmp_path: Path) -> None:
    page = finished(tmp_path, "sft", {"model_id": "demo-kullm-banmal"})
    assert {training.next_key(kind) for kind in ("reward", "dpo", "grpo")} <= keys(page)
    page.button(key=training.next_key("reward")).click().run()
    assert "training" not in page.query_params and not page.exception
    assert page.button(key=training.kind_key("reward")).proto.type == "primary"
    assert page.selectbox(key=training.BASE).value == "demo-kullm-banmal"
    assert "위에서 학습한 어댑터입니다" in texts(page)
    page.button(key=training.kind_key("sft")).click().run()
    assert page.selectbox(key=training.BASE).value != "demo-kullm-banmal", "an adapter is no base of SFT"


def test_a_reward_model_is_carried_on_to_ppo_over_its_own_base(
    engine: ScriptedEngine, tmp_path: Path
) -> None:
    page = finished(tmp_path, "reward", JUDGED, base="demo-kullm-banmal")
    page.button(key=training.next_key("ppo")).click().run()
    assert page.button(key=training.kind_key("ppo")).proto.type == "primary"
    assert page.selectbox(key=training.BASE).value == "demo-kullm-banmal"
    rewards = next(each for each in page.multiselect if str(each.key).endswith("_parts"))
    assert rewards.value == ["model"]
    assert next(each for each in page.selectbox if str(each.key).endswith("model_argument")).value == "judge"
    page.button(key=training.kind_key("grpo")).click().run()
    rewards = next(each for each in page.multiselect if str(each.key).endswith("_parts"))
    assert "model" not in rewards.value, "what was chosen anew begins anew"


def test_base_tuned_and_rewarded_stand_side_by_side(engine: ScriptedEngine, tmp_path: Path) -> None:
    spec = resources.services().registry.get("demo-kullm-banmal")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tuned.toml").write_text(
        f"""[[model]]
id = "tuned"
title = "tuned"
source = "{spec.local.source}"
family = "demo"
architecture = "gpt_neox"
parameters = 131072
context_length = 512
license = {{ name = "apache-2.0", commercial = "yes" }}
prompt_format = "kullm"
adapter = {{ base = "demo-kullm" }}
"""
    )
    page = finished(tmp_path, "ppo", REWARDED, base="demo-kullm-banmal")
    page.button(key=training.COMPARE).click().run()
    assert page.session_state["compare_picked"] == ["demo-kullm", "demo-kullm-banmal", "tuned"]


def test_a_reward_model_scores_on_the_comparison(engine: ScriptedEngine, tmp_path: Path) -> None:
    spec = resources.services().registry.get("demo-kullm-banmal")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "judge.toml").write_text(
        f"""[[model]]
id = "judge"
title = "judge"
task = "reward"
source = "{spec.local.source}"
family = "demo"
architecture = "gpt_neox"
parameters = 131072
context_length = 512
license = {{ name = "apache-2.0", commercial = "yes" }}
prompt_format = "kullm"
adapter = {{ base = "demo-kullm" }}
"""
    )
    page = finished(tmp_path, "reward", JUDGED, base="demo-kullm-banmal")
    page.button(key=training.COMPARE).click().run()
    assert not page.exception and page.selectbox(key=compare.SCORE_WITH).value == "judge"
    assert page.session_state["compare_picked"] == ["demo-kullm", "demo-kullm-banmal"]


def test_the_list_tells_kinds_apart(engine: ScriptedEngine, tmp_path: Path) -> None:
    finished(tmp_path, "reward", JUDGED)
    finished(tmp_path, "ppo", REWARDED)
    page = opened("training")
    assert [(row["name"], row["kind"]) for row in listed(page)] == [("tuned", "PPO"), ("judge", "보상 모델")]
    page.button_group(key=training.KIND_FILTER).set_value("ppo").run()
    assert [row["name"] for row in listed(page)] == ["tuned"]


def test_what_was_decided_is_said_in_the_reader_s_language(engine: ScriptedEngine, tmp_path: Path) -> None:
    told = Cause("told-field", name="<b>굵게</b>", count=3)
    notes = [
        Note("note-best-kept", step=3, last=7, loss=0.12345),
        Note("note-of-file", file="질문.jsonl", told=told),
        Note("note-not-packed", why=Note("packing-recurrent")),
        "A sentence that nobody knows any more.",
    ]
    report = {**REWARDED, "notes": notes, "note_facts": note_facts(notes)}
    for name, kept in (("now", report), ("before", {**report, "note_facts": None})):
        page = finished(tmp_path, "ppo", {**kept, "model_id": name})
        said = [each.value.replace("\\", "") for each in page.caption]
        assert "전체 7스텝 가운데 검증 손실이 가장 낮은(0.1235) 3스텝의 가중치를 남겼습니다." in said, said
        korean = "질문.jsonl: '<b>굵게</b>' 필드를 뺐습니다(메시지 3개)."
        assert (korean if name == "now" else notes[1]) in said, "too little of its own to be known again"
        assert any("순환 신경망은" in each for each in said), "a reason within a note"
        assert "A sentence that nobody knows any more." in said
        assert "<b>" not in "".join(each.value for each in page.caption)
    page.session_state["language"] = "en"
    assert str(notes[0]) in [each.value.replace("\\", "") for each in page.run().caption]


@pytest.mark.parametrize("notes", [None, 5, [None], [{"a": 1}], {"a": 1}])
def test_notes_that_nobody_wrote_break_nothing(notes: object) -> None:
    assert all(cause.code == AS_WRITTEN for cause in stored_notes({"notes": notes, "note_facts": notes}))
