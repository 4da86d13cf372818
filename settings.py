"""Every environment setting, typed, in one place.

Knows: the names of the environment variables, their defaults, and what values they may take.
Refuses to know: what the settings are used for. Read once at the edge (a command line, the dashboard's
services) and passed in; beside it only what libraries and launchers name (HF_ENDPOINT, RANK) is looked at.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from errors import BadRequest
from errors.wording import LANGUAGES

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
SEARCH_ADDRESSES = {
    "searxng": "NARANI_SEARXNG_URL",
    "naver": "NARANI_NAVER_URL",
    "naver-old": "NARANI_NAVER_OLD_URL",
    "google": "NARANI_GOOGLE_URL",
    "brave": "NARANI_BRAVE_URL",
    "tavily": "NARANI_TAVILY_URL",
}
"""The variables that say where a search service is asked, by its name."""
STEPS = ("auto", "eager", "graph", "fused")


@dataclass(frozen=True)
class Settings:
    """What the environment decides."""

    home: Path
    """NARANI_HOME: where everything that Narani writes lies."""

    memory_budget: int | None = None
    """NARANI_MEMORY_BUDGET ("20GB"): bytes the model pool may hold on a device; None: measured at start."""

    device: str | None = None
    """NARANI_DEVICE ("cpu", "cuda:0"): where models live; None: the first GPU, else the processor."""

    park_budget: int | None = None
    """NARANI_PARK ("48GB", 0): bytes of host memory for the weights of idle models that had to leave a GPU;
    None: a third of what is available at start, 0: they are read from the disk again."""

    step: str = "auto"
    """NARANI_STEP ("auto", "eager", "graph", "fused"): how a token is computed on a GPU; "auto": the fastest
    way that is proven there."""

    failed_load_seconds: float = 30.0
    """NARANI_FAILED_LOAD_SECONDS: how long a load that failed is remembered and not tried again."""

    rows_per_model: int = 8
    """NARANI_ROWS_PER_MODEL: how many questions one model answers at the same time."""

    database: str | None = None
    """NARANI_DATABASE: the address of another database for the history; None: narani.db in the home."""

    language: str | None = None
    """NARANI_LANGUAGE ("ko", "en"): of the command lines, and of the dashboard where a browser names none;
    None: as LC_ALL, LC_MESSAGES or LANG says, the dashboard Korean."""

    unwatched_seconds: float = 600.0
    """NARANI_UNWATCHED_SECONDS: a run that no page has looked at for so long is stopped."""

    search_provider: str = "documents"
    """NARANI_SEARCH_PROVIDER: where it is searched if nobody picks another provider."""

    search_dense: str | None = None
    """NARANI_SEARCH_DENSE: a model of sentence-transformers, by its id or folder, by whose vectors own
    documents are found beside their words; None: by their words alone."""

    search_seconds: float = 20.0
    """NARANI_SEARCH_SECONDS: how long a search may wait for services and pages."""

    search_addresses: Mapping[str, str] = field(default_factory=dict)
    """NARANI_SEARXNG_URL and so on: where a service is asked in place of its own address, by its name."""

    @property
    def own_models(self) -> Path:
        return self.home / "models"

    @property
    def own_documents(self) -> Path:
        """The one folder of documents that people at other machines may search too."""
        return self.home / "documents"


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this environment; a value that cannot be read is refused by name."""
    values = os.environ if environment is None else environment
    home = values.get("NARANI_HOME") or platformdirs.user_data_dir("narani", appauthor=False)
    budget, park = values.get("NARANI_MEMORY_BUDGET"), values.get("NARANI_PARK")
    return Settings(
        home=Path(home).expanduser(),
        memory_budget=parse_bytes(budget, "NARANI_MEMORY_BUDGET") if budget else None,
        device=values.get("NARANI_DEVICE") or None,
        park_budget=parse_bytes(park, "NARANI_PARK") if park else None,
        step=_step(values),
        failed_load_seconds=_number(values, "NARANI_FAILED_LOAD_SECONDS", 30.0, least=0),
        rows_per_model=int(_number(values, "NARANI_ROWS_PER_MODEL", 8, least=1)),
        database=values.get("NARANI_DATABASE") or None,
        language=_language(values),
        unwatched_seconds=_number(values, "NARANI_UNWATCHED_SECONDS", 600.0, least=0),
        search_provider=values.get("NARANI_SEARCH_PROVIDER") or "documents",
        search_dense=values.get("NARANI_SEARCH_DENSE") or None,
        search_seconds=_number(values, "NARANI_SEARCH_SECONDS", 20.0, least=1),
        search_addresses={
            name: _address(values, variable)
            for name, variable in SEARCH_ADDRESSES.items()
            if values.get(variable)
        },
    )


def environment_key(name: str) -> str | None:
    """The key of a search service, read when it is needed; it stands in no settings, which may be printed."""
    return os.environ.get(name)


def terminal_language(environment: Mapping[str, str] | None = None) -> str:
    """The language that a command line speaks."""
    values = os.environ if environment is None else environment
    if named := named_language(values):
        return named
    locale = next(filter(None, map(values.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "ko" if locale.lower().startswith("ko") else "en"


def named_language(environment: Mapping[str, str] | None = None) -> str | None:
    """NARANI_LANGUAGE where it names a language; what else it says is refused by `read_settings`."""
    values = os.environ if environment is None else environment
    named = values.get("NARANI_LANGUAGE", "").lower()
    return named if named in LANGUAGES else None


def parse_bytes(text: str, name: str = "size") -> int:
    """'24GB', '512 MiB' or a plain number of bytes."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG]?I?B?)\s*", text, re.IGNORECASE)
    unit = match.group(2).upper() if match else None
    if unit is not None and unit not in _UNITS:
        unit += "B"
    if match is None or unit not in _UNITS:
        raise BadRequest("size-unreadable", name=name, value=text)
    return int(float(match.group(1)) * _UNITS[unit])


def format_bytes(count: float) -> str:
    """'11.8 GB': the decimal units that model sizes are given in."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= size * 0.99995:  # what would be written as 1000.0 of the smaller unit
            return f"{count / size:.1f} {unit}"
    return f"{int(count)} B"


def format_parameters(count: int) -> str:
    """'5.89B', as model sizes are written, on pages and in terminals alike."""
    for unit, size in (("T", 10**12), ("B", 10**9), ("M", 10**6), ("K", 10**3)):
        if count >= size * 0.9995:
            return f"{count / size:.3g}{unit}"
    return str(count)


def _language(values: Mapping[str, str]) -> str | None:
    language, text = named_language(values), values.get("NARANI_LANGUAGE")
    if text and language is None:
        raise BadRequest("language-unknown", name="NARANI_LANGUAGE", value=text, languages=LANGUAGES)
    return language


def _step(values: Mapping[str, str]) -> str:
    step = values.get("NARANI_STEP") or "auto"
    if step.lower() not in STEPS:
        raise BadRequest("step-unknown", name="NARANI_STEP", value=step, steps=STEPS)
    return step.lower()


def _address(values: Mapping[str, str], name: str) -> str:
    """Refused without saying what was written: a person may have put a key into it."""
    text = values[name].strip()
    try:
        parts = urlsplit(text)
        readable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        readable = False
    if not readable or not re.fullmatch(r"[!-~]+", text) or re.search("[?#@]", text):
        raise BadRequest("address-unreadable", name=name)
    return text.rstrip("/")


def _number(values: Mapping[str, str], name: str, default: float, least: float) -> float:
    text = values.get(name)
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number < math.inf:
        raise BadRequest("number-too-small", name=name, value=text, least=least)
    return number
