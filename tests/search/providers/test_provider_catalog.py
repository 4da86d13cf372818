"""The list of providers says what each needs and why one cannot be used; keys are read when it is searched.

Run: python -m pytest tests/search/providers/test_provider_catalog.py
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from errors import BadRequest, UnknownName, wording
from errors.wording import LANGUAGES
from search.problems import SearchProblem
from search.providers.catalog import build_provider, provider_entries
from search.providers.web_services import WEB_SERVICES, WebQuery, WebService
from search.watch import SearchWatch
from settings import SEARCH_ADDRESSES, Settings, environment_key, read_settings
from tests.search.providers.loopback_service import LoopbackService, json_reply
from tests.search.providers.service_shapes import CANARY, SECRETS, SHAPES, no_key, secret

NOTHING = Settings(Path())
WITH_KEYS = tuple(service for service in WEB_SERVICES if service.keys)


def test_every_provider_is_listed_once_with_its_own_documents_first() -> None:
    names = [entry.name for entry in provider_entries(NOTHING, secret)]
    assert names == ["documents", *SHAPES, "ddgs"]
    assert [service.name for service in WEB_SERVICES] == list(SHAPES) == list(SEARCH_ADDRESSES)


def test_without_anything_set_own_documents_can_be_searched_and_services_say_what_they_need() -> None:
    found = {entry.name: entry for entry in provider_entries(NOTHING, no_key)}
    assert found["documents"].why_not is None
    for service in WITH_KEYS:
        entry = found[service.name]
        assert entry.needs == service.keys and entry.why_not is not None
        for language in LANGUAGES:
            assert all(key in wording(entry.why_not, language) for key in service.keys)
    assert found["searxng"].needs == ("NARANI_SEARXNG_URL",)
    assert "NARANI_SEARXNG_URL" in str(found["searxng"].why_not)


def test_with_their_keys_all_can_be_used_and_no_entry_holds_one() -> None:
    settings = Settings(Path(), search_addresses={"searxng": "http://127.0.0.1:8888"})
    entries = provider_entries(settings, secret)
    installed = find_spec("ddgs") is not None
    assert [entry.name for entry in entries if entry.why_not] == ([] if installed else ["ddgs"])
    assert CANARY not in repr(entries)


def test_what_ends_or_is_unofficial_says_so() -> None:
    notices = {entry.name: str(entry.notice) for entry in provider_entries(NOTHING, no_key) if entry.notice}
    assert set(notices) == {"google", "naver-old", "ddgs"}
    assert "2027-01-01" in notices["google"] and "2027-06-30" in notices["naver-old"]


@pytest.mark.parametrize("service", WITH_KEYS, ids=lambda service: service.name)
def test_a_request_that_is_printed_shows_no_key(service: WebService) -> None:
    request = service.request(WebQuery("한국", 1, True), SECRETS)
    assert CANARY in f"{request.asked}{request.headers}" and CANARY not in f"{request}{service}"


@pytest.mark.parametrize(
    "value", ["", "  ", "two words", "canary\nX-Other: 1", "카나리아-canary", "canary\x7f", "canary’"]
)
@pytest.mark.parametrize("service", WITH_KEYS, ids=lambda service: service.name)
def test_a_key_that_is_missing_or_cannot_be_one_is_named_and_not_said(
    service: WebService, value: str
) -> None:
    wrong = service.keys[-1]
    values = {**SECRETS, wrong: value}
    provider = build_provider(service.name, NOTHING, lambda name: values.get(name))
    with pytest.raises(SearchProblem) as raised:
        provider.search("한국", 5, SearchWatch())
    assert raised.value.code == ("search-key-unreadable" if value.strip() else "search-key-missing")
    assert raised.value.facts["keys"] == (wrong,)
    assert CANARY not in str(raised.value)


def test_a_key_is_read_anew_for_each_search_and_may_end_in_a_line(service: LoopbackService) -> None:
    values: dict[str, str] = {}
    settings = Settings(Path(), search_addresses={"tavily": service.address})
    provider = build_provider("tavily", settings, lambda name: values.get(name))
    with pytest.raises(SearchProblem, match="needs a key"):
        provider.search("한국", 5, SearchWatch())
    service.reply = json_reply({})
    for key in ("first", "second"):
        values["TAVILY_API_KEY"] = f"{key}\n"
        provider.search("한국", 5, SearchWatch())
    assert [each.headers["authorization"] for each in service.requests] == ["Bearer first", "Bearer second"]


def test_an_unknown_name_lists_the_near_ones() -> None:
    with pytest.raises(UnknownName) as raised:
        build_provider("navr", NOTHING, no_key)
    assert "naver" in str(raised.value)
    assert "'navr'(이)라는 검색 제공자" in wording(raised.value.cause, "ko")


def test_addresses_and_the_provider_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (read_settings({}).search_provider, read_settings({}).search_addresses) == ("documents", {})
    environment = {name: f"https://h.example/{at}/" for at, name in enumerate(SEARCH_ADDRESSES.values())}
    settings = read_settings({**environment, "NARANI_SEARCH_PROVIDER": "naver"})
    assert settings.search_provider == "naver"
    assert settings.search_addresses == {
        name: f"https://h.example/{at}" for at, name in enumerate(SEARCH_ADDRESSES)
    }
    monkeypatch.setenv("BRAVE_SEARCH_API_KEY", "k")
    monkeypatch.delenv("TAVILY_API_KEY", raising=False)
    assert (environment_key("BRAVE_SEARCH_API_KEY"), environment_key("TAVILY_API_KEY")) == ("k", None)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:8888",
        "file:///etc/passwd",
        "ftp://h.example",
        "http://",
        "http:///search",
        "http://user:canary@h.example",
        "https://h.example/?key=canary",
        "https://h.example/#canary",
        "https://h.example:port/canary",
        "https://h.example:99999",
        "https://h.example/a canary",
        "https://[canary",
        "https://한국.example/canary",
    ],
)
@pytest.mark.parametrize("name", SEARCH_ADDRESSES.values())
def test_an_address_that_is_none_or_holds_more_is_refused_without_saying_it(name: str, address: str) -> None:
    with pytest.raises(BadRequest, match=name) as raised:
        read_settings({name: address})
    assert CANARY not in f"{raised.value}{raised.value.cause.as_json()}"
