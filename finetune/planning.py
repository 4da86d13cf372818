"""How much memory a tuning will take, before anything of it is loaded.

Knows: what weights, gradients, optimizer, activations and logits take by each method, and what to lower.
Refuses to know: torch, files, and how a plan is drawn. Every figure is an estimate.

Checked against the published table of LoRA and QLoRA over Qwen-7B, the usual rules of thumb, and peaks
measured of small networks (tests/finetune/test_planning.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from finetune.run_settings import Method, RunSettings
from finetune.shapes import NetworkShape
from model_registry.memory import NF4_BYTES
from settings import format_bytes

METHODS: tuple[Method, ...] = get_args(Method)
_LOGIT = 12
"""The bytes that one logit takes: as computed, in float32, its softmax, and the gradient of that."""
_LEARNED = 4
"""The bytes of one learned weight, and of its gradient: float32 with every method."""
_OPTIMIZER = {"adamw": 8.0, "adamw-8bit": 2.1, "adafactor": 0.1}
"""The bytes that an optimizer keeps for one learned weight."""
_LAYER = {
    "plain": (22.5, 4.0, 13.5, 2.0),
    "gated": (34.5, 8.0, 12.5, 6.0),
    "recurrent": (110.0, 0.0, 100.0, 0.0),
}
"""Bytes a token and layer in 16 bits, as autograd was seen to keep them: of full tuning for each value of the
hidden width and of the feed-forward width, then of LoRA for each. A recurrent layer keeps every step."""
_LORA_INPUT = 7.0
"""The further bytes for a value that goes into a LoRA layer: in float32, dropped out, and in 16 bits."""
_WITHOUT_DROPOUT = {"plain": 0.77, "gated": 0.68, "recurrent": 0.55}
"""The share of that which is left where LoRA layers drop nothing out."""
_IN_FLOAT32 = {"plain": 2.0, "gated": 1.65, "recurrent": 1.35}
_GPU_RUNTIME = 800_000_000
"""What CUDA and its libraries hold in a process that trains."""
_CPU_RUNTIME = 500_000_000
_USABLE = 0.95
"""The share of free memory that can be used: the rest is lost between blocks."""
_SHORTEST = 256
_SMALLER: dict[Method, Method] = {"full": "lora", "lora": "qlora", "int8-lora": "qlora"}


@dataclass(frozen=True)
class Device:
    """A GPU, or a machine's own memory where it has none."""

    name: str
    free: int
    total: int
    is_gpu: bool


@dataclass(frozen=True)
class Need:
    """Estimated bytes at the peak of a step, on one device."""

    method: Method
    checkpointing: bool
    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    runtime: int
    backward: int = 0
    """What the backward pass of a layer takes beside what was kept, when the logits are gone."""
    sampling: int = 0
    """What answers that are sampled before a step take: their caches and the logits of their last tokens."""

    @property
    def total(self) -> int:
        # While the optimizer steps, activations are gone and it works on a copy of what is learned.
        passing = max(self.activations + max(self.logits, self.backward), self.gradients, self.sampling)
        return self.weights + self.gradients + self.optimizer + passing + self.runtime

    def fits(self, device: Device) -> bool:
        return self.total <= device.free * _USABLE


@dataclass(frozen=True)
class Plan:
    """What each method would take with these settings, and what to do where the chosen one does not fit."""

    chosen: Need
    needs: tuple[Need, ...]
    """Every method without and with gradient checkpointing."""
    devices: tuple[Device, ...]
    shape: NetworkShape
    advice: tuple[str, ...]

    @property
    def fits(self) -> bool:
        return bool(self.devices) and all(self.chosen.fits(device) for device in self.devices)

    def fitting(self) -> tuple[Need, ...]:
        return tuple(need for need in self.needs if all(need.fits(device) for device in self.devices))


@dataclass(frozen=True)
class Lowered:
    """The smallest change of settings by which a tuning fits."""

    settings: RunSettings
    options: str
    """As a person would type them."""
    need: Need


def plan(settings: RunSettings, shape: NetworkShape, devices: Sequence[Device]) -> Plan:
    """Devices: those that share the work, all of which must have room for their part."""
    gpus, on_gpu = max(1, len(devices)), any(device.is_gpu for device in devices)
    chosen = need_of(settings, shape, on_gpu=on_gpu, gpus=gpus)
    needs = tuple(
        need_of(
            replace(settings, method=method, gradient_checkpointing=again), shape, on_gpu=on_gpu, gpus=gpus
        )
        for method in METHODS
        if not (settings.lora_only and method == "full")
        for again in (False, True)
    )
    found = Plan(chosen, needs, tuple(devices), shape, ())
    return replace(found, advice=tuple(_advice(settings, found)))


def need_of(settings: RunSettings, shape: NetworkShape, *, on_gpu: bool, gpus: int = 1) -> Need:
    width = _width(settings, on_gpu)
    learned = shape.parameters if settings.method == "full" else shape.adapter
    weights = _weights(settings.method, shape, width)
    gradients, optimizer = learned * _LEARNED, learned * _OPTIMIZER[settings.optimizer]
    shared = settings.distributed in ("zero2", "zero3", "fsdp2")
    if shared:
        gradients, optimizer = gradients // gpus, optimizer / gpus
    if settings.distributed in ("zero3", "fsdp2"):
        weights //= gpus
    answers = settings.micro_batch * settings.answers_each
    tokens = answers * settings.max_tokens
    activations = tokens * _activations(settings, shape, width)
    if settings.method == "full" and width == 2 and not shared:
        # Autocast keeps a 16-bit copy of every weight from the forward to the backward pass.
        activations += shape.linear * width
    return Need(
        method=settings.method,
        checkpointing=settings.gradient_checkpointing,
        weights=weights,
        gradients=gradients,
        optimizer=round(optimizer),
        activations=round(activations),
        logits=answers * settings.head_tokens * shape.vocabulary * _LOGIT,
        runtime=_GPU_RUNTIME if on_gpu else _CPU_RUNTIME,
        backward=round(tokens * _layer_bytes(settings, shape, width) / 2) if settings.lora_only else 0,
        sampling=_sampling(settings, shape, width) if settings.sampled else 0,
    )


