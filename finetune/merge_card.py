"""The model card of a merged model.

Knows: what somebody who finds the folder has to know of it.
Refuses to know: how it was made and measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from finetune.card_metadata import card_head
from finetune.merge_proof import Proof
from finetune.merge_source import MergeSource
from finetune.registering import data_licenses
from finetune.run_folder import RunFolder

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


def merge_card(source: MergeSource, dtype: str, changed: float, proofs: Sequence[Proof]) -> str:
    license = source.adapter.license
    rows = "\n".join(
        f"| {dtype if proof.quantization == 'none' else proof.quantization} | {proof.largest:.4g} "
        f"| {proof.mean:.4g} | {proof.spread:.4g} | {proof.agreement:.1%} "
        f"| {proof.same_answers}/{proof.prompts} |"
        for proof in proofs
    )
    head = card_head(source.base, license, ("merged", "lora", "narani"), is_adapter=False, data=_data(source))
    return _CARD.format(
        head=head,
        title=source.adapter.title,
        base=source.base.title,
        source="a folder" if Path(source.base.source).is_absolute() else source.base.source,
        dtype=dtype,
        date=datetime.now(UTC).date().isoformat(),
        format=source.format.id,
        license=license.name,
        note=f". {license.note.rstrip('.')}" if license.note else "",
        prompts=proofs[0].prompts,
        changed=changed,
        rows=rows,
    )


def _data(source: MergeSource) -> list[tuple[str, str]]:
    """What the adapter learned, where it lies in the run that it came of."""
    manifest = RunFolder(Path(source.adapter.source).parent).read("manifest.json") or {}
    return data_licenses([file["name"] for file in manifest.get("data", [])])
