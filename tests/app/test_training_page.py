"""The page of trainings in its states, without a browser: empty, checked, waiting, learning, stopped, failed,
interrupted; and with what its check found.

Run: python -m pytest tests/app/test_training_page.py
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

import pytest

from dashboard import resources
from dashboard.errors import explain
from dashboard.session import owner, training
from dashboard.texts import read_texts
from dashboard.training import tuning
from dashboard.training.chain import BY_REWARDS, needs_of
from dashboard.training.rewards_form import named
from dashboard.training.settings_form import ELSEWHERE, help_for, layout_of
from engines.memory import PoolView, ResidentView
from errors import AS_WRITTEN, BadEntry, Cause, NaraniError
from finetune import jobs
from finetune.job_state import REQUEST
from finetune.jobs import Check, RunSettings
from finetune.run_folder import TrainingState, now
from tests.app.opened_pages import opened, texts
from tests.app.training_pages import (
    HOSTILE,
    SETTINGS,
    keys,
    listed,
    open_listed,
    plain,
    trainings,
    written,
)
from tests.engines.scripted_engine import ScriptedEngine


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    with trainings(monkeypatch, tmp_path) as made:
        yield made


def test_the_empty_page_says_what_to_do_first(engine: ScriptedEngine) -> None:
    page = opened("training")
    assert "아직 학습이 없습니다" in texts(page) and "확인해 보세요" in texts(page)
    assert "demo.jsonl" in plain(page), "the recipe that the toys bring along"
    page.segmented_control(key=training.SOURCE).set_value("file").run()
    assert "먼저 위에서 데이터를" in texts(page)
    assert page.button(key=training.START).disabled and page.button(key=training.CHECK).disabled


@pytest.mark.parametrize("kind", jobs.KINDS)
def test_every_setting_is_on_the_page_and_explained_in_both_languages(kind: str) -> None:
    layout, settings = layout_of(kind), jobs.KINDS[kind].settings
    shown = [*layout.main, *(name for names in layout.advanced.values() for name in names)]
    without = {"lora_dropout"} if kind in BY_REWARDS else set()  # there it has to be 0
    known = {field.name for field in fields(settings)}
    assert set(shown) | (ELSEWHERE & known) | without == known and len(shown) == len(set(shown))
    keys = {f"set_{name}" for name in shown} | set(layout.advanced)
    keys |= {f"state_{state}" for state in TrainingState}
    keys |= {f"method_{method}" for method in get_args(layout.hints["method"])}
    for language in ("ko", "en"):
        words = read_texts(language)
        assert keys <= set(words.training) and all(words.training[key] for key in keys)
        assert all(help_for(kind, name, words) for name in shown)
        assert {kind, f"long_{kind}", f"about_{kind}", f"needs_{needs_of(kind)}"} <= set(words.kinds)
        assert all(named(part, words) != part for part in jobs.REWARDS)


def test_a_recipe_fills_the_form_and_every_recipe_can_be_drawn(engine: ScriptedEngine) -> None:
    page, kind = opened("training"), "sft"
    # By kind, for the page is drawn whole where another is chosen.
    for recipe in sorted(jobs.all_recipes(), key=lambda recipe: recipe.kind):
        if recipe.kind != kind:
            kind = recipe.kind
            page.button(key=training.kind_key(kind)).click().run()
        base = str(page.selectbox(key=training.BASE).value)
        page.selectbox(key=training.recipe_key(recipe.kind, base)).set_value(recipe.name).run()
        assert not page.exception, recipe.name
        rate = page.number_input(key=training.field_key(recipe.name, "learning_rate")).value
        assert rate == recipe.with_defaults().learning_rate
    assert "데모" not in texts(page)


def test_settings_that_contradict_each_other_are_said(engine: ScriptedEngine) -> None:
    page = opened("training")
    page.number_input(key=training.field_key("demo", "micro_batch")).set_value(3).run()
    assert "마이크로 배치(3)의 배수여야" in plain(page) and training.START not in keys(page)
    page.number_input(key=training.field_key("demo", "micro_batch")).set_value(4).run()
    page.text_input(key=training.field_key("demo", "adam_betas")).set_value("0.9, none").run()
    assert "Adam 베타는" in plain(page) and training.START not in keys(page)
    page.text_input(key=training.field_key("demo", "adam_betas")).set_value("0.9, 0.99").run()
    assert training.START in keys(page)


def test_a_base_without_a_format_needs_one(engine: ScriptedEngine) -> None:
    page = opened("training")
    page.selectbox(key=training.BASE).set_value("polyglot-ko-5.8b").run()
    assert "학습할 형식을 골라" in texts(page) and page.button(key=training.START).disabled
    page.selectbox(key=f"{training.FORMAT}_polyglot-ko-5.8b_").set_value("koalpaca").run()
    assert "학습할 형식을 골라" not in texts(page)


def test_where_people_sign_in_the_machine_s_files_are_not_offered(
    engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = training.field_key("demo", "holdout_data")
    page = opened("training")
    offered = len(page.segmented_control(key=training.SOURCE).options)
    assert given in {widget.key for widget in page.text_input}
    monkeypatch.setattr(tuning, "offers_paths", lambda: False)
    page = opened("training")
    assert len(page.segmented_control(key=training.SOURCE).options) == offered - 1
    assert given not in {widget.key for widget in page.text_input}
    monkeypatch.undo()
    monkeypatch.setattr(owner, "sign_in_needed", lambda: True)
    assert not tuning.offers_paths()


@pytest.mark.parametrize(
    ("state", "changes", "says", "button"),
    [
        (TrainingState.QUEUED, {}, "곧 시작합니다", training.STOP),
        (TrainingState.PREPARING, {"pid": os.getpid()}, "준비하는 중", training.STOP),
        (TrainingState.MEASURING, {"pid": os.getpid()}, "검증하는 중", training.STOP),
        (
            TrainingState.TRAINING,
            {"pid": os.getpid(), "step": 12, "total_steps": 80, "seconds_left": 90.0},
            "약 2분 남음",
            training.STOP,
        ),
        (TrainingState.SAVING, {"pid": os.getpid()}, "저장하는 중", training.STOP),
        (TrainingState.TRAINING, {"pid": 2**40}, "이유를 남기지 못하고", training.RESUME),
        (TrainingState.STOPPED, {"step": 7, "total_steps": 80}, "이어서 학습할 수 있습니다", training.RESUME),
        (
            TrainingState.FAILED,
            {"error": "Memory ran out in step 3. Set micro_batch to 2.", "error_code": "out-of-memory"},
            "Set micro_batch to 2",
            training.RESUME,
        ),
        (
            TrainingState.FAILED,
            {"error": HOSTILE, "error_code": "no-such"},
            "학습이 실패했습니다",
            training.RESUME,
        ),
        (TrainingState.DONE, {"step": 80, "total_steps": 80}, "끝", None),
    ],
)
def test_every_state_is_drawn(
    engine: ScriptedEngine,
    tmp_path: Path,
    state: TrainingState,
    changes: dict[str, Any],
    says: str,
    button: str | None,
) -> None:
    run = written(tmp_path, "one", state, **changes)
    run.log.write_text(f"loading\n{HOSTILE}\n")
    page = opened("training", training="one")
    assert says in plain(page) and "질문.jsonl" in plain(page)
    assert keys(page) & {training.STOP, training.RESUME} == ({button} if button else set())
    assert page.code[0].value == f"loading\n{HOSTILE}"
    assert "<script>" not in "".join(element.value for element in page.markdown)


def test_a_failed_download_is_said_once_and_can_be_tried_again(
    engine: ScriptedEngine, tmp_path: Path
) -> None:
    cause = Cause("hub-unreachable", model="Qwen3 0.6B")
    failed = {"error": "x", "error_code": "unreachable", "error_facts": cause.as_json()}
    written(tmp_path, "one", TrainingState.FAILED, **failed)
    page = opened("training", training="one")
    assert [each.value for each in page.warning] == [explain(cause, read_texts("ko"))]
    assert page.button(key=training.RESUME).label == "다시 시도"


def test_a_waiting_run_names_what_it_waits_for(engine: ScriptedEngine, tmp_path: Path) -> None:
    written(tmp_path, "before", TrainingState.TRAINING, pid=os.getpid())
    run = written(tmp_path, "waiting", TrainingState.QUEUED, pid=os.getpid())
    run.write(REQUEST, {"asked": now(), "settings": SETTINGS})
    assert "before" in plain(opened("training", training="waiting"))


def test_a_run_of_a_terminal_is_in_the_list_and_in_english(engine: ScriptedEngine, tmp_path: Path) -> None:
    written(tmp_path, "from-terminal", TrainingState.TRAINING, pid=os.getpid(), step=3, total_steps=9)
    page = opened("training")
    assert [(row["name"], row["steps"]) for row in listed(page)] == [("from-terminal", "3 / 9")]
    page.session_state["language"] = "en"
    open_listed(page, "from-terminal")
    assert page.query_params["training"] in ("from-terminal", ["from-terminal"])
    assert "training" in texts(page) and "step 3 of 9" in str(page.get("progress")[0].proto.text)


def test_an_address_without_a_run_is_said(engine: ScriptedEngine) -> None:
    for name in ("nobody", "../../etc"):
        assert "찾을 수 없습니다" in texts(opened("training", training=name))


PLAN: dict[str, Any] = {
    "chosen": {"method": "lora", "checkpointing": False, "total": 9 * 10**9, "fits": False},
    "needs": [],
    "devices": [{"name": "GPU 0", "free": 5 * 10**9, "total": 10**10, "is_gpu": True}],
    "fits": False,
    "counted": False,
    "trainable": 1000,
    "parameters": 10**6,
    "lower": {"method": "qlora", "gradient_checkpointing": True, "micro_batch": 1},
    "lower_total": 3 * 10**9,
}


def test_what_does_not_fit_is_told_with_what_to_change_and_what_to_let_go(
    engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[RunSettings] = []

    def found(settings: RunSettings, home: Path) -> Check:
        asked.append(settings)
        refused = BadEntry("line-with-nul", file=HOSTILE, line=3)
        return Check(data_error=refused.cause.as_json(), plan=PLAN)

    resident = ResidentView("demo-chat", "none", (), 10**9, 0, 0, 5.0, 0.1)
    used = replace(resident, model_id="demo-kullm", leases=1)
    view = PoolView("cuda:0", 10**10, 2 * 10**9, 0, 0, (resident, used), 0, ())
    released: list[str] = []

    def release(_: object, model: str, quantization: str) -> bool:
        released.append(model)
        return True

    memory = resources.services().memory
    monkeypatch.setattr(jobs, "check", found)
    monkeypatch.setattr(type(memory), "view", lambda _: view)
    monkeypatch.setattr(type(memory), "release", release)
    page = opened("training").button(key=training.CHECK).click().run()
    shown = plain(page)
    lower = "방법 → QLoRA (4비트), 그래디언트 체크포인팅, 마이크로 배치 → 1"
    assert "들어가지 않습니다" in shown and lower in shown
    assert "3번째 줄에 NUL" in shown and "모델 2개가 2.0 GB" in shown
    page.run()
    assert len(asked) == 1, "what is known is not asked again"
    page.button(key=training.RELEASE).click().run()
    assert released == ["demo-chat"] and len(asked) == 2
    page.button(key=training.CHECK).click().run()
    opened("training").button(key=training.CHECK).click().run()
    assert len(asked) == 4, "what is asked anew, in this tab or another, is found out anew"
    page.number_input(key=training.field_key("demo", "batch")).set_value(16).run()
    assert "설정이 바뀌었습니다" in texts(page) and len(asked) == 4


def test_a_check_that_breaks_is_said(engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Check:
        raise NaraniError(AS_WRITTEN, sentence="The process broke off.")

    monkeypatch.setattr(jobs, "check", broken)
    assert "broke off" in plain(opened("training").button(key=training.CHECK).click().run())
