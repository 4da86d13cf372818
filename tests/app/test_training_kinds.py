"""The kinds of training on their page: chosen in their order, set up, rewarded, begun, and gone on with.

Run: python -m pytest tests/app/test_training_kinds.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import resources
from dashboard.session import training
from dashboard.training.rewards_form import read
from dashboard.training.settings_form import layout_of
from finetune import jobs
from finetune.data.report import inspect
from finetune.job_check import Check
from finetune.run_folder import TrainingState, now
from model_registry.registry import load_registry
from tests.app.opened_pages import ask, open_services, opened, run_until, texts
from tests.app.training_pages import SETTINGS, keys, plain, trainings, until, written
from tests.engines.scripted_engine import Script, ScriptedEngine


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    with trainings(monkeypatch, tmp_path) as made:
        yield made


def of_kind(home: Path, name: str, kind: str) -> None:
    run = written(home, name, TrainingState.DONE, step=9, total_steps=9)
    run.write("manifest.json", {"started": now(), "kind": kind, "settings": SETTINGS})


def chosen(page: AppTest, kind: str) -> AppTest:
    return page.button(key=training.kind_key(kind)).click().run()


@pytest.mark.parametrize("kind", jobs.KINDS)
def test_every_kind_is_chosen_and_has_a_form_of_its_own(engine: ScriptedEngine, kind: str) -> None:
    page = chosen(opened("training"), kind)
    assert not page.exception
    assert page.button(key=training.kind_key(kind)).proto.type == "primary"
    set_here = {str(widget.key).rpartition("_set_")[2] for widget in (*page.number_input, *page.selectbox)}
    for name in layout_of(kind).main:
        assert any(key.endswith(f"_{name}") for key in set_here), name
    methods = page.selectbox(key=training.field_key(form(page, kind), "method")).options
    assert ("전체 파인튜닝" in methods) == (kind == "sft")


def form(page: AppTest, kind: str) -> str:
    base = str(page.selectbox(key=training.BASE).value)
    recipe = page.selectbox(key=training.recipe_key(kind, base)).value
    return f"none_{kind}" if recipe == "none" else str(recipe)


def test_each_step_says_what_is_there_to_build_on(engine: ScriptedEngine, tmp_path: Path) -> None:
    page = chosen(opened("training"), "ppo")
    assert "아직 끝난 SFT가 없습니다" in plain(page) and "아직 끝난 보상 모델이 없습니다" in plain(page)
    of_kind(tmp_path, "친구", "sft")
    of_kind(tmp_path, "judge-1", "reward")
    page = chosen(opened("training"), "ppo")
    assert "이어서 학습할 수 있는 SFT: 친구" in plain(page).replace("*", "")
    assert "쓸 수 있는 보상 모델: judge-1" in plain(page).replace("*", "")
    assert "보상 모델의 점수" in page.multiselect[0].options


def test_rewards_are_picked_weighed_and_begun_with(engine: ScriptedEngine, tmp_path: Path) -> None:
    of_kind(tmp_path, "judge", "reward")
    page = chosen(opened("training"), "grpo")
    base = str(page.selectbox(key=training.BASE).value)
    page.selectbox(key=training.recipe_key("grpo", base)).set_value("none").run()
    page.segmented_control(key=training.SOURCE).set_value("path").run()
    page.text_area[0].set_value("/somewhere/prompts.jsonl").run()
    assert "보상을 하나 이상" in texts(page) and page.button(key=training.START).disabled
    parts = training.reward_key("none_grpo", "parts")
    page.multiselect(key=parts).set_value(["model", "length", "level", "ended"]).run()
    page.selectbox(key=training.reward_key("none_grpo", "level_argument")).set_value("polite").run()
    page.number_input(key=training.reward_key("none_grpo", "ended_weight")).set_value(0.5).run()
    page.number_input(key=training.reward_key("none_grpo", "length_to")).set_value(9).run()
    assert "20-9" in plain(page) and training.START not in keys(page), "what the settings refuse is said"
    page.number_input(key=training.reward_key("none_grpo", "length_to")).set_value(90).run()
    page.text_input(key=training.NAME).set_value("begun").run()
    page.number_input(key=training.field_key("none_grpo", "epochs")).set_value(60.0).run()
    page.button(key=training.START).click().run()
    until(page, "학습하는 중")
    held = jobs.job(tmp_path, "begun")
    assert held is not None and held.kind == "grpo"
    assert held.settings["rewards"] == ["model=judge", "length=20-90", "level=polite", "ended*0.5"]


def test_a_reward_is_read_as_it_was_written() -> None:
    assert read("length=20-90*0.5") == ("length", "20-90", 0.5)
    assert read("level=familiar") == ("level", "familiar", 1.0)
    assert read("ended*2") == ("ended", "", 2.0)


def test_settings_that_contradict_each_other_are_said_for_every_kind(engine: ScriptedEngine) -> None:
    page = chosen(opened("training"), "grpo")
    name = form(page, "grpo")
    page.number_input(key=training.field_key(name, "batch")).set_value(12).run()
    page.number_input(key=training.field_key(name, "group")).set_value(8).run()
    assert training.START not in keys(page) and not page.exception


def test_pairs_are_shown_with_both_answers_and_what_is_wrong_with_them(
    engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"prompt": f"{n}번?", "chosen": "길고 긴 답이에요", "rejected": "답"} for n in range(20)]
    rows.append({**rows[0], "chosen": rows[0]["rejected"], "rejected": rows[0]["chosen"]})
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    report = asdict(inspect([str(path)], None, "demo-koalpaca", load_registry()))
    monkeypatch.setattr(jobs, "check", lambda *_: Check(data=report))
    page = chosen(opened("training"), "dpo")
    page.segmented_control(key=training.SOURCE).set_value("path").run()
    page.text_area[0].set_value(str(path)).run()
    page.button(key=training.CHECK).click().run()
    shown = plain(page)
    assert not page.exception and "선호 쌍 (prompt, chosen, rejected)" in str(page.dataframe[0].value)
    assert "선호 쌍의 95%에서 더 나은 답이 더 깁니다" in shown
    assert "뒤바뀐 행이 1개 있습니다(pairs.jsonl, line 21)" in shown
    figures = {metric.label: metric.value for metric in page.metric}
    assert (figures["선호 쌍"], figures["서로 다른 질문"]) == ("21", "20") and "chosen 토큰 중앙값" in figures
    assert "chosen" in shown and "rejected" in shown


def test_a_recipe_brings_its_data_unless_other_data_was_given(engine: ScriptedEngine) -> None:
    page = chosen(opened("training"), "ppo")
    page.selectbox(key=training.BASE).set_value("demo-korwkv").run()
    assert page.segmented_control(key=training.SOURCE).value == "file"
    page.selectbox(key=training.BASE).set_value("demo-koalpaca").run()
    assert page.segmented_control(key=training.SOURCE).value == "recipe"
    assert "demo-pairs.jsonl" in plain(page) and not page.button(key=training.START).disabled
    page.segmented_control(key=training.SOURCE).set_value("path").run()
    page.text_area(key=training.PATHS).set_value("/somewhere/prompts.jsonl").run()
    chosen(page, "dpo")
    assert page.segmented_control(key=training.SOURCE).value == "path"


def test_answers_marked_on_the_comparison_become_the_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scripts = {"demo-kullm": Script(pieces=("서울이야.",)), "demo-chat": Script(pieces=("서울이에요.",))}
    with open_services(monkeypatch, tmp_path, scripts):
        page = chosen(opened("training"), "dpo")
        page.segmented_control(key=training.SOURCE).set_value("file").run()
        page.button(key=training.MARKED).click().run()
        assert "더 낫다고 표시한 답이 없습니다" in plain(page)
        asked = ask(opened(), models=list(scripts))
        run_until(asked, "서울이에요", 60)
        (run,) = resources.services().runs._kept.values()
        assert run.wait(10)
        asked.run().button(key=f"answer_{run.id}_0_better").click().run()
        page.button(key=training.MARKED).click().run()
        assert "고른 답 1쌍.jsonl" in plain(page)
        (path,) = (tmp_path / "uploads").rglob("*.jsonl")
        row = json.loads(path.read_text(encoding="utf-8"))
        assert (row["prompt"], row["chosen"], row["rejected"]) == ("수도는?", "서울이야.", "서울이에요.")
        assert not page.button(key=training.START).disabled
        assert training.MARKED not in keys(chosen(page, "grpo")), "no pairs are learned there"
