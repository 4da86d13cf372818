"""An idle model that has to go is parked in host memory, and answers the same when it has come back.

Here the device is the processor, and memory that is not pinned is handed in: all else is as on a card.
Run: python -m pytest tests/engines/test_parking.py
"""

from __future__ import annotations

import random
import weakref
from typing import Any

import pytest
import torch

from tests.engines.conftest import OpenParking
from tests.engines.parked_engine import (
    HIDDEN,
    QUESTIONS,
    CountedMemory,
    asked,
    happened,
    models_of_a_size,
    parked,
    said,
    storages_of,
)
from tests.engines.running_engine import answer_of, make_models, open_engine, wait_until
from tests.engines.tiny_models import make_tiny_adapter, tiny_spec


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Four models of a size, others of other families (one with tied weights), adapters over the first."""
    folder = tmp_path_factory.mktemp("models")
    made = models_of_a_size(folder)
    made |= make_models(folder, {"large": "gpt_neox"}, hidden=HIDDEN * 2)
    made |= make_models(folder / "tied", {"llama": "llama"}, hidden=HIDDEN, tie_word_embeddings=True)
    made |= make_models(folder, {"rwkv": "rwkv", "qwen3": "qwen3"}, hidden=HIDDEN)
    for seed, name in enumerate(("tuned", "other")):
        path = make_tiny_adapter(folder / name, folder / "a", ["query_key_value", "dense"], seed=seed)
        made[name] = tiny_spec(path, id=name, adapter={"base": "a"}, eos_token_ids=[511], parameters=1000)
    return made


def test_a_model_that_goes_for_another_comes_back_without_being_read_again(
    opened: OpenParking, one_model: int
) -> None:
    with opened() as running:
        first = asked(running, "a")
        network = running.network("a")
        stepper = weakref.ref(running.stepper("a"))
        before, figures = storages_of(network), [each.clone() for each in network.state_dict().values()]
        asked(running, "b")
        view = running.view()
        assert parked(view) == ["a"] and [each.model_id for each in view.residents] == ["b"]
        assert sum(storages_of(network).values()) == 0 and view.host_used >= one_model
        assert stepper() is None, "its tables and graphs would stay"
        assert view.parked[0].host_bytes == view.host_used
        assert asked(running, "a") == first
        assert storages_of(network) == before
        assert all(map(torch.equal, network.state_dict().values(), figures))
        assert running.loads == ["a", "b"]
        assert [what for what, _ in happened(running)] == ["load", "park", "load", "park", "wake"]
        events = running.view().events
        assert [event.bytes for event in events if event.model_id == "a"] == [one_model] * 3
        assert running.view().most_used <= running.view().budget


@pytest.mark.parametrize("kind", ["a", "llama", "qwen3", "rwkv"])
def test_a_model_answers_the_same_alone_and_in_company_however_often_it_was_parked(
    opened: OpenParking, memory: CountedMemory, kind: str
) -> None:
    with opened() as running:
        alone = [asked(running, kind, question) for question in QUESTIONS]
        host: set[int] = set()
        for _ in range(3):
            asked(running, "b")
            assert parked(running.view()) == [kind]
            lives = [running.ask(kind, question, max_new_tokens=8) for question in QUESTIONS]
            assert [said(answer_of(live)) for live in lives] == alone
            host.add(memory.nbytes)
        assert running.loads == [kind, "b"] and len(host) == 1


@pytest.mark.parametrize("quantization", ["int8", "nf4"])
def test_quantized_weights_are_parked_with_what_lies_beside_them(
    opened: OpenParking, memory: CountedMemory, quantization: str
) -> None:
    how: dict[str, Any] = {"quantization": quantization, "max_new_tokens": 8}
    with opened(here=1.45) as running:
        first = said(running.answer("a", QUESTIONS[0], **how))
        network, whole = running.network("a", quantization), running.view().residents[0].weight_bytes
        figures = [each.clone() for each in network.parameters()]
        asked(running, "b")
        assert [each.quantization for each in running.view().parked] == [quantization]
        assert sum(storages_of(network).values()) == 0
        assert running.view().events[1].bytes == pytest.approx(whole, rel=0.01)
        assert said(running.answer("a", QUESTIONS[0], **how)) == first
        assert all(map(torch.equal, network.parameters(), figures))
        assert running.loads == ["a", "b"]


def test_the_seconds_of_an_answer_are_those_of_its_wake(opened: OpenParking) -> None:
    with opened() as running:
        for model_id in "ab":
            asked(running, model_id)
        answer = running.answer("a", QUESTIONS[0], max_new_tokens=4)
        wake = running.view().events[-1]
        assert (wake.what, wake.seconds) == ("wake", answer.measures.load_seconds)


def test_adapters_are_parked_with_their_base_and_more_are_attached_when_it_is_back(
    specs: dict[str, Any], opened: OpenParking
) -> None:
    with open_engine(specs) as plenty:
        expected = {model_id: asked(plenty, model_id) for model_id in ("a", "tuned", "other")}
    assert len(set(expected.values())) == 3
    with opened(here=1.9) as running:
        for model_id in ("tuned", "b", "other", "b", "a", "tuned", "b", "tuned", "other", "a"):
            assert model_id == "b" or asked(running, model_id) == expected[model_id]
            if model_id == "b":
                asked(running, "b")
                assert parked(running.view()) == ["a"] and "tuned" in running.view().parked[0].adapters
        assert running.loads == ["a", "b"]
        assert [each for what, each in happened(running) if what == "attach"] == ["tuned", "other"]


def test_the_longest_unused_is_dropped_when_the_host_is_full(opened: OpenParking, one_model: int) -> None:
    with opened(host=2.2) as running:
        for model_id in "abcd":
            asked(running, model_id)
        assert parked(running.view()) == ["b", "c"]
        assert ("drop", "a") in happened(running)
        assert running.view().host_used <= running.view().host_budget
        asked(running, "b")  # it is not dropped for the one that makes room for it
        assert happened(running)[-3:] == [("drop", "c"), ("park", "d"), ("wake", "b")]
        assert running.loads == ["a", "b", "c", "d"]


def test_of_a_model_on_the_device_only_the_copy_goes(opened: OpenParking) -> None:
    with opened(here=2.6, host=2.2) as running:
        for model_id in ("a", "b", "c", "a"):
            asked(running, model_id)
        assert parked(running.view()) == ["b"] and {"a", "c"} == {
            each.model_id for each in running.view().residents
        }
        asked(running, "d")
        assert parked(running.view()) == ["b", "c"]
        assert "drop" not in [what for what, _ in happened(running)]
        assert [each.host_bytes for each in running.view().residents] == [0, 0]
        assert asked(running, "a") and running.loads == ["a", "b", "c", "d"]


def test_nobody_is_dropped_for_a_model_that_has_no_room_even_so(opened: OpenParking) -> None:
    with opened(here=4.2, host=1.5) as running:
        for model_id in ("a", "large", "b"):
            asked(running, model_id)
        assert parked(running.view()) == ["a"] and happened(running)[-2] == ("release", "large")


@pytest.mark.parametrize("host", [0, 0.9])
def test_a_model_for_which_the_host_has_no_room_is_unloaded(opened: OpenParking, host: float) -> None:
    with opened(host=host) as running:
        for model_id in "aba":
            asked(running, model_id)
        assert running.loads == ["a", "b", "a"] and parked(running.view()) == []
        assert {what for what, _ in happened(running)} == {"load", "release"}


def test_a_model_unloaded_by_hand_takes_its_copy_along(opened: OpenParking, memory: CountedMemory) -> None:
    with opened() as running:
        for model_id in "aba":
            asked(running, model_id)
        assert running.view().residents[0].host_bytes > 0
        wait_until(lambda: running.release("a"))
        view = running.view()
        assert parked(view) == ["b"] and view.parked[0].host_bytes == view.host_used == memory.nbytes


def test_what_a_load_would_take_says_that_it_is_parked(opened: OpenParking) -> None:
    with opened() as running:
        for model_id in "ab":
            asked(running, model_id)
        plans = {model_id: running.engine.plan(model_id, "none") for model_id in "abc"}
        assert {name: (plan.parked, plan.resident) for name, plan in plans.items()} == {
            "a": (True, False),
            "b": (False, True),
            "c": (False, False),
        }


def test_whatever_is_asked_and_released_answers_and_books_stay_right(
    opened: OpenParking, memory: CountedMemory
) -> None:
    choose = random.Random(1)
    with opened(here=2.2, host=2.3) as running:
        expected = {model_id: asked(running, model_id) for model_id in ("a", "b", "c", "d", "tuned")}
        for _ in range(8):
            if choose.random() < 0.25:
                running.release(choose.choice("abcd"))
            some = choose.sample(sorted(expected), choose.choice((1, 1, 2, 3)))
            lives = {each: running.ask(each, QUESTIONS[0], max_new_tokens=8) for each in some}
            assert {each: said(answer_of(live)) for each, live in lives.items()} == {
                each: expected[each] for each in some
            }
            view = running.view()
            assert view.most_used <= view.budget and view.host_used <= view.host_budget
            assert view.host_used == memory.nbytes
            assert not set(parked(view)) & {each.model_id for each in view.residents}
        assert "wake" in [what for what, _ in happened(running)]
