"""What is worth knowing before a training begins: what its data is, and whether it fits into memory.

Knows: that both are found out in a process of its own, which gives its memory back and needs torch, as JSON.
Refuses to know: how data is read and memory estimated, and how either is drawn.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from errors import NaraniError
from errors.note import note_facts
from finetune.kinds import recorded
from finetune.rl_settings import RlSettings
from finetune.run_settings import RunSettings
from finetune.sft_settings import SftSettings

_ROOT = Path(__file__).parents[1]
_SECONDS = 900.0


@dataclass(frozen=True)
class Check:
    """Plain values; an error stands where something could not be found out."""

    data: Mapping[str, Any] | None = None
    """As finetune.data.report.DataReport."""
    data_error: Mapping[str, Any] | None = None
    """A cause, as JSON."""
    plan: Mapping[str, Any] | None = None
    """chosen, needs (each with its total and whether it fits), devices, and what to lower if it does not."""
    plan_error: Mapping[str, Any] | None = None
    steps: Mapping[str, Any] | None = None
    """As finetune.steps.StepPlan.facts, about; None where the rows could not be counted in tokens."""


def check(settings: RunSettings, home: Path) -> Check:
    """Nothing is downloaded but hub datasets that are named; nothing is written."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "finetune.process", "check"],
            cwd=_ROOT,
            input=json.dumps(recorded(settings)),
            capture_output=True,
            encoding="utf-8",
            timeout=_SECONDS,
            check=True,
            env={**os.environ, "NARANI_HOME": str(home.absolute()), "PYTHONIOENCODING": "utf-8"},
        )
        return Check(**json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        raise NaraniError("data-check-late") from None
    except (OSError, subprocess.CalledProcessError, ValueError):
        raise NaraniError("data-check-broke") from None


def checked(settings: RunSettings, home: Path) -> Check:
    """The same within this process."""
    from model_registry.registry import load_registry

    registry = load_registry(home / "models")
    plan, plan_error = _told(lambda: _plan(settings, registry))
    data, data_error = _told(lambda: _data(settings, registry))
    steps, _ = _told(lambda: _steps(settings, registry, data)) if data and data["lengths"] else (None, None)
    return Check(data, data_error, plan, plan_error, steps)


def _told(find: Any) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    try:
        return find(), None
    except NaraniError as error:
        return None, error.cause.as_json()


def _data(settings: RunSettings, registry: Any) -> dict[str, Any]:
    from finetune.data.readers import READERS
    from finetune.data.report import inspect

    if settings.holdout_data:
        # It is told what would keep it from being read, as a training would.
        READERS[settings.reads](settings.holdout_data, skip_bad=settings.skip_bad, seed=settings.seed)
    found = inspect(
        settings.data,
        settings.format,
        settings.base_model,
        registry,
        use=settings.reads,
        held_out=settings.holdout_data,
        max_tokens=_room(settings),
        learn_prompts=isinstance(settings, SftSettings) and settings.learn_prompts,
        seed=settings.seed,
    )
    whys = note_facts(fault.why for fault in found.faults)
    faults = [{**asdict(fault), "why_facts": facts} for fault, facts in zip(found.faults, whys, strict=True)]
    return {**asdict(found), "faults": faults, "note_facts": note_facts(found.notes)}


def _room(settings: RunSettings) -> int:
    """The longest row; questions that are answered while learning leave room for the answer."""
    return settings.max_tokens - (settings.max_new_tokens if isinstance(settings, RlSettings) else 0)


def _steps(settings: RunSettings, registry: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    from finetune.base import base_for
    from finetune.steps import foreseen_steps
    from model_registry.spec import Architecture

    base = base_for(settings.base_model, registry, settings.format, tuned=settings.lora_only)
    recurrent = base.spec.local.architecture is Architecture.RWKV
    return foreseen_steps(data["lengths"], data["rows"], settings, recurrent=recurrent).facts()


def _plan(settings: RunSettings, registry: Any) -> dict[str, Any]:
    from finetune.base import base_for
    from finetune.devices import devices_here
    from finetune.planning import Need, lowered, plan
    from finetune.shapes import shape_for

    base = base_for(settings.base_model, registry, settings.format, tuned=settings.lora_only)
    found = plan(settings, shape_for(settings, base), devices_here(settings.distributed != "none"))
    least = min(found.devices, key=lambda device: device.free)

    def described(need: Need) -> dict[str, Any]:
        return {**asdict(need), "total": need.total, "fits": need.fits(least)}

    change = None
    if not found.fits:
        change = lowered(
            settings, found.shape, least.free, on_gpu=least.is_gpu, gpus=max(1, len(found.devices))
        )
    return {
        "chosen": described(found.chosen),
        "needs": [described(need) for need in found.needs],
        "devices": [asdict(device) for device in found.devices],
        "fits": found.fits,
        "counted": found.shape.counted,
        "trainable": found.shape.adapter if settings.method != "full" else found.shape.parameters,
        "parameters": found.shape.parameters,
        "lower": _changes(settings, change.settings) if change else None,
        "lower_total": change.need.total if change else None,
    }


def _changes(before: RunSettings, after: RunSettings) -> dict[str, Any]:
    was = asdict(before)
    return {name: value for name, value in asdict(after).items() if value != was[name]}
