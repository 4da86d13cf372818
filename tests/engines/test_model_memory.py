"""What a person sees and steers of the memory: plans come true, what is kept stays, loads by hand are shared.

Run: python -m pytest tests/engines/test_model_memory.py
"""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.base import FinishReason, LiveAnswer, State
from engines.loading import load_model
from engines.loading.loaded import Estimate
from engines.memory import LiveLoad, PoolView
from errors import AS_WRITTEN, LoadError, NaraniError, UnknownName
from tests.engines.running_engine import RunningEngine, answer_of, make_models, open_engine, wait_until
from tests.engines.tiny_models import make_tiny_adapter, tiny_spec


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("models")
    small = make_models(folder, {"a": "gpt_neox", "b": "gpt_neox"}, hidden=128)
    large = make_models(folder, {"c": "gpt_neox", "d": "gpt_neox"}, hidden=192)
    over_a = make_tiny_adapter(folder / "over-a", folder / "a", ["query_key_value"])
    adapter = tiny_spec(over_a, id="over-a", adapter={"base": "a"}, eos_token_ids=[511], parameters=1000)
    return {**small, **large, "over-a": adapter}


@pytest.fixture(scope="module")
def sizes(specs: dict[str, Any]) -> dict[str, int]:
    """Measured bytes of each base."""
    with open_engine(specs) as running:
        for model_id in "abcd":
            loaded(running, model_id)
        return {each.model_id: each.weight_bytes for each in running.view().residents}


def loaded(running: RunningEngine, model_id: str, quantization: str = "none") -> LiveLoad:
    live = running.load(model_id, quantization)
    assert live.wait(20), live
    return live


def there(view: PoolView) -> list[str]:
    return [each.model_id for each in view.residents]


def released(running: RunningEngine) -> list[str]:
    return [event.model_id for event in running.view().events if event.what == "release"]


def test_a_load_by_hand_brings_a_model_that_is_then_idle(specs: dict[str, Any]) -> None:
    with open_engine(specs) as running:
        assert running.view().residents == ()
        assert loaded(running, "a").error is None
        (resident,) = running.view().residents
        assert (resident.model_id, resident.leases, resident.cache_bytes) == ("a", 0, 0)
        assert not resident.kept and resident.load_seconds > 0
        assert answer_of(running.ask("a")).finish_reason is FinishReason.LENGTH
        assert running.loads == ["a"]
        (event,) = running.view().events
        assert (event.what, event.used) == ("load", resident.weight_bytes)


def test_a_load_by_hand_and_questions_share_one_load_and_its_progress(specs: dict[str, Any]) -> None:
    go_on = threading.Event()

    def slow(spec: Any, quantization: str, device: Any, watch: Any) -> Any:
        watch.report("weights", 0.5)
        go_on.wait(10)
        return load_model(spec, quantization, device, watch)

    with open_engine(specs, load=slow) as running:
        live = running.load("a")
        answers = [running.ask("a", max_new_tokens=2) for _ in range(3)]
        assert running.load("a") is live
        wait_until(lambda: live.progress == 0.5)
        assert live.note == "weights" and running.hand_loads.all() == (live,)
        go_on.set()
        assert live.wait(20) and live.error is None and live.progress is None
        assert all(answer_of(each).finish_reason is FinishReason.LENGTH for each in answers)
        assert running.loads == ["a"]


@pytest.mark.parametrize("with_question", [False, True])
def test_a_stopped_load_by_hand_ends_alone(specs: dict[str, Any], with_question: bool) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(spec: Any, quantization: str, device: Any, watch: Any) -> Any:
        begun.set()
        go_on.wait(10)
        return load_model(spec, quantization, device, watch)

    with open_engine(specs, load=slow) as running:
        live = running.load("a")
        assert begun.wait(10)
        answer: LiveAnswer | None = running.ask("a", max_new_tokens=2) if with_question else None
        live.ask_to_stop()
        assert live.wait(2) and live.error is not None and live.error.category == "stopped"
        go_on.set()
        if answer is None:
            wait_until(lambda: running.view().used == 0)
            assert running.view().residents == ()
        else:
            assert answer_of(answer).finish_reason is FinishReason.LENGTH


