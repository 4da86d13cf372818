"""docs/coming-from.md and README: every line that searches runs, and does what Chat-KoRani did at its place.

Questions go to a scripted engine under the real registry's rules, web searches to a service on this machine.

Run: python -m pytest tests/search/test_coming_from_chat_korani.py
"""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from comparison.terminal.wiring import Wiring, wire
from engines.base import AnswerRequest, LiveAnswer
from prompts.catalog import load_formats
from prompts.rendering import render
from search.cli import main
from tests.engines.scripted_engine import ScriptedEngine
from tests.finetune.coming_from_page import typed
from tests.search.providers.loopback_service import json_reply, serving

SEARCH = ("python", "-m", "search", "ask")
ROOT = Path(__file__).parents[2]
SHOWN = {
    line: shlex.split(line, comments=True)[len(SEARCH) :]
    for name in ("README.md", "README.ko.md")
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines()
    if line.startswith(" ".join(SEARCH))
}
LINES = {**typed(*SEARCH), **SHOWN}
NEWS = {
    "title": "세계 경제 전망",
    "url": "http://127.0.0.1:1/news",
    "content": "세계 경제는 올해 3.1% 성장한다.",
    "publishedDate": "2026-11-20T00:00:00",
}
"""Behind an address that is refused, so that the words which the service showed stand for the page."""

Told = dict[str, Any]
Asked = list[AnswerRequest]
Ran = Callable[[str], tuple[Told, Asked]]


class NotingEngine(ScriptedEngine):
    """Notes what each model is asked."""

    def __init__(self, asked: Asked) -> None:
        super().__init__()
        self._asked = asked

    def submit(self, request: AnswerRequest, live: LiveAnswer) -> None:
        self._asked.append(request)
        super().submit(request, live)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Runs a line of the page once; what it tells programs, and what models were asked."""
    home = tmp_path_factory.mktemp("home")

    @cache
    def running(text: str) -> tuple[Told, Asked]:
        asked: Asked = []
        told = io.StringIO()
        with serving() as service, pytest.MonkeyPatch.context() as patch, redirect_stdout(told):
            patch.setenv("NARANI_HOME", str(home))
            patch.setenv("NARANI_SEARXNG_URL", service.address)
            service.reply = json_reply({"results": [NEWS]})
            assert main(["ask", *LINES[text], "--json"], wiring=lambda: _scripted(asked)) == 0
        return json.loads(told.getvalue()), asked

    return running


def _scripted(asked: Asked) -> Wiring:
    return replace(wire(), build_engine=lambda: NotingEngine(asked))


def test_the_page_has_lines_that_search() -> None:
    assert len(LINES) - len(SHOWN) >= 6
    assert set(LINES) - set(SHOWN) == set(typed("python", "-m", "search"))
    assert len(SHOWN) == 2


@pytest.mark.parametrize("text", LINES)
def test_a_line_answers_from_sources_unless_it_says_never(text: str, ran: Ran) -> None:
    question, *options = LINES[text]
    told, asked = ran(text)
    assert told["question"] == question.removeprefix("/")
    assert told["searched"] is ("never" not in options)
    assert bool(told["sources"]) is told["searched"]
    assert all(source["url"] and source["passage"] for source in told["sources"])
    (answer,) = told["answers"]
    assert answer["text"] and answer["error"] is None
    if "searxng" in options:
        assert [source["url"] for source in told["sources"]] == [NEWS["url"]]
    if "--models" not in options:
        assert answer["model"] is None and asked == []
        assert {sentence["verdict"] for sentence in answer["sentences"]} == {"supported"}
    else:
        assert [request.model_id for request in asked] == [answer["model"]]


@pytest.mark.parametrize("text", [text for text in LINES if "--models korani" in text])
def test_korani_is_asked_in_the_words_of_its_chat(text: str, ran: Ran) -> None:
    told, (request,) = ran(text)
    formats = load_formats()
    format = formats.for_question(formats.get("korani"), request.conversation)
    prompt = render(format, request.conversation).text
    question = told["question"]
    if told["searched"]:
        assert f"\n`````\n 위 내용은 {question}에 대한 뉴스 기사들이야.\n" in prompt
        assert all(f"\n[{source['n']}] {source['title']}" in prompt for source in told["sources"])
    else:
        assert prompt == f"### User\n{question}\n답변은 반드시 완성된 문장으로 생성해줘.\n\n### Bot\n"
    if "--repetition-penalty" in LINES[text]:
        assert request.settings.temperature == 0
        assert request.settings.repetition_penalty == (1.5 if told["searched"] else 1.2)
        assert (request.settings.max_new_tokens, request.quantization) == (256, "nf4")