def _sampling(settings: RunSettings, shape: NetworkShape, width: int) -> int:
    """The keys and values of all answers that are sampled at once, reserved before; beside them one layer's
    keys as they are looked up, or the pass that reads the questions, a group's once."""
    kept = 0 if shape.kind == "recurrent" else shape.hidden * settings.max_tokens * width
    cache = settings.sampled * 2 * shape.layers * kept
    matrices = 3 if shape.kind == "gated" else 2
    questions = settings.sampled // settings.group_size * (settings.max_tokens - settings.head_tokens)
    reading = questions * (4 * shape.hidden + matrices * shape.feed_forward) * width
    return cache + max(settings.sampled * kept, reading) + settings.sampled * shape.vocabulary * _LOGIT


def lowered(
    settings: RunSettings, shape: NetworkShape, free: int, *, on_gpu: bool, gpus: int = 1
) -> Lowered | None:
    """What to lower so that it fits: what costs least comes first; None where nothing helps."""
    said: dict[str, str] = {}
    for name, changed in lower_and_lower(settings):
        value, option = getattr(changed, name), "--" + name.replace("_", "-")
        said[name] = option if value is True else f"{option} {value}"
        need = need_of(changed, shape, on_gpu=on_gpu, gpus=gpus)
        if need.total <= free * _USABLE:
            return Lowered(changed, " ".join(said.values()), need)
    return None


def lower_and_lower(settings: RunSettings, *, in_a_step: bool = True) -> Iterator[tuple[str, RunSettings]]:
    """From the cheapest change on, each keeping those before it: the setting's name, and all settings then.

    `in_a_step`: memory is short there; loading and measuring hold no batch and no gradients."""
    while in_a_step and settings.micro_batch > 1:
        # The largest divisor of the batch that is at most half, so that the batch stays what it is.
        sizes = range(settings.micro_batch // 2, 0, -1)
        micro = next(size for size in sizes if (settings.batch or 0) % size == 0)
        settings = replace(settings, micro_batch=micro)
        yield "micro_batch", settings
    if in_a_step and not settings.gradient_checkpointing:
        settings = replace(settings, gradient_checkpointing=True)
        yield "gradient_checkpointing", settings
    while settings.method in _SMALLER:
        settings = replace(settings, method=_SMALLER[settings.method])
        yield "method", settings
    while settings.max_tokens > _SHORTEST:
        settings = replace(settings, max_tokens=max(_SHORTEST, settings.max_tokens // 2))
        yield "max_tokens", settings


def _width(settings: RunSettings, on_gpu: bool) -> int:
    """Bytes of a value that is computed with."""
    if settings.precision == "auto":
        return 2 if on_gpu else 4
    return 4 if settings.precision == "float32" else 2


def _weights(method: Method, shape: NetworkShape, width: int) -> int:
    if method == "full":
        return shape.parameters * _LEARNED
    adapter = (shape.adapter + shape.frozen) * _LEARNED
    if method == "lora":
        return shape.parameters * width + adapter
    packed = shape.linear * NF4_BYTES if method == "qlora" else shape.linear + 4 * shape.linear_rows
    return round(packed) + shape.rest * width + adapter


def _activations(settings: RunSettings, shape: NetworkShape, width: int) -> float:
    """Bytes a token that are kept for the backward pass."""
    layer = _layer_bytes(settings, shape, width)
    if not settings.gradient_checkpointing:
        return layer * shape.layers
    # The inputs of all layers, and one layer that is computed again.
    stream = 4 if settings.method == "full" else width
    return shape.layers * shape.hidden * stream + layer


def _layer_bytes(settings: RunSettings, shape: NetworkShape, width: int) -> float:
    layer = _layer(settings, shape)
    if settings.method != "full" and not settings.lora_dropout:
        layer *= _WITHOUT_DROPOUT[shape.kind]
    return layer * (_IN_FLOAT32[shape.kind] if width == 4 else 1)


def _layer(settings: RunSettings, shape: NetworkShape) -> float:
    full, full_wide, lora, lora_wide = _LAYER[shape.kind]
    if settings.method == "full":
        return full * shape.hidden + full_wide * shape.feed_forward
    inputs = _LORA_INPUT * shape.adapter_inputs / shape.layers
    return lora * shape.hidden + lora_wide * shape.feed_forward + inputs


def _advice(settings: RunSettings, found: Plan) -> Iterable[str]:
    if not found.devices:
        yield "No device was given, so what fits is not known."
        return
    least = min(found.devices, key=lambda device: device.free)
    if not found.fits:
        change = lowered(settings, found.shape, least.free, on_gpu=least.is_gpu, gpus=len(found.devices))
        if change is None:
            yield f"Nothing that can be lowered makes it fit {least.name}. Choose a smaller base."
        else:
            yield (
                f"It does not fit {least.name} ({format_bytes(least.free)} free). It would with "
                f"{change.options}: about {format_bytes(change.need.total)}."
            )
    elif settings.gradient_checkpointing:
        without = replace(settings, gradient_checkpointing=False)
        need = need_of(without, found.shape, on_gpu=least.is_gpu, gpus=len(found.devices))
        if need.fits(least):
            yield "It would fit without gradient checkpointing too, which is faster."
    if not found.shape.counted:
        yield "The base is not on this machine; its shape is guessed from the registry's figures."