def test_a_load_by_hand_stopped_while_it_waits_for_room(specs: dict[str, Any], sizes: dict[str, int]) -> None:
    with open_engine(specs, budget=int(sizes["a"] * 1.9)) as running:
        busy = running.ask("a", max_new_tokens=400)
        wait_until(lambda: busy.view().state is State.ANSWERING)
        live = running.load("b")
        wait_until(lambda: live.note == "memory")
        live.ask_to_stop()
        assert live.wait(2) and live.error is not None and live.error.category == "stopped"
        assert not busy.ended
        busy.ask_to_stop()
        answer_of(busy)
        assert running.loads == ["a"]


def test_what_is_wrong_with_a_load_lands_in_it(specs: dict[str, Any]) -> None:
    def broken(*_: Any) -> Any:
        raise LoadError(AS_WRITTEN, sentence="The weights are damaged.")

    with open_engine(specs, load=broken) as running:
        assert str(loaded(running, "a").error) == "The weights are damaged."
        assert isinstance(loaded(running, "nobody").error, UnknownName)
        error = loaded(running, "a", "three bits").error
        assert error is not None and error.category == "bad-request"
        with pytest.raises(NaraniError):
            running.engine.plan("nobody", "none")


def test_release_in_use_does_nothing_and_a_kept_idle_model_goes_by_hand(specs: dict[str, Any]) -> None:
    with open_engine(specs) as running:
        assert not running.engine.keep_loaded("a", "none", True)
        assert not running.engine.release("a", "none")
        live = running.ask("a", max_new_tokens=400)
        wait_until(lambda: live.view().state is State.ANSWERING)
        assert not running.engine.release("a", "none")
        live.ask_to_stop()
        answer_of(live)
        assert running.engine.keep_loaded("a", "none", True)
        assert running.view().residents[0].kept
        assert running.engine.release("a", "none")
        assert running.view().residents == ()
        loaded(running, "a")
        assert not running.view().residents[0].kept


def test_a_kept_model_outlives_loads_that_would_let_the_longest_unused_go(
    specs: dict[str, Any], sizes: dict[str, int]
) -> None:
    with open_engine(specs, budget=int((sizes["a"] + sizes["c"]) * 1.05)) as running:
        loaded(running, "a")
        running.engine.keep_loaded("a", "none", True)
        loaded(running, "b")
        assert loaded(running, "c").error is None
        assert there(running.view()) == ["a", "c"]
        running.engine.keep_loaded("a", "none", False)
        assert loaded(running, "b").error is None
        assert there(running.view()) == ["c", "b"]


def test_a_kept_model_outlives_the_caches_of_others(specs: dict[str, Any], sizes: dict[str, int]) -> None:
    """The question's cache would have room only in its place; so the question is refused, not the model."""
    budget = int((sizes["a"] + sizes["b"]) * 1.02)
    with open_engine(specs, budget=budget) as running:
        loaded(running, "a")
        running.engine.keep_loaded("a", "none", True)
        loaded(running, "b")
        assert answer_of(running.ask("b", max_new_tokens=480)).error_code == "out-of-memory"
        assert there(running.view()) == ["a", "b"]
        running.engine.keep_loaded("a", "none", False)
        assert answer_of(running.ask("b", max_new_tokens=480)).error is None
        assert there(running.view()) == ["b"]


def test_where_kept_models_are_the_reason_the_refusal_names_them_and_is_not_remembered(
    specs: dict[str, Any], sizes: dict[str, int]
) -> None:
    with open_engine(specs, budget=int(sizes["c"] * 1.3)) as running:
        loaded(running, "a")
        running.engine.keep_loaded("a", "none", True)
        loaded(running, "b")
        plan = running.engine.plan("c", "none")
        assert (plan.fits, plan.releases, plan.waits_for) == (False, (), ())
        error = loaded(running, "c").error
        assert error is not None and error.category == "no-room"
        assert "pinned models (a)" in str(error) and "with this question" not in str(error)
        assert there(running.view()) == ["a", "b"]
        running.engine.keep_loaded("a", "none", False)
        assert loaded(running, "c").error is None


