"""Whatever goes wrong with a model that is parked or on its way back, nobody hears more of it than of a load,
and no byte is left behind.

Run: python -m pytest tests/engines/test_parking_failures.py
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from engines import host_copy, host_memory, parking
from engines.base import FinishReason, LiveAnswer
from engines.host_copy import HostCopy
from engines.resident_figures import ResidentKey
from tests.engines.conftest import OpenParking
from tests.engines.parked_engine import (
    CountedMemory,
    asked,
    happened,
    models_of_a_size,
    parked,
    storages_of,
)
from tests.engines.running_engine import answer_of, wait_until


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return models_of_a_size(tmp_path_factory.mktemp("models"))


def test_memory_that_other_programs_need_is_not_taken(
    opened: OpenParking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "available_on_host", lambda: 1000)
    with opened() as running:
        for model_id in "aba":
            asked(running, model_id)
        assert running.loads == ["a", "b", "a"]


@pytest.mark.parametrize(("limit", "left"), [("1000", 450), ("600", 50), ("100", 0), ("max", None)])
def test_a_container_has_no_more_than_its_limit_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, left: int | None
) -> None:
    """Pages of files that were read can be had back."""
    whole = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: whole)
    monkeypatch.setattr(host_memory, "_CGROUPS", ((tmp_path, "memory.max", "memory.current"),))
    assert host_memory.available_on_host() == whole.available
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text("600\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 40\nactive_file 10\nshmem 7\n")
    assert host_memory.available_on_host() == (whole.available if left is None else left)


def test_where_the_host_refuses_memory_the_model_is_unloaded_and_nobody_hears_of_it(
    opened: OpenParking, memory: CountedMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_copy, "_BLOCK", 2**18)
    memory.fails_at = 2
    with opened() as running:
        first = asked(running, "a")
        asked(running, "b")
        assert happened(running)[1] == ("release", "a") and memory.out == {}
        memory.fails_at = None
        assert asked(running, "a") == first
        assert running.loads == ["a", "b", "a"] and parked(running.view()) == ["b"]


def test_one_that_cannot_be_brought_back_is_read_from_the_disk(
    opened: OpenParking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("an illegal copy")

    with opened() as running:
        first = asked(running, "a")
        asked(running, "b")
        with monkeypatch.context() as patched:
            patched.setattr(HostCopy, "come_back", broken)
            assert asked(running, "a") == first
        assert running.loads == ["a", "b", "a"] and parked(running.view()) == ["b"]


def test_a_shortage_while_it_comes_back_is_refused_and_it_stays_parked(
    opened: OpenParking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(self: HostCopy, report: Any) -> None:
        self._places()[0].storage.resize_(64)
        self.leave_device()
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with opened(failed_load_seconds=0.0) as running:
        first = asked(running, "a")
        asked(running, "b")
        with monkeypatch.context() as patched:
            patched.setattr(HostCopy, "come_back", short)
            answer = answer_of(running.ask("a"))
        assert (answer.finish_reason, answer.error_code) == (FinishReason.FAILED, "no-room")
        assert running.view().used == 0 and parked(running.view()) == ["a", "b"]
        assert asked(running, "a") == first and running.loads == ["a", "b"]


def test_a_stop_while_it_comes_back_leaves_it_parked(
    opened: OpenParking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_copy, "_BLOCK", 2**18)
    come_back, lives = HostCopy.come_back, list[LiveAnswer]()

    def stopped_halfway(self: HostCopy, report: Any) -> None:
        def stop(share: float) -> None:
            if share > 0.4:
                lives[0].ask_to_stop()
            report(share)

        come_back(self, stop)

    with opened() as running:
        first = asked(running, "a")
        network = running.network("a")
        asked(running, "b")
        with monkeypatch.context() as patched:
            patched.setattr(HostCopy, "come_back", stopped_halfway)
            lives.append(running.ask("a"))
            assert answer_of(lives[0]).finish_reason is FinishReason.STOPPED
            wait_until(lambda: running.view().used == 0)
        assert sum(storages_of(network).values()) == 0 and parked(running.view()) == ["a", "b"]
        assert asked(running, "a") == first and running.loads == ["a", "b"]


def test_a_parked_model_is_released_by_hand_and_one_on_its_way_back_is_not(
    opened: OpenParking, memory: CountedMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    come_back, begun, go_on = HostCopy.come_back, threading.Event(), threading.Event()

    def slow(self: HostCopy, report: Any) -> None:
        begun.set()
        go_on.wait(20)
        come_back(self, report)

    with opened() as running:
        for model_id in "ab":
            asked(running, model_id)
        held = memory.nbytes
        assert running.release("a") and not running.release("a")
        event = running.view().events[-1]
        assert (event.what, event.model_id, event.bytes) == ("drop", "a", held)
        assert parked(running.view()) == [] and memory.out == {}
        asked(running, "a")
        monkeypatch.setattr(HostCopy, "come_back", slow)
        live = running.ask("b")
        assert begun.wait(20)
        assert parked(running.view()) == ["b", "a"] and not running.release("b")
        go_on.set()
        assert answer_of(live).finish_reason is FinishReason.LENGTH
        assert running.loads == ["a", "b", "a"]


def test_on_the_thread_of_answers_only_what_is_copied_already_is_parked(
    opened: OpenParking, one_model: int
) -> None:
    """Where a cache grows into the place of an idle model; copying would hold up all answers."""
    with opened(here=2.45) as running:
        for model_id in "ab":
            asked(running, model_id)
        wait_until(lambda: not any(each.leases for each in running.view().residents))
        running.answer("a", "서울은", max_new_tokens=480)
        assert happened(running)[-1] == ("release", "b")
        asked(running, "b")
        assert [each.model_id for each in running.view().residents] == ["a", "b"]
        asked(running, "c")  # parks one of them with a copy
        asked(running, "a")
        asked(running, "b")
        running.answer("b", "서울은", max_new_tokens=480)
        assert happened(running)[-1][0] == "park"


def test_a_model_loaded_while_it_is_being_parked_is_parked_once(
    opened: OpenParking, memory: CountedMemory
) -> None:
    with opened(here=2.6) as running:
        asked(running, "a")
        key = ResidentKey("a", "none")
        wait_until(lambda: not running.view().residents[0].leases)
        with running.pool.books.held(key) as first:
            assert first is not None
        running.pool.books._strike_out(first)
        assert running.load("a").wait(20)
        running.pool.books._unload_struck_out(first, for_others=True)
        assert parked(running.view()) == ["a"] and running.loads == ["a", "a"]
        for model_id in "bc":
            asked(running, model_id)
        assert parked(running.view()).count("a") == 1
        assert asked(running, "a")


def test_closing_while_answers_run_leaves_no_block_out(opened: OpenParking, memory: CountedMemory) -> None:
    with opened() as running:
        for model_id in "aba":
            asked(running, model_id)
        live = running.ask("a", max_new_tokens=400)
        running.ask("b", max_new_tokens=400)
        assert memory.out
    assert live.ended and memory.out == {}
