"""The README beside an adapter or model: what it is, of what it was made, and what may be done with it.

Knows: the words and their order.
Refuses to know: how anything in it was found.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from finetune.base import Base
from finetune.card_metadata import card_head
from finetune.data import DataFile
from finetune.registering import data_licenses
from finetune.training.report import figure_table


def model_card(
    base: Base, files: Sequence[DataFile], manifest: Mapping[str, Any], report: dict[str, Any]
) -> str:
    method = report["method"]
    tags = ("sft", "narani") if method == "full" else ("lora", "sft", "narani")
    data = data_licenses([file.name for file in files])
    return "\n".join(
        [
            card_head(base.spec, base.spec.license, tags, is_adapter=method != "full", data=data),
            f"# {report['run']}",
            "",
            f"{base.spec.title}, tuned by Narani ({method}) in the format `{base.format.id}`. Ask "
            "it in that format, byte for byte; in another one it does worse.",
            "",
            *_figures(report),
            *_data(files, report["holdout_data"]),
            *_settings(manifest),
            *_licenses(base, files),
        ]
    )


def _figures(report: dict[str, Any]) -> list[str]:
    return ["## Figures", "", *figure_table(report), "", f"{report['trainable']}", ""]


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
