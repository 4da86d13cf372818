"""`streamlit run` with the scripted engine behind the pages: answers as slow and as odd as a test wants them.

Run: python -m tests.browser.scripted_server run comparison_app.py …   (started by served.py)

Knows: what a question makes a model say ("30개" is thirty numbered words, "매번" another word each time), or
its first source, and how a busy machine sends.
Refuses to know: pages and browsers.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from streamlit.runtime import runtime
from streamlit.web import cli

from dashboard import resources
from engines import build
from engines.base import AnswerRequest
from search.providers import http_client
from search.records import searched_of
from tests.engines.scripted_engine import Script, ScriptedEngine

SECONDS_PER_WORD = 0.2
SECONDS_PER_FLUSH = 0.12
"""Streamlit sends what it drew every 5 ms, where it gets to it: on a busy machine a run of a fragment begins
before what the whole page drew has left, and Streamlit then drops what the same fragment drew before."""
SECONDS_OF_A_SEARCH = 300.0
"""A busy browser may be slower to press "stop" than people are to be told that a service does not answer."""
NEWLINES, ENDLESS, FORMULA = "줄바꿈만", "끝없이", "수식으로"
THINKING = "생각하고"
ANEW = "매번"
_SAID = itertools.count(1)
FORMULA_ANSWER = ("=1+1", '은 "둘",\n', "둘째 줄; 한글")
WRONG_MODEL, WRONG_FIGURE = "demo-kullm", "98,765m"
_FEW = 4


def counted(request: AnswerRequest) -> Iterator[str]:
    """As many words as the question says, each with its number: so none is lost or doubled unseen."""
    question = request.conversation.turns[-1].question
    found = re.search(r"(\d+)개", question)
    many = int(found[1]) if found else _FEW
    if (searched := searched_of(request.extras)) is not None and searched.sources:
        return from_source(request.model_id, searched.sources[0].passage)
    if FORMULA in question:
        return iter(FORMULA_ANSWER)
    if THINKING in question:
        thoughts = (f"음{number} " for number in range(1, many + 1))
        return iter(("<think>", "\n", *thoughts, "</think>", "\n\n", "답은 ", "서울"))
    if ANEW in question:
        return iter(("그러니까 ", f"{next(_SAID)}번으로 ", "끝"))
    if NEWLINES in question:
        return ("\n" for _ in range(many))
    if ENDLESS in question:
        return iter(lambda: "또 ", None)
    return (f"{request.model_id.removeprefix('demo-')}{number} " for number in range(1, many + 1))


def from_source(model_id: str, passage: str) -> Iterator[str]:
    """What the first source begins with; one model adds a figure that stands nowhere."""
    said = f"{passage.partition('.')[0].strip()} [1]."
    if model_id == WRONG_MODEL:
        said += f" 높이는 {WRONG_FIGURE}입니다 [1]. 그래서 유명합니다."
    return iter(re.findall(r"\S+\s*", said))


if __name__ == "__main__":
    setattr(runtime, "MESSAGE_FLUSH_INTERVAL_SECS", SECONDS_PER_FLUSH)  # noqa: B010 - a constant, to mypy
    setattr(http_client, "_SECONDS", SECONDS_OF_A_SEARCH)  # noqa: B010 - likewise
    made = ScriptedEngine(default=Script(counted, SECONDS_PER_WORD, weight_bytes=3 * 10**6, loading_steps=3))
    build.build_local = lambda *_: made
    resources._prepare = lambda: None
    cli.main(prog_name="streamlit")
