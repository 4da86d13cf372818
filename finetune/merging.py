"""An adapter merged into its base: a whole model of its own, which proves that it says the same.

Knows: that weights are merged in 16 or 32 bits and never into a quantized copy, and that nothing is left
where the proof fails.
Refuses to know: which adapter was meant, and how networks are compared.
"""

from __future__ import annotations

import logging
import secrets
import traceback
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file

from engines.devices import pick_device
from engines.loading import LoadedModel, LoadWatch, files_of, load_model
from engines.loading.adapters import lora_config
from engines.loading.load import explain
from engines.loading.safety import CheckedFolder, check_adapter, check_model
from engines.loading.weights import choose_dtype
from engines.shortage import clear_device_cache
from errors import BadRequest, LoadError
from finetune.base import UnwatchedLoad
from finetune.merge_proof import Expected, Proof, compare, expected_of, prompt_ids, refuse_difference
from finetune.merge_source import MergeSource, merge_source
from finetune.model_cards import merge_card
from finetune.training.faults import DiskFull, is_disk_full
from model_registry.spec import ModelSpec, Quantization
from whole_files import whole_folder

MergeDtype = Literal["auto", "float32", "bfloat16", "float16"]
_SHARD = "5GB"
_NAME = "default"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MergeReport:
    """What was merged, and how near it came."""

    out: Path
    adapter: str
    base: str
    dtype: str
    changed: float
    """The mean difference that the adapter makes to the logits of its base."""
    proofs: tuple[Proof, ...]
    """The first is the merged model as it is, the others as quantized."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Work:
    """One merging."""

    source: MergeSource
    device: torch.device
    dtype: torch.dtype
    """The type that the merged weights are stored in."""
    watch: LoadWatch
    notes: list[str] = field(default_factory=list)

    @property
    def compute(self) -> str:
        """A processor is slow and coarse in float16, which float32 holds exactly."""
        on_processor = self.device.type == "cpu" and self.dtype is torch.float16
        return "float32" if on_processor else _name(self.dtype)


def merge(
    adapter: str,
    out: Path,
    dtype: MergeDtype = "auto",
    quantizations: Sequence[Quantization] = (),
    *,
    home: Path,
    device: str | None = None,
    watch: LoadWatch | None = None,
) -> MergeReport:
    """Write the merged model to `out`, which must not be there yet, or raise and leave nothing.

    `quantizations`: in which further forms the merged model is loaded and held against the adapter."""
    source = merge_source(adapter, home)
    _refuse_early(source, out, quantizations)
    looking = watch or UnwatchedLoad()
    try:
        work = _Work(source, pick_device(device), _target(dtype, source.base, looking), looking)
        return _merged(work, out, quantizations)
    except Exception as error:  # noqa: BLE001 - whatever a library raises, the caller gets one sentence
        _log.info("merging %s failed\n%s", source.adapter.id, traceback.format_exc())
        if is_disk_full(error):
            failure: Exception = DiskFull("merge-disk-full")
        else:
            failure = explain(error, source.adapter)
    # Only here is the exception gone that held the frames with the networks.
    clear_device_cache(pick_device(device))
    raise failure


def _refuse_early(source: MergeSource, out: Path, quantizations: Sequence[str]) -> None:
    if out.exists() or out.is_symlink():
        raise BadRequest("merge-folder-taken", folder=out.name, name="out")
    offered = source.base.local.loading.quantizations
    for quantization in quantizations:
        if quantization not in offered:
            raise BadRequest(
                "quantization-not-offered",
                model=source.base.title,
                quantization=quantization,
                offered=offered,
                name="quantizations",
            )


def _target(dtype: MergeDtype, base: ModelSpec, watch: LoadWatch) -> torch.dtype:
    """The type asked for, or the one the base is stored in."""
    if dtype != "auto":
        chosen: torch.dtype = getattr(torch, dtype)
        return chosen
    tensors = check_model(files_of(base, watch), base).tensors
    return choose_dtype(tensors, base, "none", torch.device("meta"))[0]


def _merged(work: _Work, out: Path, quantizations: Sequence[Quantization]) -> MergeReport:
    reports: list[MergeReport] = []

    def fill(folder: Path) -> None:
        expected = _write(work, folder)
        clear_device_cache(work.device)
        proofs = [_prove(work, folder, expected, each) for each in ("none", *quantizations)]
        source = work.source
        report = MergeReport(
            out=out,
            adapter=source.adapter.id,
            base=source.base.id,
            dtype=_name(work.dtype),
            changed=expected.changed,
            proofs=tuple(proofs),
            notes=tuple(work.notes),
        )
        card = merge_card(source, report.dtype, report.changed, report.proofs)
        (folder / "README.md").write_text(card, encoding="utf-8")
        reports.append(report)

    out.parent.mkdir(parents=True, exist_ok=True)
    whole_folder(out, out.with_name(f".{out.name[:100]}.{secrets.token_hex(4)}.part"), fill)
    return reports[0]


def _write(work: _Work, folder: Path) -> Expected:
    """Load, ask, merge and store; nothing of the network is left when this returns."""
    source = work.source
    loaded = load_model(_as(source.base, work.compute), "none", work.device, work.watch)
    work.notes.extend(loaded.notes)
    if getattr(loaded.model.config, "quantization_config", None) is not None:
        raise BadRequest("merge-base-quantized", base=source.base.title, model=source.base.id)
    network = _with_adapter(
        loaded, check_adapter(files_of(source.adapter, work.watch), source.adapter), source
    )
    prompts = prompt_ids(source.format, loaded.tokenizer)
    expected = expected_of(network, prompts, loaded.eos_token_ids, network.disable_adapter())
    if expected.changed == 0:
        raise LoadError("merge-changes-nothing", model=source.adapter.title)
    try:
        merged = network.merge_and_unload(safe_merge=True)
    except ValueError:
        raise LoadError("adapter-no-numbers", model=source.adapter.title) from None
    _store(merged.to(work.dtype), loaded, folder)
    return expected


def _with_adapter(loaded: LoadedModel, checked: CheckedFolder, source: MergeSource) -> Any:
    """PEFT's own network, of any kind of LoRA: what cannot be switched over a shared base can be merged."""
    from peft import get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict

    kind = checked.config.get("peft_type")
    if kind != "LORA":
        raise LoadError("merge-not-lora", model=source.adapter.title, kind=kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            network = get_peft_model(loaded.model, lora_config(checked.config), adapter_name=_NAME)
        except ValueError:
            raise LoadError("merge-no-modules", model=source.adapter.title, base=source.base.title) from None
        wanted = get_peft_model_state_dict(network, adapter_name=_NAME, save_embedding_layers=False)
        held = load_file(checked.folder / "adapter_model.safetensors")
        _refuse_other(held, wanted, source)
        set_peft_model_state_dict(network, held, adapter_name=_NAME)
    return network.eval()


def _refuse_other(
    held: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor], source: MergeSource
) -> None:
    """Every tensor of the file has its place, and every place its tensor."""
    title, base = source.adapter.title, source.base.title
    for key in sorted(held.keys() - wanted.keys()):
        raise LoadError("adapter-no-place", model=title, base=base, tensor=key)
    for key, value in held.items():
        if value.shape != wanted[key].shape:
            raise LoadError(
                "adapter-other-shape",
                model=title,
                base=base,
                tensor=key,
                wanted=list(wanted[key].shape),
                stored=list(value.shape),
            )
    for key in sorted(wanted.keys() - held.keys()):
        raise LoadError("adapter-incomplete", model=title, tensor=key)


