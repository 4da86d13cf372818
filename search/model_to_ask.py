"""The model that says whether a question is to be searched for: the first that was picked, asked in its own
format how likely it finds a yes and a no.

Apart from deciding, which has to be tried without an engine. It is given a while: a search may wait for a
model that is loaded for its answer anyway, but not for minutes.
"""

from __future__ import annotations

from collections.abc import Callable

from engines.base import LIKELIHOODS, AnswerRequest, Engine, GenerationSettings, LiveAnswer
from errors import NaraniError, Stopped
from model_registry.registry import Registry
from prompts.conversation import Conversation
from search.deciding import AskModel, Likelihoods
from search.problems import SearchProblem
from search.watch import SearchWatch
from search.wish import EXTRACTIVE, SearchWish

_SECONDS = 20.0
_MOST_KNOWN = 256


def model_asker(
    engine: Engine, registry: Registry, seconds: float = _SECONDS
) -> Callable[[SearchWish, SearchWatch], AskModel | None]:
    """Whom to ask for a wish; nobody where no model of this machine was picked."""

    known: dict[tuple[str, str | None, str, tuple[str, ...]], Likelihoods] = {}
    """What a model said before; most of what it is asked is the same for every question."""

    def model_to_ask(wish: SearchWish, watch: SearchWatch) -> AskModel | None:
        here = (registry.models.get(id) for id in wish.models if id != EXTRACTIVE)
        spec = next((spec for spec in here if spec is not None and spec.remote is None), None)
        if spec is None:
            return None
        quantization = wish.how.quantizations.get(spec.id)

        def ask(question: str, words: tuple[str, ...]) -> Likelihoods:
            asked = (spec.id, quantization, question, words)
            if (said_before := known.get(asked)) is not None:
                return said_before
            request = AnswerRequest(
                spec.id,
                Conversation.ask(question),
                GenerationSettings(max_new_tokens=1),
                quantization=quantization,
                choices=words,
            )
            found = Likelihoods(spec.title, _likelihoods(engine, request, watch, seconds, spec.title))
            if len(known) >= _MOST_KNOWN:
                known.clear()
            return known.setdefault(asked, found)

        return ask

    return model_to_ask


def _likelihoods(
    engine: Engine, request: AnswerRequest, watch: SearchWatch, seconds: float, title: str
) -> dict[str, float]:
    live = LiveAnswer(request.model_id)
    engine.submit(request, live)
    try:
        watch.wait_for(live.wait, seconds)
    except Stopped:
        live.ask_to_stop()
        raise
    except TimeoutError:
        # It is not stopped: a load that was begun for it goes on for the model's answer.
        raise SearchProblem("search-model-late", model=title, seconds=round(seconds)) from None
    answer = live.view().answer
    assert answer is not None, "a live answer that has ended has its answer"
    if answer.cause is not None:
        raise NaraniError(answer.cause)
    found = answer.extras.get(LIKELIHOODS)
    if not isinstance(found, dict) or not found.keys() >= set(request.choices):
        raise SearchProblem("search-model-silent", model=title)
    return found
