"""However a search service fails, a person reads one sentence that holds no key, and a stop ends it at once.

Run: python -m pytest tests/search/providers/test_provider_failures.py
"""

from __future__ import annotations

import gzip
import json
import logging
import socket
import threading
import time
import traceback
import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest

from errors import Stopped, wording
from search.problems import SearchProblem
from search.providers import http_client
from search.watch import SearchWatch
from tests.search.providers.loopback_service import LoopbackService, Reply, json_reply
from tests.search.providers.service_shapes import CANARY, SECRETS, SHAPES, found_as, provider_at

NAMES = tuple(SHAPES)
SECRET_QUESTION = "비밀스러운 질문"
"""Not written where it is asked: a traceback shows those lines."""
HTML = b"<!doctype html><html><body>Are you a human?</body></html>"
WHOLE = json_reply({"results": [{"title": "t" * 100}], "items": []})
PACKED = gzip.compress(WHOLE.body)
GZIP = {"Content-Encoding": "gzip"}
KEY_REFUSED = "search-key-refused"
FAILURES = {
    "400": (Reply(b'{"errorMessage": "query", "errorCode": "SE01"}', 400), "search-refused"),
    "401": (Reply(HTML, 401), KEY_REFUSED),
    "403": (Reply(HTML, 403), KEY_REFUSED),
    "404": (Reply(b"", 404), "search-refused"),
    "500": (Reply(HTML, 500), "search-out-of-order"),
    "503": (Reply(HTML, 503), "search-out-of-order"),
    "302": (Reply(b"", 302, {"Location": "/elsewhere"}), "search-redirected"),
    "304": (Reply(b"", 304), "search-redirected"),
    "html": (Reply(HTML, headers={"Content-Type": "text/html"}), "search-not-json"),
    "nothing": (Reply(b""), "search-not-json"),
    "cut JSON": (Reply(WHOLE.body[:-5]), "search-not-json"),
    "cut gzip": (Reply(PACKED[:-20], headers=GZIP), "search-not-json"),
    "no gzip": (Reply(WHOLE.body, headers=GZIP), "search-not-json"),
    "another encoding": (Reply(PACKED, headers={"Content-Encoding": "br"}), "search-not-json"),
    "a list": (Reply(b"[1]"), "search-not-json"),
    "no text": (Reply(b'{"results": "\xff"}'), "search-not-json"),
    "deep": (Reply(b'{"results":' + b"[" * 200_000), "search-not-json"),
    "connection cut": (Reply(WHOLE.body, cut=True), "search-unreachable"),
    "too large": (Reply(b" " * 4_000_001), "search-too-large"),
    "gzip bomb": (Reply(gzip.compress(b" " * 50_000_000), headers=GZIP), "search-too-large"),
    "gzip that ended long ago": (
        Reply(gzip.compress(b"{}") + bytes(4_000_000), headers=GZIP),
        "search-too-large",
    ),
    "stall": (Reply(WHOLE.body, stall=True), "search-late"),
    "drip": (Reply(b" " * 1000, drip=True), "search-late"),
}


