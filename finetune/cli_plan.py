"""`python -m finetune plan [KIND]`: what a training would take of memory, before anything is loaded.

Knows: how a plan is drawn in a terminal.
Refuses to know: how bytes are estimated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from errors import BadRequest
from finetune.cli_train import CommandOptions, Dpo, Grpo, Kto, Ppo, Reward, Rloo, Sft, settings_of
from finetune.devices import devices_here
from finetune.planning import Device, Need, Plan, plan
from finetune.run_settings import RunSettings
from finetune.terminal_tables import Column, console, fitted
from model_registry.registry import Registry
from model_registry.spec import Architecture
from settings import format_bytes, format_parameters, parse_bytes


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """What a plan of any kind of training can be told beside its settings."""

    memory: str | None = None
    """Plan for a GPU with so much free memory ("24GB") instead of the devices of this machine."""
    gpus: int = 1
    """With memory: how many such GPUs share the work as --distributed says."""


@dataclass(frozen=True, kw_only=True)
class PlanSft(PlanOptions, Sft):
    """Estimate the memory of a tuning: every method at this batch and length, and what fits here. `plan dpo`,
    `plan ppo` and so on plan another kind of training."""


@dataclass(frozen=True, kw_only=True)
class PlanReward(PlanOptions, Reward):
    """Estimate the memory of the training of a reward model."""


@dataclass(frozen=True, kw_only=True)
class PlanDpo(PlanOptions, Dpo):
    """Estimate the memory of a tuning on pairs."""


@dataclass(frozen=True, kw_only=True)
class PlanKto(PlanOptions, Kto):
    """Estimate the memory of a tuning on judged answers."""


@dataclass(frozen=True, kw_only=True)
class PlanGrpo(PlanOptions, Grpo):
    """Estimate the memory of learning by rewards in groups."""


@dataclass(frozen=True, kw_only=True)
class PlanRloo(PlanOptions, Rloo):
    """Estimate the memory of learning by rewards, leaving one out."""


@dataclass(frozen=True, kw_only=True)
class PlanPpo(PlanOptions, Ppo):
    """Estimate the memory of learning by rewards with a value head."""


PLANS: dict[str, type[CommandOptions]] = {
    options.kind: options for options in (PlanSft, PlanReward, PlanDpo, PlanKto, PlanGrpo, PlanRloo, PlanPpo)
}


def run(options: PlanOptions, home: Path) -> int:
    """0 where it fits, 1 where it does not."""
    assert isinstance(options, CommandOptions)
    settings = settings_of(options)
    if not settings.base_model:
        raise BadRequest("base-model-not-named")
    from finetune.base import base_for
    from finetune.shapes import shape_for
    from model_registry.registry import load_registry

    registry = load_registry(home / "models")
    base = base_for(settings.base_model, registry, settings.format, tuned=settings.lora_only)
    devices = _imagined(options) or devices_here(settings.distributed != "none")
    found = plan(settings, shape_for(settings, base), devices)
    screen = console()
    for line in _lines(base.spec.title, found):
        screen.print(line, markup=False)
    screen.print(table_of(found, screen.width))
    for sentence in (
        *found.advice,
        *_steps(settings, base.spec.local.architecture is Architecture.RWKV, registry),
    ):
        screen.print(sentence, markup=False)
    return 0 if found.fits else 1


def _steps(settings: RunSettings, recurrent: bool, registry: Registry) -> Iterator[str]:
    """How often the data that is here would be learned from; nothing is downloaded for it."""
    from finetune.data.report import inspect
    from finetune.data.sources import parse_sources
    from finetune.steps import foreseen_steps

    if not settings.data or any(source.path is None for source in parse_sources(settings.data)):
        return
    report = inspect(
        settings.data,
        settings.format,
        settings.base_model,
        registry,
        use=settings.reads,
        max_tokens=settings.max_tokens,
        seed=settings.seed,
    )
    if report.lengths is not None:
        yield from foreseen_steps(
            asdict(report.lengths), report.rows, settings, recurrent=recurrent
        ).sentences()


def table_of(found: Plan, width: int) -> Table:
    """Estimated bytes of every method, with what fits; the chosen one is marked."""
    parts = ("weights", "gradients", "optimizer", "activations", "logits", "sampling")
    return fitted(
        (
            Column("method"),
            Column("checkpointing"),
            *(Column(part, spared=1, right=True) for part in parts),
            Column("peak", right=True),
            Column("fits"),
        ),
        [tuple(_cells(need, found)) for need in found.needs],
        width,
        bold=[need == found.chosen for need in found.needs],
        caption="Estimates for one device at the peak of a step.",
    )


def _cells(need: Need, found: Plan) -> Iterator[str]:
    yield f"{need.method} *" if need == found.chosen else need.method
    yield "yes" if need.checkpointing else "no"
    parts = (
        need.weights,
        need.gradients,
        need.optimizer,
        need.activations,
        need.logits,
        need.sampling,
        need.total,
    )
    yield from (format_bytes(part) for part in parts)
    yield "yes" if all(need.fits(device) for device in found.devices) else "no"


def _lines(title: str, found: Plan) -> Iterator[str]:
    from finetune.trainable import foreseen

    shape = found.shape
    known = "" if shape.counted else ", guessed"
    yield f"{title}: {format_parameters(shape.parameters)} parameters in {shape.layers} layers{known}."
    if found.chosen.method != "full":
        yield str(foreseen(shape, found.chosen.method))
    for device in found.devices:
        yield f"{device.name}: {format_bytes(device.free)} free of {format_bytes(device.total)}."


def _imagined(options: PlanOptions) -> tuple[Device, ...]:
    if options.memory is None:
        return ()
    size = parse_bytes(options.memory, "--memory")
    return (Device("such a GPU", size, size, is_gpu=True),) * max(1, options.gpus)
