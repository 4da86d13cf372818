"""A load that fails, is cancelled or raises midway is one question's trouble and leaves nothing behind.

Run: python -m pytest tests/engines/test_failing_loads.py
"""

from __future__ import annotations

import threading
import time
import weakref
from typing import Any

import pytest
import torch

from engines.base import FinishReason
from engines.loading import load_model
from errors import LoadError
from tests.engines.engine_house import answer_of, make_models, open_house


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return make_models(tmp_path_factory.mktemp("models"), {"a": "gpt_neox", "b": "gpt_neox"})


def test_a_load_that_nobody_waits_for_any_more_is_cancelled(specs: dict[str, Any]) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(spec: Any, quantisation: str, device: Any, watch: Any) -> Any:
        begun.set()
        go_on.wait(10)
        return load_model(spec, quantisation, device, watch)

    with open_house(specs, load=slow) as house:
        live = house.ask("a")
        begun.wait(10)
        live.ask_to_stop()
        assert answer_of(live, 2).finish_reason is FinishReason.STOPPED
        go_on.set()
        time.sleep(0.2)
        assert house.view().residents == ()
        assert answer_of(house.ask("a")).finish_reason is FinishReason.LENGTH


def test_a_failed_load_is_remembered_for_a_short_time(specs: dict[str, Any]) -> None:
    def broken(*_: Any) -> Any:
        raise LoadError("The weights are damaged.")

    with open_house(specs, load=broken, failed_load_seconds=0.5) as house:
        lives = [house.ask("a") for _ in range(4)]
        assert {answer_of(live).error for live in lives} == {"The weights are damaged."}
        assert answer_of(house.ask("a")).error == "The weights are damaged."
        assert house.loads == ["a"]
        assert answer_of(house.ask("b")).error == "The weights are damaged."
        time.sleep(0.6)
        answer_of(house.ask("a"))
        assert house.loads == ["a", "b", "a"]


def test_an_unforeseen_error_of_a_load_becomes_one_sentence(specs: dict[str, Any]) -> None:
    def broken(*_: Any) -> Any:
        raise KeyError("/home/somebody/secret")

    with open_house(specs, load=broken) as house:
        error = answer_of(house.ask("a")).error or ""
        assert "secret" not in error and "KeyError" in error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), "memory ran out"),
        (LoadError("The weights are damaged."), "damaged"),
        (KeyError("layers.3"), "KeyError"),
    ],
)
def test_a_load_that_raises_midway_leaves_nothing_behind(
    specs: dict[str, Any], error: Exception, words: str
) -> None:
    left: list[Any] = []

    def midway(spec: Any, quantisation: str, device: Any, watch: Any) -> Any:
        loaded = load_model(spec, quantisation, device, watch)
        left.append(weakref.ref(loaded.model))
        raise type(error)(*error.args)

    with open_house(specs, load=midway) as house:
        assert words in (answer_of(house.ask("a")).error or "")
        assert words in (answer_of(house.ask("b")).error or "")
        view = house.view()
        assert (view.used, view.residents) == (0, ())
        assert [ref() for ref in left] == [None, None]