def problem_of(name: str, address: str, seconds: float = 5.0) -> SearchProblem:
    with pytest.raises(SearchProblem) as raised:
        provider_at(name, address).search(SECRET_QUESTION, 5, SearchWatch(seconds))
    return raised.value


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("name", NAMES)
def test_every_failure_of_every_service_is_told_without_a_key(
    name: str, failure: str, service: LoopbackService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    service.reply, code = FAILURES[failure]
    problem = problem_of(name, service.address, 0.3 if code == "search-late" else 5.0)
    no_key = code == KEY_REFUSED and name == "searxng"
    assert (problem.code, problem.category) == ("search-json-off" if no_key else code, "search-failed")
    assert len(service.requests) == 1
    assert not secrets_in(problem, caplog.text)


def test_a_gzip_bomb_is_not_even_unpacked_into_memory(service: LoopbackService) -> None:
    service.reply, code = FAILURES["gzip bomb"]
    tracemalloc.start()
    try:
        assert problem_of("searxng", service.address).code == code
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def secrets_in(problem: SearchProblem, *more: str) -> list[str]:
    """What of the keys and the question is said anywhere."""
    said = [
        *more,
        repr(problem),
        json.dumps(problem.cause.as_json()),
        *(wording(problem.cause, language) for language in ("en", "ko")),
        *traceback.format_exception(problem),
    ]
    return [text for text in said if CANARY in text or "비밀스러운" in text or "%EB%B9%84" in text]


@pytest.mark.parametrize("failure", ["stall", "drip"])
def test_a_request_that_nobody_waits_for_any_longer_ends_too(failure: str, service: LoopbackService) -> None:
    service.reply, _ = FAILURES[failure]
    problem_of("searxng", service.address, 0.1)
    for left in [each for each in threading.enumerate() if each.name == "search-wait"]:
        left.join(10)
        assert not left.is_alive()


@pytest.mark.parametrize("name", NAMES)
def test_keys_are_in_no_log_and_in_no_provider_when_all_goes_well(
    name: str, service: LoopbackService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    service.reply = json_reply(SHAPES[name].answer([found_as(name, "t", "https://a.example/", "s")]))
    provider = provider_at(name, service.address)
    found = provider.search(SECRET_QUESTION, 5, SearchWatch())
    assert CANARY not in f"{found}{provider!r}{vars(provider)}{caplog.text}"
    assert "%EB%B9%84" not in caplog.text and "비밀" not in caplog.text
    assert all(secret not in caplog.text for secret in SECRETS.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_service_that_says_too_often_is_not_asked_again_before_its_time(
    name: str, own_service: LoopbackService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    own_service.reply = Reply(HTML, 429, {"Retry-After": "120"})
    for _ in range(3):
        problem = problem_of(name, own_service.address)
        assert (problem.code, problem.facts["seconds"]) == ("search-wait", 120)
        assert not secrets_in(problem, caplog.text)
    assert len(own_service.requests) == 1
    assert "120 s" in str(problem) and "120초" in wording(problem.cause, "ko")


def test_it_is_asked_again_once_the_time_is_over(
    own_service: LoopbackService, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_service.reply = Reply(HTML, 429, {"Retry-After": "30"})
    problem_of("brave", own_service.address)
    now = time.monotonic()
    own_service.reply = json_reply({})
    later = SimpleNamespace(monotonic=lambda: now + 31)
    monkeypatch.setattr(http_client, "time", later)
    assert not provider_at("brave", own_service.address).search("한국", 5, SearchWatch(100))
    assert len(own_service.requests) == 2


def test_one_service_that_says_too_often_keeps_no_other_from_being_asked(
    own_service: LoopbackService,
) -> None:
    own_service.reply = Reply(HTML, 429, {"Retry-After": "30"})
    problem_of("brave", own_service.address)
    own_service.reply = json_reply({})
    assert not provider_at("naver", own_service.address).search("한국", 5, SearchWatch())


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("7", 7),
        ("0", 1),
        ("-5", 60),
        ("soon", 60),
        ("²", 60),
        ("9" * 5000, 60),
        (timedelta(hours=2), 7200),
        ("Wed, 01 Jan 2020 00:00:00 GMT", 1),
        ("Wed, 01 Jan 2020 00:00:00", 1),
    ],
    ids=[
        "seconds",
        "none",
        "negative",
        "words",
        "superscript",
        "endless",
        "in two hours",
        "long ago",
        "zoneless",
    ],
)
def test_every_form_of_retry_after_is_read(
    status: int, retry_after: str | timedelta, seconds: int, own_service: LoopbackService
) -> None:
    if isinstance(retry_after, timedelta):
        retry_after = format_datetime(datetime.now(UTC) + retry_after, usegmt=True)
    own_service.reply = Reply(HTML, status, {"Retry-After": retry_after})
    problem = problem_of("tavily", own_service.address)
    assert problem.code == "search-wait"
    assert seconds - 60 * (seconds == 7200) <= problem.facts["seconds"] <= seconds


@pytest.mark.parametrize("name", NAMES)
def test_a_stop_ends_a_search_that_a_service_lets_wait(name: str, service: LoopbackService) -> None:
    service.reply = Reply(WHOLE.body, stall=True)
    watch = SearchWatch()
    threading.Timer(0.05, watch.stop).start()
    began = time.monotonic()
    with pytest.raises(Stopped):
        provider_at(name, service.address).search("한국", 5, watch)
    assert time.monotonic() - began < http_client._SECONDS / 2, "it waited for the service's own limit"


def test_a_connection_that_is_refused_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        for name in NAMES:
            problem = problem_of(name, f"http://127.0.0.1:{closed.getsockname()[1]}")
            assert problem.code == "search-unreachable"
            assert not secrets_in(problem, caplog.text)


@pytest.mark.parametrize(
    "address", ["http://no-such-host.invalid", "http://xn--a.example", "https://127.0.0.1:1"]
)
def test_an_address_that_leads_nowhere_is_told(address: str) -> None:
    assert problem_of("searxng", address).code == "search-unreachable"


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy"])
def test_a_proxy_of_the_environment_is_used(
    variable: str, service: LoopbackService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, service.address)
    monkeypatch.setenv("no_proxy", "localhost")
    service.reply = json_reply({"results": [{"title": "t", "url": "https://a.example/"}]})
    assert provider_at("searxng", "http://search.example").search("한국", 5, SearchWatch())
    monkeypatch.setenv(variable, "socks5://127.0.0.1:9")
    assert problem_of("searxng", "http://search.example").code == "search-unreachable"


def test_searxng_says_which_engines_gave_nothing(service: LoopbackService) -> None:
    silent = [["google", "access denied"], ["<b>duckduckgo</b>", "CAPTCHA"], [], None]
    service.reply = json_reply({"results": [], "unresponsive_engines": silent})
    assert problem_of("searxng", service.address).facts["engines"] == ("google", "duckduckgo")
    service.reply = json_reply({"results": [{"url": "https://a.example/"}], "unresponsive_engines": silent})
    assert provider_at("searxng", service.address).search("한국", 5, SearchWatch())
