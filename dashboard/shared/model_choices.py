"""What a person should know of a model before picking it: its entry, whether it fits, how near it is.

Plain data; streamlit is not imported here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dashboard.texts import Texts
from engines.memory import ModelMemory, PoolView, ResidentView
from model_registry.memory import bytes_needed
from model_registry.names import family_title
from model_registry.registry import Registry
from model_registry.spec import CommercialUse, ModelSpec, Quantization
from search.wish import EXTRACTIVE


class Availability(StrEnum):
    """Where a model is now, nearest first."""

    IN_USE = "in_use"
    LOADED = "loaded"
    PARKED = "parked"
    ON_DISK = "on_disk"
    TO_FETCH = "to_fetch"
    REMOTE = "remote"
    """Elsewhere: another process or machine serves it."""


@dataclass(frozen=True)
class ModelChoice:
    """One model as it would be loaded now."""

    spec: ModelSpec
    title: str
    quantization: str
    quantizations: tuple[str, ...]
    bytes: int
    """Measured where it is in memory or parked, estimated else."""
    fits: bool | None
    """None: the budget is not known before an engine is there."""
    where: Availability


def model_choices(
    registry: Registry, memory: ModelMemory, picked: Mapping[str, str]
) -> dict[str, ModelChoice]:
    """Every model that answers; `picked` holds the quantizations that differ from an entry's default."""
    pool, titles = memory.view(), distinct_titles(registry.models)
    return {
        model_id: _choice(spec, titles[model_id], registry, memory, pool, picked.get(model_id))
        for model_id, spec in registry.answerers.items()
    }


def distinct_titles(models: Mapping[str, ModelSpec]) -> dict[str, str]:
    """What each is called in a list: its title, and its id too where another has the same title. Streamlit
    tells options apart by their words."""
    many = Counter(spec.title for spec in models.values())
    return {
        model_id: spec.title if many[spec.title] == 1 else f"{spec.title} · {model_id}"
        for model_id, spec in models.items()
    }


def family_name(family: str, texts: Texts) -> str:
    """As its makers write it, or in the reader's language where the name is ours."""
    return texts.models.get(f"family_{family}") or family_title(family)


def column_titles(models: Mapping[str, ModelSpec], texts: Texts) -> dict[str, str]:
    """What the answers of each are called, the one without a model too."""
    return {**distinct_titles(models), EXTRACTIVE: texts.search["extractive"]}


NARROWED_BY: Mapping[str, Callable[[ModelChoice], bool]] = {
    "fits": lambda choice: choice.fits is not False,
    "here": lambda choice: choice.where is not Availability.TO_FETCH,
    "commercial": lambda choice: choice.spec.license.commercial is CommercialUse.YES,
}
"""Fits in memory, is here without a download, may be used commercially."""


@dataclass(frozen=True)
class ListFilter:
    """What is kept of a list of models; empty keeps everything."""

    words: str = ""
    family: str | None = None
    only: frozenset[str] = frozenset()
    """Keys of NARROWED_BY."""


def found_of(choices: Mapping[str, ModelChoice], wanted: ListFilter, texts: Texts) -> list[ModelChoice]:
    """Those whose facts hold every word looked for, by family; the demo models first."""
    words = wanted.words.casefold().split()
    found = [
        choice
        for choice in choices.values()
        if all(word in facts_to_search(choice.spec, texts) for word in words)
        and wanted.family in (None, choice.spec.family)
        and all(NARROWED_BY[each](choice) for each in wanted.only)
    ]
    return sorted(found, key=lambda choice: (not choice.spec.demo, choice.spec.family))


def facts_to_search(spec: ModelSpec, texts: Texts) -> str:
    """What words are looked for in, whatever list the model stands in."""
    runs = (
        (spec.remote.server, spec.remote.url) if spec.remote else (spec.local.architecture, spec.local.source)
    )
    family = family_title(spec.family), family_name(spec.family, texts)
    return " ".join((spec.id, spec.title, spec.family, *family, spec.license.name, *runs)).casefold()


def _choice(
    spec: ModelSpec,
    title: str,
    registry: Registry,
    memory: ModelMemory,
    pool: PoolView | None,
    picked: str | None,
) -> ModelChoice:
    if spec.remote:
        return ModelChoice(spec, title, "none", ("none",), 0, None, Availability.REMOTE)
    base = registry.base_of(spec)
    offered = base.local.loading.quantizations
    default = spec.local.loading.default_quantization
    quantization: Quantization = next((each for each in offered if each == picked), default)
    resident = _named(pool.residents if pool else (), base.id, quantization)
    parked = _named(pool.parked if pool else (), base.id, quantization)
    measured = resident or parked
    needed = bytes_needed(spec, quantization, None if spec is base else base)
    return ModelChoice(
        spec=spec,
        title=title,
        quantization=quantization,
        quantizations=offered,
        bytes=measured.weight_bytes if measured else needed,
        fits=None if pool is None else resident is not None or needed <= pool.budget,
        where=_where(resident, parked, memory, spec),
    )


def _named(views: Sequence[ResidentView], base_id: str, quantization: str) -> ResidentView | None:
    return next(
        (each for each in views if (each.model_id, each.quantization) == (base_id, quantization)), None
    )


def _where(
    resident: ResidentView | None, parked: ResidentView | None, memory: ModelMemory, spec: ModelSpec
) -> Availability:
    if resident is not None and (spec.adapter is None or spec.id in resident.adapters):
        return Availability.IN_USE if resident.leases else Availability.LOADED
    if parked is not None and (spec.adapter is None or spec.id in parked.adapters):
        return Availability.PARKED
    return Availability.ON_DISK if memory.on_disk(spec.id) else Availability.TO_FETCH
