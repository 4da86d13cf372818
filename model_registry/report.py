"""How models are shown in a terminal: a table, one model's page, and JSON.

Knows: which facts are shown, under which names, and that bytes are estimates.
Refuses to know: where entries come from and which arguments a command took.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from model_registry.memory import bytes_needed
from model_registry.registry import Registry
from model_registry.remote_service import RemoteService
from model_registry.spec import LocalWeights, ModelSpec, Quantization
from settings import format_bytes, format_parameters

ESTIMATE = (
    "Bytes are estimates from the number of parameters, without the cache that an answer needs; "
    "an adapter is counted with its base."
)
_QUANTIZATIONS: tuple[Quantization, ...] = ("none", "int8", "nf4")


def as_json(registry: Registry, spec: ModelSpec) -> dict[str, Any]:
    """Every model has the same keys; None where local weights or a remote service have nothing to say."""
    weights = None if spec.remote else spec.local
    return {
        "id": spec.id,
        "title": spec.title,
        "family": spec.family,
        "source": weights and weights.source,
        "revision": weights and weights.revision,
        "architecture": weights and weights.architecture.value,
        "parameters": weights and weights.parameters,
        "context_length": weights and weights.context_length,
        "license": spec.license.name,
        "commercial": spec.license.commercial.value,
        "prompt_format": spec.prompt_format,
        "task": spec.task,
        "eos_token_ids": weights and list(weights.eos_token_ids),
        "quantizations": list(_bytes(registry, spec)),
        "bytes_needed": _bytes(registry, spec),
        "adapter_base": spec.adapter.base if spec.adapter else None,
        "service": spec.remote and spec.remote.model_dump(mode="json"),
        "demo": spec.demo,
    }


def as_table(registry: Registry, specs: Iterable[ModelSpec]) -> Table:
    specs = list(specs)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption=ESTIMATE, caption_justify="left")
    # An id that is cut cannot be copied, so it may push the table wider than the terminal.
    table.add_column("model", no_wrap=True, min_width=max((len(spec.id) for spec in specs), default=0))
    table.add_column("parameters", justify="right", no_wrap=True)
    for column in ("license", "commercial", "format"):
        table.add_column(column, overflow="fold")
    for quantization in _QUANTIZATIONS:
        table.add_column(quantization, justify="right", no_wrap=True)
    for spec in specs:
        needed = _bytes(registry, spec)
        table.add_row(
            spec.id,
            Text(f"on {spec.remote.server}") if spec.remote else format_parameters(spec.local.parameters),
            Text(spec.license.name),
            spec.license.commercial.value,
            Text(spec.prompt_format),
            *(format_bytes(needed[q]) if q in needed else "-" for q in _QUANTIZATIONS),
        )
    return table


def as_page(registry: Registry, spec: ModelSpec) -> Iterator[tuple[str, str]]:
    """Label and value of every fact of one model; a fact nobody could read says so."""
    needed = ", ".join(f"{q} {format_bytes(size)}" for q, size in _bytes(registry, spec).items())
    license = spec.license
    shown = {
        "title": spec.title,
        "family": spec.family,
        **(_service(spec.remote) if spec.remote else _weights(spec.local)),
        "license": " - ".join(filter(None, (license.name, license.note, license.address))),
        "commercial": license.commercial.value,
        "prompt_format": spec.prompt_format + (" (improvised)" if spec.improvised_format else ""),
        "task": "reward: it scores answers" if spec.task == "reward" else "",
        "thinking": spec.thinking,
        "base_model": "yes, it continues text" if spec.base_model else "",
        "stop_strings": ", ".join(map(repr, spec.stop_strings)),
        "generation": _settings(spec.generation.model_dump(exclude_none=True)),
        "notes": spec.notes,
    }
    yield "id", spec.id
    for key, value in shown.items():
        if value:
            yield key, value + (" (unsure)" if key in spec.unsure else "")
    if needed:
        yield "bytes needed", f"{needed} (estimates)"
    yield "entry", registry.origin(spec.id)
    for reference in spec.references:
        yield "read", f"{reference.what}: {reference.where}{'' if reference.sure else ' (unsure)'}"


def _weights(weights: LocalWeights) -> dict[str, str]:
    return {
        "source": weights.source,
        "revision": weights.revision or "the newest",
        "architecture": weights.architecture.value,
        "parameters": format_parameters(weights.parameters),
        "context_length": f"{weights.context_length:,}",
        "eos_token_ids": ", ".join(map(str, weights.eos_token_ids)) or "from the generation config",
        "loading": _settings(weights.loading.model_dump(exclude_defaults=True)),
        "tokenizer": _settings(weights.tokenizer.model_dump(exclude_defaults=True)),
        "adapter": f"over {weights.adapter.base}" if weights.adapter else "",
    }


def _service(service: RemoteService) -> dict[str, str]:
    return {key: str(value) for key, value in service.model_dump(mode="json", exclude_none=True).items()}


def _bytes(registry: Registry, spec: ModelSpec) -> dict[Quantization, int]:
    if spec.remote:
        return {}
    base = registry.base_of(spec) if spec.adapter else None
    return {q: bytes_needed(spec, q, base) for q in spec.local.loading.quantizations}


def _settings(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())
