"""The READMEs beside what is made here: an adapter or model that was tuned, and a model that was merged.

Knows: what somebody who finds the folder has to know of it, and the head of a card as the hub reads it, with
its license identifiers (hub_licenses.txt).
Refuses to know: how anything in it was made, measured or read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCardData

from finetune.base import Base
from finetune.data import DataFile
from finetune.merge_proof import Proof
from finetune.merge_source import MergeSource
from finetune.registering import data_licenses
from finetune.run_folder import RunFolder
from finetune.training.report import figure_table
from model_registry.names import HUB_ID
from model_registry.spec import License, ModelSpec

_IDENTIFIERS = frozenset((Path(__file__).parent / "hub_licenses.txt").read_text(encoding="utf-8").split())
_NOT_KNOWN = {"not known", "none stated", "not read", ""}
_CARD = """\
{head}
# {title}, merged

The adapter **{title}** merged into **{base}** ({source}), in {dtype}, on {date}.

- Prompt format: `{format}`, the same as the adapter's.
- License: {license}{note}.

## How near it is to its adapter

{prompts} Korean prompts, each with the adapter's own greedy answer. The adapter changes its base's logits \
by {changed:.4g} on average.

| loaded as | largest difference | mean difference | spread of logits | tokens chosen alike | same answers |
|---|---|---|---|---|---|
{rows}
"""


def model_card(
    base: Base,
    files: Sequence[DataFile],
    manifest: Mapping[str, Any],
    report: Mapping[str, Any],
    figures: Sequence[str] | None = None,
    scoring: str | None = None,
) -> str:
    """`figures`: the table of another kind than supervised tuning, in Markdown; `scoring`: how a model that
    does not answer, but scores answers, is used."""
    method, kind = report["method"], str(manifest.get("kind", "sft"))
    tags = (kind, "narani") if method == "full" else ("lora", kind, "narani")
    data = data_licenses([file.name for file in files])
    return "\n".join(
        [
            card_head(
                base.spec,
                base.spec.license,
                tags,
                is_adapter=method != "full",
                data=data,
                pipeline="text-classification" if scoring else "text-generation",
            ),
            f"# {report['run']}",
            "",
            scoring
            or f"{base.title}, tuned by Narani ({method}) in the format `{base.format.id}`. Ask "
            "it in that format, byte for byte; in another one it does worse.",
            "",
            *_figures(report, figure_table(dict(report)) if figures is None else figures),
            *_data(files, report["holdout_data"]),
            *_settings(manifest),
            *_licenses(base, files),
        ]
    )


def _figures(report: Mapping[str, Any], table: Sequence[str]) -> list[str]:
    return ["## Figures", "", *table, "", f"{report['trainable']}", ""]


def _data(files: Sequence[DataFile], measured_with: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = ["## Data", "", "| file | rows | counted | sha256 |", "|---|---|---|---|"]
    lines += [f"| {file.name} | {file.rows} | × {file.weight:g} | `{file.sha256}` |" for file in files]
    told = (f"Measured with `{file['name']}` (`{file['sha256']}`)." for file in measured_with)
    return [*lines, "", *(line for sentence in told for line in (sentence, ""))]


def _settings(manifest: Mapping[str, Any]) -> list[str]:
    # Where a person's files lie is nobody's business; the names stand in the table above.
    left_out = {"data", "holdout_data", "base_model", "name", "resume", "report_to"}
    decided = {name: manifest["plan"][name] for name in manifest["plan"]["decided"]}
    kept = {key: value for key, value in {**manifest["settings"], **decided}.items() if key not in left_out}
    versions = ", ".join(f"{name} {value}" for name, value in manifest["versions"].items() if value)
    return [
        "## Settings",
        "",
        "```json",
        json.dumps(kept, indent=2, ensure_ascii=False),
        "```",
        "",
        f"Made with {versions}.",
        "",
    ]


def _licenses(base: Base, files: Sequence[DataFile]) -> list[str]:
    license = base.spec.license
    address = f" ({license.address})" if license.address else ""
    lines = ["## License", "", f"- of the base: {license.name}{address}"]
    lines += [
        f"- of the data `{name}`: {said}" for name, said in data_licenses([file.name for file in files])
    ]
    return [*lines, "", "Where a license is not known, find out before you pass this on.", ""]


def merge_card(source: MergeSource, dtype: str, changed: float, proofs: Sequence[Proof]) -> str:
    license = source.adapter.license
    rows = "\n".join(
        f"| {dtype if proof.quantization == 'none' else proof.quantization} | {proof.largest:.4g} "
        f"| {proof.mean:.4g} | {proof.spread:.4g} | {proof.agreement:.1%} "
        f"| {proof.same_answers}/{proof.prompts} |"
        for proof in proofs
    )
    head = card_head(
        source.base, license, ("merged", "lora", "narani"), is_adapter=False, data=_data_of_adapter(source)
    )
    return _CARD.format(
        head=head,
        title=source.adapter.title,
        base=source.base.title,
        source="a folder" if Path(source.base.local.source).is_absolute() else source.base.local.source,
        dtype=dtype,
        date=datetime.now(UTC).date().isoformat(),
        format=source.format.id,
        license=license.name,
        note=f". {license.note.rstrip('.')}" if license.note else "",
        prompts=proofs[0].prompts,
        changed=changed,
        rows=rows,
    )


def _data_of_adapter(source: MergeSource) -> list[tuple[str, str]]:
    """What the adapter learned, where it lies in the run that it came of."""
    manifest = RunFolder(Path(source.adapter.local.source).parent).read("manifest.json") or {}
    return data_licenses([file["name"] for file in manifest.get("data", [])])


def card_head(
    base: ModelSpec,
    license: License,
    tags: Sequence[str],
    *,
    is_adapter: bool,
    data: Sequence[tuple[str, str]] = (),
    pipeline: str = "text-generation",
) -> str:
    """The head between its lines of dashes. `data`: what was learned, with the license as far as it is
    known."""
    on_hub = HUB_ID.fullmatch(base.local.source) is not None
    name, license_name, license_link = _license_at_hub(license, base, [named for _, named in data])
    learned = [name for name, _ in data if HUB_ID.fullmatch(name)]
    head = ModelCardData(
        base_model=base.local.source if on_hub else None,
        base_model_relation=("adapter" if is_adapter else "finetune") if on_hub else None,
        datasets=learned or None,
        language="ko",
        library_name="peft" if is_adapter else "transformers",
        pipeline_tag=pipeline,
        tags=list(tags),
        license=name,
        license_name=license_name,
        license_link=license_link,
    )
    return f"---\n{head.to_yaml()}\n---\n"


def _license_at_hub(
    license: License, base: ModelSpec, of_data: Sequence[str]
) -> tuple[str, str | None, str | None]:
    """The base's license, and beside it those of the data that are known and others: all of them bind."""
    if license.name.strip().lower() in _NOT_KNOWN:
        return "unknown", None, None
    first = _slug(license.name)
    rest = sorted({_slug(name) for name in of_data if name not in _NOT_KNOWN} - {first})
    if rest:
        return "other", "-and-".join((first, *rest)), None
    if first in _IDENTIFIERS:
        return first, None, None
    page = f"https://huggingface.co/{base.local.source}" if HUB_ID.fullmatch(base.local.source) else None
    return "other", first, license.address or page


def _slug(name: str) -> str:
    """As the hub wants a license named: small letters, no blanks; the card's text has it whole."""
    return re.sub(r"[^a-z0-9.+-]+", "-", name.lower()).strip("-") or "as-named-in-the-card"
