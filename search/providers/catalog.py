"""Which providers there are, whether each can be used now, and the one of a name."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from errors import Cause, UnknownName
from search.problems import SearchProblem
from search.providers.base import Provider
from search.providers.web import DdgsProvider, ReadKey, WebProvider
from search.providers.web_services import WEB_SERVICES, WebService
from settings import SEARCH_ADDRESSES, Settings

DOCUMENTS, DDGS = "documents", "ddgs"
_NOTICES = {
    "naver-old": "search-notice-naver-old",
    "google": "search-notice-google",
    "ddgs": "search-notice-ddgs",
}


@dataclass(frozen=True)
class ProviderEntry:
    """A provider as a list of them shows it."""

    name: str
    title: str
    needs: tuple[str, ...] = ()
    """The variables that have to be set."""
    notice: Cause | None = None
    """What one should know before relying on it."""
    why_not: Cause | None = None
    """Why it cannot be used now; None: it can."""


def provider_entries(settings: Settings, read_key: ReadKey) -> tuple[ProviderEntry, ...]:
    """All there are, own documents first."""
    services = tuple(_entry(WebProvider(service, settings, read_key), service) for service in WEB_SERVICES)
    missing = None if find_spec(DDGS) else SearchProblem("search-ddgs-missing").cause
    ddgs = ProviderEntry(DDGS, DDGS, notice=_notice(DDGS), why_not=missing)
    return (ProviderEntry(DOCUMENTS, "Documents"), *services, ddgs)


def build_provider(name: str, settings: Settings, read_key: ReadKey) -> Provider:
    """What it needs is looked at when it searches, for a key may come later."""
    if name == DDGS:
        return DdgsProvider()
    for service in WEB_SERVICES:
        if service.name == name:
            return WebProvider(service, settings, read_key)
    raise UnknownName("provider", name, (entry.name for entry in provider_entries(settings, read_key)))


def _entry(provider: WebProvider, service: WebService) -> ProviderEntry:
    problem = provider.problem()
    address = () if service.address else (SEARCH_ADDRESSES[service.name],)
    why_not = problem.cause if problem else None
    return ProviderEntry(
        service.name, service.title, (*address, *service.keys), _notice(service.name), why_not
    )


def _notice(name: str) -> Cause | None:
    return Cause(_NOTICES[name]) if name in _NOTICES else None
