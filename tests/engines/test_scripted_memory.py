"""The scripted engine's memory behaves as a real pool: budget, plans, what is kept, loads by hand.

Run: python -m pytest tests/engines/test_scripted_memory.py
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engines.base import AnswerRequest, FinishReason, LiveAnswer, State
from errors import AS_WRITTEN, LoadError
from prompts.conversation import Conversation
from tests.engines.scripted_engine import Script, ScriptedEngine

ENDLESS = Script(pieces=("가",), repeats=True, seconds_per_piece=0.01, weight_bytes=4, cache_bytes=2)
SLOW = Script(loading_steps=100, seconds_per_loading_step=0.02, weight_bytes=4)


@contextmanager
def opened(budget: int = 10, **scripts: Script) -> Iterator[ScriptedEngine]:
    engine = ScriptedEngine(scripts, default=Script(weight_bytes=4), budget=budget)
    try:
        yield engine
    finally:
        engine.close()


def ask(engine: ScriptedEngine, model_id: str) -> LiveAnswer:
    live = LiveAnswer(model_id)
    engine.submit(AnswerRequest(model_id, Conversation.ask("왜?")), live)
    return live


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.002)


def there(engine: ScriptedEngine) -> list[str]:
    return [each.model_id for each in engine.view().residents]


def test_the_longest_unused_goes_for_a_load_and_the_plan_says_so() -> None:
    with opened() as engine:
        for model_id in ("a", "b"):
            assert ask(engine, model_id).wait(5)
        assert engine.plan("c", "nf4").bytes_needed == 1
        plan = engine.plan("c", "none")
        assert (plan.bytes_needed, plan.free, plan.fits) == (4, 2, True)
        assert [each.model_id for each in plan.releases] == ["a"]
        assert engine.load("c", "none").wait(5)
        assert there(engine) == ["b", "c"] and engine.loads == ["a", "b", "c"]
        assert engine.plan("c", "none").resident
        assert [event.what for event in engine.view().events] == ["load", "load", "release", "load"]


def test_what_is_kept_stays_and_is_named_where_it_is_in_the_way() -> None:
    with opened(budget=7) as engine:
        assert engine.load("a", "none").wait(5) and engine.keep_loaded("a", "none", True)
        assert not engine.plan("b", "none").fits
        live = engine.load("b", "none")
        assert live.wait(5) and live.error is not None and "pinned models (a)" in str(live.error)
        assert there(engine) == ["a"]
        assert engine.release("a", "none") and not engine.release("a", "none")


def test_one_that_answers_is_waited_for_and_holds_its_cache() -> None:
    with opened(budget=7, a=ENDLESS) as engine:
        first = ask(engine, "a")
        until(lambda: first.view().state is State.ANSWERING)
        (resident,) = engine.view().residents
        assert (resident.leases, resident.cache_bytes) == (1, 2)
        assert not engine.release("a", "none")
        assert [each.model_id for each in engine.plan("b", "none").waits_for] == ["a"]
        given_up = engine.load("c", "none")
        until(lambda: given_up.note == "memory")
        in_turn = engine.load("d", "none")
        in_turn.ask_to_stop()
        assert in_turn.wait(5) and in_turn.error is not None and not given_up.ended
        given_up.ask_to_stop()
        assert given_up.wait(5) and given_up.error is not None and not first.ended
        live = engine.load("b", "none")
        until(lambda: live.note == "memory")
        first.ask_to_stop()
        assert live.wait(5) and live.error is None and there(engine) == ["b"]
        answer = first.view().answer
        assert answer is not None and answer.finish_reason is FinishReason.STOPPED


def test_a_load_by_hand_is_shared_shows_progress_and_can_be_stopped() -> None:
    with opened(a=SLOW) as engine:
        live = engine.load("a", "none")
        until(lambda: (live.progress or 0) > 0)
        answer = ask(engine, "a")
        assert engine.load("a", "none") is live
        live.ask_to_stop()
        assert live.wait(5) and live.error is not None and live.error.category == "stopped"
        assert engine.view().residents == ()
        answer.ask_to_stop()
        assert answer.wait(5) and engine.view().used == 0


def test_a_load_that_fails_leaves_nothing_and_says_why() -> None:
    with opened(
        a=Script(loading_failure=LoadError(AS_WRITTEN, sentence="Damaged."), weight_bytes=4, on_disk=False)
    ) as engine:
        live = engine.load("a", "none")
        assert live.wait(5) and str(live.error) == "Damaged." and engine.view().used == 0
        assert not engine.on_disk("a") and engine.on_disk("b")
