"""The head of a model card, as the Hugging Face hub reads it.

Knows: the license identifiers of the hub (hub_licenses.txt), and how what is none of them is named there.
Refuses to know: what stands under the head, and where a license was read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import ModelCardData

from model_registry.spec import License, ModelSpec

_IDENTIFIERS = frozenset((Path(__file__).parent / "hub_licenses.txt").read_text(encoding="utf-8").split())
_NOT_KNOWN = {"not known", "none stated", "not read", ""}
_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")


def card_head(
    base: ModelSpec,
    license: License,
    tags: Sequence[str],
    *,
    is_adapter: bool,
    data: Sequence[tuple[str, str]] = (),
) -> str:
    """Between its lines of dashes. `data`: what was learned, with the license as far as it is known."""
    on_hub = _HUB_ID.fullmatch(base.source) is not None
    name, license_name, license_link = _license(license, base, [named for _, named in data])
    learned = [name for name, _ in data if _HUB_ID.fullmatch(name)]
    head = ModelCardData(
        base_model=base.source if on_hub else None,
        base_model_relation=("adapter" if is_adapter else "finetune") if on_hub else None,
        datasets=learned or None,
        language="ko",
        library_name="peft" if is_adapter else "transformers",
        pipeline_tag="text-generation",
        tags=list(tags),
        license=name,
        license_name=license_name,
        license_link=license_link,
    )
    return f"---\n{head.to_yaml()}\n---\n"


def _license(license: License, base: ModelSpec, of_data: Sequence[str]) -> tuple[str, str | None, str | None]:
    """Of the base, and beside it those of the data that are known and others: all of them bind."""
    if license.name.strip().lower() in _NOT_KNOWN:
        return "unknown", None, None
    first = _slug(license.name)
    rest = sorted({_slug(name) for name in of_data if name not in _NOT_KNOWN} - {first})
    if rest:
        return "other", "-and-".join((first, *rest)), None
    if first in _IDENTIFIERS:
        return first, None, None
    page = f"https://huggingface.co/{base.source}" if _HUB_ID.fullmatch(base.source) else None
    return "other", first, license.address or page


def _slug(name: str) -> str:
    """As the hub wants a license named: small letters, no blanks; the card's text has it whole."""
    return re.sub(r"[^a-z0-9.+-]+", "-", name.lower()).strip("-") or "as-named-in-the-card"
