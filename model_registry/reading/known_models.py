"""What the listed models tell of one that is like them: its format, its family, the terms of its license.

Only a model that is listed itself, one whose makers name its siblings alike, or one tuned from a listed model
that answers is known; of any other nothing is said, for a wrong format makes a good model look bad.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from model_registry.registry import Registry
from model_registry.spec import CommercialUse, License, ModelSpec

_SIBLINGS = (
    "beomi/koalpaca-",
    "nlpai-lab/kullm-polyglot-",
    "yanolja/eeve-korean-instruct-",
    "chaems/korani-",
    "junelee/ko_vicuna_",
    "upstage/solar-10.7b-instruct",
)
"""How the ids of models begin that one maker tuned on one format, in small letters."""
_FREE = (
    "mit",
    "bsd",
    "bsd-2-clause",
    "bsd-3-clause",
    "isc",
    "cc0-1.0",
    "unlicense",
    "cc-by-4.0",
    "cc-by-sa-4.0",
)


def listed(registry: Registry, source: str) -> ModelSpec | None:
    """The model that is taken from there, or has that very id, as an adapter trained here names its base."""
    if source in registry.models:
        return registry.models[source]
    return next(
        (spec for spec in registry.models.values() if not spec.remote and _same(spec.local.source, source)),
        None,
    )


def sibling(registry: Registry, names: Iterable[str]) -> ModelSpec | None:
    """One of those that are named alike, with the format that most of them have."""
    for name in names:
        begin = next((each for each in _SIBLINGS if name.casefold().startswith(each)), None)
        alike = [
            spec
            for spec in registry.models.values()
            if begin and not spec.remote and spec.local.source.casefold().startswith(begin)
        ]
        if alike:
            usual = Counter(spec.prompt_format for spec in alike).most_common(1)[0][0]
            return next(spec for spec in alike if spec.prompt_format == usual)
    return None


def terms_of(registry: Registry, name: str) -> License | None:
    """What a license of that name allows, as most listed models under it say."""
    alike = [spec.license for spec in registry.models.values() if _same(spec.license.name, name)]
    if alike:
        usual = Counter(each.commercial for each in alike).most_common(1)[0][0]
        return next(each for each in alike if each.commercial is usual)
    short = name.casefold()
    if short in _FREE:
        return License(name=name, commercial=CommercialUse.YES)
    if "-nc" in short:
        return License(name=name, commercial=CommercialUse.NO)
    return None


def _same(one: str, other: str) -> bool:
    if Path(one).is_absolute():
        return Path(one) == Path(other)
    return one.casefold() == other.casefold()
