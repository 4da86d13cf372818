"""What the checks of a card found, as lines, JSON and markdown.

Knows: how the machine is named, and where results lie.
Refuses to know: what was checked.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.bench import Finding

RESULTS = Path(__file__).parents[1] / "results"
_PACKAGES = ("torch", "transformers", "tokenizers", "accelerate", "bitsandbytes")


@dataclass(frozen=True)
class Outcome:
    """One check: held, failed, or skipped with a reason."""

    name: str
    what: str
    finding: Finding | None
    skipped: str = ""
    seconds: float = 0.0

    @property
    def state(self) -> str:
        if self.finding is None:
            return "skipped"
        return "failed" if self.finding.wrong else "held"


def lines(outcome: Outcome) -> Iterator[str]:
    yield f"{outcome.name}: {outcome.state} ({outcome.seconds:.0f} s)  {outcome.what}"
    if outcome.finding is None:
        yield f"    {outcome.skipped}"
        return
    yield from (f"    {fact}" for fact in outcome.finding.facts)
    yield from (f"    wrong: {sentence}" for sentence in outcome.finding.wrong)
    yield from (f"    {sentence}" for sentence in outcome.finding.notes)


def machine(device: str) -> dict[str, str]:
    """The card and the versions; nothing that names whose machine it is."""
    card = torch.cuda.get_device_name(device) if device != "cpu" else "no GPU"
    versions = {"python": platform.python_version(), "cuda": str(torch.version.cuda)}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {"card": card, **versions}


def write(folder: Path, device: str, outcomes: Sequence[Outcome]) -> Path:
    """Two files of one name; the markdown one is handed back."""
    about = machine(device)
    name = re.sub(r"[^a-z0-9.]+", "-", f"gpu-{about['card']}-torch-{about['torch']}".lower())
    folder.mkdir(parents=True, exist_ok=True)
    everything: dict[str, Any] = {
        "machine": about,
        "checks": [{**asdict(outcome), "state": outcome.state} for outcome in outcomes],
    }
    text = json.dumps(everything, ensure_ascii=False, indent=2)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    page = folder / f"{name}.md"
    page.write_text("\n".join(_markdown(about, outcomes)) + "\n", encoding="utf-8")
    return page


def _markdown(about: dict[str, str], outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield f"# scripts/gpu_check on {about['card']}"
    yield ""
    yield ", ".join(f"{name} {version}" for name, version in about.items() if name != "card")
    for outcome in outcomes:
        yield ""
        yield f"## {outcome.name}: {outcome.state}"
        yield outcome.what
        yield ""
        if outcome.finding is None:
            yield outcome.skipped
            continue
        yield from (f"- {fact}" for fact in outcome.finding.facts)
        yield from (f"- wrong: {sentence}" for sentence in outcome.finding.wrong)
        yield from (f"- {sentence}" for sentence in outcome.finding.notes)
