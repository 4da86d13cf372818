"""Where the parts of a search meet, alone because a page and a command line build the same."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from comparison.asking import AskingService, Recommended
from engines.base import Engine
from model_registry.registry import Registry
from search.asking import SearchAsking, TurnsOf
from search.documents.folder import named_folder
from search.documents.provider import SHIPPED, DocumentsProvider
from search.model_to_ask import model_asker
from search.providers.base import Provider
from search.providers.catalog import DOCUMENTS, build_provider
from search.providers.web import ReadKey
from search.searching import ReadPages, SearchParts, SearchService
from search.token_room import TokenRoom
from search.wish import SearchWish
from settings import Settings

if TYPE_CHECKING:
    from search.pages import PageReader


class ProvidersOfWishes:
    """The provider that a wish names. An index of documents is opened once for each folder."""

    def __init__(self, settings: Settings, read_key: ReadKey) -> None:
        self._settings, self._read_key = settings, read_key
        self._lock = threading.Lock()
        self._of_folders: dict[Path, DocumentsProvider] = {}

    def __call__(self, wish: SearchWish) -> Provider:
        if wish.provider != DOCUMENTS:
            return build_provider(wish.provider, self._settings, self._read_key)
        folder = named_folder(wish.folder) if wish.folder else SHIPPED
        with self._lock:
            if folder not in self._of_folders:
                self._of_folders[folder] = DocumentsProvider(
                    folder, self._settings.home, self._settings.search_dense
                )
            return self._of_folders[folder]


def search_asking(
    asking: AskingService,
    engine: Engine,
    registry: Registry,
    recommended: Recommended,
    settings: Settings,
    read_key: ReadKey,
    turns_of: TurnsOf = lambda owner, run_id, limit: (),
) -> SearchAsking:
    """`asking` asks the same engine and was given `finish` and `told_without_sources`."""
    parts = SearchParts(
        ProvidersOfWishes(settings, read_key),
        _page_reading(settings.home / "search" / "pages.db"),
        model_asker(engine, registry),
    )
    service = SearchService(parts, settings.search_seconds)
    return SearchAsking(asking, service, TokenRoom(registry, recommended), settings.own_documents, turns_of)


def _page_reading(kept: Path) -> ReadPages:
    """Reads pages of the web; its HTTP client is imported with the first of them."""

    @cache
    def reader() -> PageReader:
        from search.fetching.fetcher import Fetcher
        from search.fetching.page_cache import PageCache
        from search.pages import PageReader

        return PageReader(Fetcher(PageCache(kept)))

    return lambda results, watch: reader().read_pages(results, watch)
