"""A load that fails, is cancelled or raises midway is one question's trouble and leaves nothing behind.

Run: python -m pytest tests/engines/test_failing_loads.py
"""

from __future__ import annotations

import sys
import threading
import time
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch

from engines.base import FinishReason, LiveAnswer
from engines.loading import load_model
from engines.resident_figures import ResidentKey
from errors import AS_WRITTEN, LoadError
from tests.engines.running_engine import answer_of, open_engine, request, wait_until
from tests.engines.tiny_models import Kind

KINDS: dict[str, Kind] = {"a": "gpt_neox", "b": "gpt_neox"}


def test_a_load_that_nobody_waits_for_any_more_is_cancelled(specs: dict[str, Any]) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(spec: Any, quantization: str, device: Any, watch: Any) -> Any:
        begun.set()
        go_on.wait(10)
        return load_model(spec, quantization, device, watch)

    with open_engine(specs, load=slow) as running:
        live = running.ask("a")
        begun.wait(10)
        live.ask_to_stop()
        assert answer_of(live, 2).finish_reason is FinishReason.STOPPED
        go_on.set()
        time.sleep(0.2)
        assert running.view().residents == ()
        assert answer_of(running.ask("a")).finish_reason is FinishReason.LENGTH


def test_a_failed_load_is_remembered_for_a_short_time(specs: dict[str, Any]) -> None:
    def broken(*_: Any) -> Any:
        raise LoadError(AS_WRITTEN, sentence="The weights are damaged.")

    with open_engine(specs, load=broken, failed_load_seconds=2.0) as running:
        lives = [running.ask("a") for _ in range(4)]
        assert {answer_of(live).error for live in lives} == {"The weights are damaged."}
        assert answer_of(running.ask("a")).error == "The weights are damaged."
        assert running.loads == ["a"]
        assert answer_of(running.ask("b")).error == "The weights are damaged."
        time.sleep(2.1)
        answer_of(running.ask("a"))
        assert running.loads == ["a", "b", "a"]


def test_an_unforeseen_error_of_a_load_becomes_one_sentence(specs: dict[str, Any]) -> None:
    def broken(*_: Any) -> Any:
        raise KeyError("/home/somebody/secret")

    with open_engine(specs, load=broken) as running:
        error = answer_of(running.ask("a")).error or ""
        assert "secret" not in error and "KeyError" in error


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (partial(torch.OutOfMemoryError, "CUDA out of memory."), "memory ran out"),
        (partial(LoadError, "The weights are damaged."), "damaged"),
        (partial(KeyError, "layers.3"), "KeyError"),
    ],
)
def test_a_load_that_raises_midway_leaves_nothing_behind(
    specs: dict[str, Any], fault: Callable[[], Exception], words: str
) -> None:
    left: list[Any] = []

    def midway(spec: Any, quantization: str, device: Any, watch: Any) -> Any:
        loaded = load_model(spec, quantization, device, watch)
        left.append(weakref.ref(loaded.model))
        raise fault()

    with open_engine(specs, load=midway) as running:
        assert words in (answer_of(running.ask("a")).error or "")
        assert words in (answer_of(running.ask("b")).error or "")
        view = running.view()
        assert (view.used, view.residents) == (0, ())
        assert [ref() for ref in left] == [None, None]


def test_a_question_stopped_before_it_is_submitted_loads_nothing(specs: dict[str, Any]) -> None:
    with open_engine(specs) as running:
        live = LiveAnswer("a")
        live.ask_to_stop()
        running.engine.submit(request("a"), live)
        assert answer_of(live, 2).finish_reason is FinishReason.STOPPED
        time.sleep(0.3)
        assert running.view().residents == ()


def test_a_model_let_go_as_soon_as_it_is_published_is_loaded_again(
    specs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_engine(specs) as running:
        publish = running.pool._publish

        def lost_once(request: Any, resident: Any) -> None:
            publish(request, resident)
            if len(running.loads) == 1:
                assert running.pool.books.release(resident.key)

        monkeypatch.setattr(running.pool, "_publish", lost_once)
        assert answer_of(running.ask("a")).finish_reason is FinishReason.LENGTH
        assert running.loads == ["a", "a"]


def test_a_model_let_go_between_its_load_and_its_turn_is_loaded_again(
    specs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's cache took its place in that moment; the question must not be forgotten."""
    with open_engine(specs) as running:
        serve = running.pool._serve
        served: list[Any] = []

        def late(wanted: Any) -> None:
            if not served:
                assert running.pool.books.release(wanted[0])
            served.append(wanted)
            serve(wanted)

        monkeypatch.setattr(running.pool, "_serve", late)
        assert answer_of(running.ask("a")).finish_reason is FinishReason.LENGTH
        assert running.loads == ["a", "a"]


def test_a_question_stopped_in_the_moment_its_model_is_leased_leaves_no_lease(
    specs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_engine(specs) as running:
        live, lend = LiveAnswer("a"), running.pool.books.lend

        def stopped_meanwhile(*key: Any, **how: Any) -> Any:
            lease = lend(*key, **how)
            if lease is not None:
                live.ask_to_stop()
            return lease

        monkeypatch.setattr(running.pool.books, "lend", stopped_meanwhile)
        running.engine.submit(request("a"), live)
        assert answer_of(live, 20).finish_reason is FinishReason.STOPPED
        wait_until(lambda: [each.leases for each in running.view().residents] == [0])


def test_threads_that_ask_one_resident_model_get_one_batch(specs: dict[str, Any]) -> None:
    with open_engine(specs) as running:
        answer_of(running.ask("a", max_new_tokens=1))
        lease = running.pool.books.lend(ResidentKey("a", "none"))
        assert lease is not None
        resident = lease.resident
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            for _ in range(40):
                resident._batches.clear()
                batches: list[Any] = []

                def ask(into: list[Any] = batches) -> None:
                    into.append(resident.batch(None, 8, running.pool.books.grow_cache))

                threads = [threading.Thread(target=ask) for _ in range(8)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                assert len(set(map(id, batches))) == 1
        finally:
            sys.setswitchinterval(interval)


def test_room_set_aside_for_a_question_comes_back_when_it_cannot_be_asked(specs: dict[str, Any]) -> None:
    """The model came for it; then the prompt turned out too long."""
    with open_engine(specs) as running:
        assert answer_of(running.ask("a", "가 나 " * 4000)).error_code == "bad-request"
        (resident,) = running.view().residents
        assert (resident.leases, resident.cache_bytes) == (0, 0)