def test_a_model_that_measures_larger_than_what_is_kept_leaves_room_for_is_given_up(
    specs: dict[str, Any], sizes: dict[str, int]
) -> None:
    with open_engine(specs, budget=int(sizes["c"] * 1.3)) as running:
        running.pool._estimate = lambda *_: Estimate(1000, 1, 0)  # far too little
        loaded(running, "a")
        running.engine.keep_loaded("a", "none", True)
        assert running.engine.plan("c", "none").fits
        error = loaded(running, "c").error
        assert error is not None and error.facts["measured"] and error.facts["kept"] == ("a",)
        assert there(running.view()) == ["a"] and running.view().used == sizes["a"]
        running.engine.keep_loaded("a", "none", False)
        assert loaded(running, "c").error is None and there(running.view()) == ["c"]


def test_keeping_what_a_load_waits_for_refuses_that_load(
    specs: dict[str, Any], sizes: dict[str, int]
) -> None:
    with open_engine(specs, budget=int(sizes["a"] * 1.9)) as running:
        busy = running.ask("a", max_new_tokens=400)
        wait_until(lambda: busy.view().state is State.ANSWERING)
        live = running.load("b")
        wait_until(lambda: live.note == "memory")
        assert running.engine.keep_loaded("a", "none", True)
        assert live.wait(5) and live.error is not None and live.error.facts["kept"] == ("a",)
        assert not busy.ended
        busy.ask_to_stop()
        answer_of(busy)


def test_a_plan_names_who_is_in_use_and_would_be_waited_for(
    specs: dict[str, Any], sizes: dict[str, int]
) -> None:
    with open_engine(specs, budget=sizes["a"] * 3) as running:
        loaded(running, "b")
        live = running.ask("a", max_new_tokens=400)
        wait_until(lambda: live.view().state is State.ANSWERING)
        plan = running.engine.plan("c", "none")
        assert [each.model_id for each in plan.releases] == ["b"]
        assert [each.model_id for each in plan.waits_for] == ["a"]
        assert plan.fits and plan.bytes_needed == pytest.approx(sizes["c"], rel=1e-3)
        assert running.engine.plan("a", "none").resident
        live.ask_to_stop()
        answer_of(live)


def test_an_adapter_is_planned_loaded_and_let_go_with_its_base(specs: dict[str, Any]) -> None:
    with open_engine(specs) as running:
        whole = running.engine.plan("over-a", "none").bytes_needed
        assert loaded(running, "a").error is None
        of_adapter = running.engine.plan("over-a", "none").bytes_needed
        assert 0 < of_adapter < whole and not running.engine.plan("over-a", "none").resident
        assert loaded(running, "over-a").error is None
        assert running.view().residents[0].adapters == ("over-a",)
        assert running.engine.plan("over-a", "none").resident
        assert running.engine.keep_loaded("over-a", "none", True) and running.view().residents[0].kept
        assert running.engine.release("a", "none")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["load", "load", "load", "keep", "unkeep", "release"]), st.sampled_from("abcd")
    ),
    min_size=4,
    max_size=7,
)


@settings(max_examples=4, deadline=None, derandomize=True)
@given(steps=STEPS, share=st.floats(0.9, 2.6))
def test_what_a_plan_says_is_what_the_load_then_does(
    specs: dict[str, Any], sizes: dict[str, int], steps: list[tuple[str, str]], share: float
) -> None:
    with open_engine(specs, budget=int(sizes["c"] * share)) as running:
        for what, model_id in steps:
            if what == "release":
                running.engine.release(model_id, "none")
            elif what != "load":
                running.engine.keep_loaded(model_id, "none", what == "keep")
            else:
                before, plan = released(running), running.engine.plan(model_id, "none")
                kept = {each.model_id for each in running.view().residents if each.kept}
                error = loaded(running, model_id).error
                assert released(running)[len(before) :] == [each.model_id for each in plan.releases]
                assert (error is None) is plan.fits and not plan.waits_for
                assert kept <= set(there(running.view()))
                assert running.view().most_used <= running.view().budget
