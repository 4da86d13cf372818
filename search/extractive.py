"""The column that answers without any model: an engine that quotes the sources of a request.

It reads what was searched from the request's extras; the requests of all models go to the engine it wraps.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor

from engines.base import Answer, AnswerRequest, Engine, FinishReason, LiveAnswer, Measures, State
from errors import BrokeWhileAnswering, EngineDown
from search.extract import extract
from search.records import searched_of
from search.wish import EXTRACTIVE

_log = logging.getLogger(__name__)

NOT_FOUND = "출처에서 답을 찾지 못했습니다."
NO_SOURCES = "답을 찾을 출처가 없습니다."


class ExtractiveEngine:
    """Hands on to `inner` whatever is not for the extractive answer, and closes it."""

    def __init__(self, inner: Engine) -> None:
        self._inner = inner
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="extractive")

    def submit(self, request: AnswerRequest, live: LiveAnswer) -> None:
        if request.model_id != EXTRACTIVE:
            self._inner.submit(request, live)
            return
        try:
            self._thread.submit(_answer, request, live)
        except RuntimeError:  # what an executor raises once it is shut down
            live.fail(EngineDown("engine-closing"), request.settings)

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=False)
        self._inner.close()


def extractive_text(request: AnswerRequest) -> str:
    """The best sentences with their numbers, one a line, or that there is no answer."""
    searched = searched_of(request.extras)
    if searched is None or not searched.sources:
        return NO_SOURCES
    # The queries of a following question name what it is about.
    asked = " ".join((searched.question, *searched.queries))
    return "\n".join(each.cited for each in extract(asked, searched.sources)) or NOT_FOUND


def _answer(request: AnswerRequest, live: LiveAnswer) -> None:
    began = time.perf_counter()
    live.enter(State.ANSWERING)
    try:
        text = "" if live.stop_asked else extractive_text(request)
    except Exception as problem:  # noqa: BLE001 - whatever breaks costs this answer, not the thread
        _log.exception("an extract could not be made")
        live.fail(BrokeWhileAnswering("extract-broke", kind=type(problem).__name__), request.settings)
        return
    ended = time.perf_counter()
    seconds = ended - began
    live.finish(
        Answer(
            EXTRACTIVE,
            text,
            FinishReason.STOPPED if live.stop_asked else FinishReason.EOS,
            request.settings,
            measures=Measures(
                seconds_to_first_text=ended - live.submitted_at,
                answering_seconds=seconds,
                characters_per_second=len(text) / seconds if seconds > 0 else None,
            ),
        )
    )