def _store(merged: Any, loaded: LoadedModel, folder: Path) -> None:
    from transformers import GenerationConfig

    for name, value in merged.named_parameters():
        if not bool(torch.isfinite(value).all()):
            raise LoadError("merge-values-too-large", tensor=name, dtype=_name(value.dtype))
    ends = sorted(loaded.eos_token_ids)
    merged.generation_config = GenerationConfig(
        eos_token_id=ends if len(ends) > 1 else ends[0],
        bos_token_id=loaded.tokenizer.bos_token_id,
        pad_token_id=loaded.tokenizer.pad_token_id,
    )
    merged.config.dtype = merged.dtype
    with suppress(AttributeError):
        del merged.peft_config
    merged.save_pretrained(folder, max_shard_size=_SHARD)
    loaded.tokenizer.save_pretrained(folder)


def _prove(work: _Work, folder: Path, expected: Expected, quantization: Quantization) -> Proof:
    """The folder loaded as anybody would load it."""
    base = work.source.base
    own = base.local.tokenizer.model_copy(update={"source": None})
    spec = _as(base, work.compute).with_local(source=str(folder.absolute()), revision=None, tokenizer=own)
    loaded = load_model(spec, quantization, work.device, work.watch)
    prompts = tuple(tuple(ids) for ids in prompt_ids(work.source.format, loaded.tokenizer))
    if prompts != tuple(each.ids[: each.first] for each in expected.said):
        raise LoadError("merge-tokenizer-differs")
    proof = compare(loaded.model, expected, quantization)
    del loaded
    clear_device_cache(work.device)
    refuse_difference(proof, expected, _name(work.dtype))
    return proof


def _as(spec: ModelSpec, dtype: str) -> ModelSpec:
    return spec.with_local(loading=spec.local.loading.model_copy(update={"dtype": dtype}))


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
