"""Which model is asked whether to search; it is waited for only so long, and stopped with the search.

Run: python -m pytest tests/search/test_model_to_ask.py
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Thread

import pytest

from engines.base import AnswerRequest
from errors import AS_WRITTEN, BrokeWhileAnswering, NaraniError, Stopped
from model_registry.registry import load_registry
from search.deciding import NO, YES, decide
from search.model_to_ask import model_asker
from search.watch import SearchWatch
from search.wish import EXTRACTIVE, SearchWish
from tests.engines.running_engine import open_engine
from tests.engines.script import Script
from tests.engines.scripted_engine import ScriptedEngine

REGISTRY = load_registry()
DOUBTFUL = "병가 쓰려면 진단서 내야 해?"
PICKED = ("demo-kullm", "demo-koalpaca")


def leaning(request: AnswerRequest) -> dict[str, float]:
    """Talk needs no search, and nor does what nobody knows."""
    question = request.conversation.turns[-1].question
    return {YES: -1.0 if any(word in question for word in ("날씨", "경복궁", "육아휴직")) else -9.0, NO: -5.0}


@pytest.fixture
def engine_of() -> Iterator[Callable[[Script], ScriptedEngine]]:
    engines: list[ScriptedEngine] = []

    def make(script: Script) -> ScriptedEngine:
        engines.append(ScriptedEngine({PICKED[0]: script}, default=None))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def wish(*models: str) -> SearchWish:
    return SearchWish(DOUBTFUL, models)


def test_the_first_picked_model_says_whether_to_search(
    engine_of: Callable[[Script], ScriptedEngine],
) -> None:
    engine = engine_of(Script(likelihoods=leaning))
    ask = model_asker(engine, REGISTRY)(wish(EXTRACTIVE, *PICKED), SearchWatch())
    assert ask is not None
    assert ask("오늘 날씨", (YES, NO)).of == {YES: -1.0, NO: -5.0}
    decision = decide(DOUBTFUL, ask_model=ask)
    assert (decision.searched, decision.why.code) == (False, "search-why-model-no")
    assert decision.why.facts["model"] == REGISTRY.get(PICKED[0]).title


@pytest.mark.parametrize("models", [(), (EXTRACTIVE,), ("nobody",)])
def test_nobody_is_asked_where_no_model_was_picked(
    models: tuple[str, ...], engine_of: Callable[[Script], ScriptedEngine]
) -> None:
    assert model_asker(engine_of(Script()), REGISTRY)(wish(*models), SearchWatch()) is None


@pytest.mark.parametrize(
    ("script", "seconds", "says"),
    [
        (Script(failure=BrokeWhileAnswering(AS_WRITTEN, sentence="It broke.")), 20.0, "It broke"),
        (Script(likelihoods=lambda asked: {YES: 0.0}), 20.0, "did not say how likely"),
        (Script(likelihoods=lambda asked: {"맞아": 0.0}), 20.0, "did not say how likely"),
        (Script(seconds_per_piece=60.0), 0.02, "did not answer within"),
    ],
    ids=["fails", "says one word alone", "says another word", "late"],
)
def test_a_model_that_cannot_say_costs_no_search(
    engine_of: Callable[[Script], ScriptedEngine], script: Script, seconds: float, says: str
) -> None:
    ask = model_asker(engine_of(script), REGISTRY, seconds)(wish(*PICKED), SearchWatch())
    assert ask is not None
    with pytest.raises(NaraniError, match=says):
        ask("?", (YES, NO))
    decision = decide(DOUBTFUL, ask_model=ask)
    assert (decision.searched, decision.why.code) == (True, "search-why-model-failed")


def test_who_stops_the_search_stops_the_model(engine_of: Callable[[Script], ScriptedEngine]) -> None:
    watch = SearchWatch()
    ask = model_asker(engine_of(Script(seconds_per_piece=60.0)), REGISTRY)(wish(*PICKED), watch)
    raised: list[BaseException] = []

    def asks() -> None:
        assert ask is not None
        try:
            ask("?", (YES, NO))
        except NaraniError as error:
            raised.append(error)

    asking = Thread(target=asks)
    asking.start()
    watch.stop()
    asking.join(20)
    assert isinstance(raised[0], Stopped)


def test_a_real_model_that_knows_neither_word_leaves_it_a_doubt() -> None:
    with open_engine({id: REGISTRY.get(id) for id in PICKED}) as running:
        ask = model_asker(running.engine, REGISTRY, 120.0)(wish(*PICKED), SearchWatch())
        assert ask is not None
        found = ask("오늘 서울 날씨가 어떤가요?", (YES, NO))
        assert all(value < 0 for value in found.of.values())
        assert decide(DOUBTFUL, ask_model=ask).why.code == "search-why-model-cannot-tell"
