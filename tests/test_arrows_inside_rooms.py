"""Arrows inside a room that turned round once and must not again, held by reading the source.

Who answers never hears of who lends or loads, who loads of neither, and the books of nobody. In the search
room who decides, searches, asks and checks never hears of a concrete provider, and none of the parts that
read strangers' text of another one: a page cannot start a search, nor a result of a provider a check.

Run: python -m pytest tests/test_arrows_inside_rooms.py
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.test_architecture import ROOT, imported, within

_LENDERS = ("pool", "memory_books", "lease_request", "resident", "local", "lazy", "build")
LENDS = {f"engines.{name}" for name in _LENDERS}
ANSWERS = {f"engines.{name}" for name in ("decoding", "model_batch", "sequence")}
PROVIDERS = {f"search.{name}" for name in ("providers.catalog", "providers.web", "documents", "wiring")}
PAGES = {"search.pages", "search.fetching", "search.extraction"}
USERS = {
    f"search.{name}" for name in ("searching", "asking", "live_search", "wiring", "answer_extras", "wish")
}
NEVER: dict[str, set[str]] = {
    "engines/base.py": {
        f"engines.{path.stem}"
        for path in ROOT.glob("engines/[a-z]*")
        if path.stem not in ("base", "stopping")
    },
    "engines/memory_books.py": {"engines.pool", "engines.resident", "engines.loading", *ANSWERS},
    "engines/decoding.py": {"engines.loading", *LENDS},
    "engines/model_batch.py": {"engines.loading", *LENDS},
    "engines/sequence.py": {"engines.loading", *LENDS},
    "engines/*stepping.py": {"engines.loading", *LENDS, *ANSWERS},
    "engines/slot_cache.py": {"engines.loading", *LENDS, *ANSWERS},
    "engines/loading/*.py": LENDS | ANSWERS,
    "search/records.py": {
        f"search.{path.stem}" for path in ROOT.glob("search/[a-z]*") if path.stem not in ("records", "sets")
    },
    "search/deciding.py": {"engines", "search.documents", "search.providers", *PAGES, *USERS},
    "search/searching.py": {"engines", *PROVIDERS, *PAGES},
    "search/asking.py": {*PROVIDERS, *PAGES},
    "search/live_search.py": {*PROVIDERS, *PAGES},
    "search/citations/*.py": {
        "comparison",
        "engines",
        "search.documents",
        "search.providers",
        *PAGES,
        *USERS,
    },
    "search/documents/*.py": {"search.providers", "search.pages", "search.fetching", *USERS},
    "search/extraction/*.py": {
        "search.documents",
        "search.providers",
        "search.pages",
        "search.fetching",
        *USERS,
    },
    "search/fetching/*.py": {"search.documents", "search.providers", "search.pages", *USERS},
    "search/providers/*.py": {"search.documents", "search.pages", "search.fetching", *USERS},
}


def turned_round(path: Path, source: str) -> list[str]:
    never = {name for pattern, names in NEVER.items() if path.match(pattern) for name in names}
    return [module for module in imported(ast.parse(source)) if within(module, never)]


@pytest.mark.parametrize("pattern", NEVER)
def test_an_arrow_inside_a_room_has_not_turned_round_and_would_be_seen(pattern: str) -> None:
    files = list(ROOT.glob(pattern))
    assert files, "the file has another name now"
    for path in files:
        assert not turned_round(path, path.read_text(encoding="utf-8")), path
    for module in NEVER[pattern]:
        place = ROOT / module.replace(".", "/")
        assert place.is_dir() or place.with_suffix(".py").is_file(), f"{module} has another name now"
        assert turned_round(files[0], f"from {module} import anything"), module
