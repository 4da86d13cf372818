"""The base as a network that can learn: loaded under the same rules as for asking, and some of it set free.

Knows: which quantization and type a method wants, LoRA layers, control tokens that a format is written with
and a tokenizer lacks, and that what is learned is always float32.
Refuses to know: data, the loop and saving.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import Module
from transformers import set_seed

from engines.loading import LoadedModel, load_model
from engines.loading.adapters import lora_config
from engines.loading.loaded import LoadWatch
from errors import BadRequest
from errors.note import Note
from finetune.distributed.ranks import DIVIDED, launched
from finetune.run_settings import Method, Precision, RunSettings
from finetune.training.adapters import LEARNS, REFERENCE, StoredAdapter, add_adapter
from model_registry.spec import Architecture, ModelSpec, Quantization
from prompts.format import PromptFormat

_QUANTIZED: dict[str, Quantization] = {"qlora": "nf4", "int8-lora": "int8"}
_TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_MARK = re.compile(r"<\|[^<>|\s]+\|>|\[\|[^\[\]|\s]+\|\]|<(?:start|end)_of_turn>|</?s>")


@dataclass(eq=False)
class Learner:
    """A base on its device, with the weights that are to learn."""

    loaded: LoadedModel
    network: Any
    """The whole network: PEFT's over the base, or the base itself."""
    compute: torch.dtype
    notes: tuple[str, ...]

    @property
    def recurrent(self) -> bool:
        return self.loaded.spec.local.architecture is Architecture.RWKV

    @property
    def pad_id(self) -> int:
        """Never learned, so any id does; the end token's is known to every network."""
        pad = self.loaded.tokenizer.pad_token_id
        return int(pad) if pad is not None else min(self.loaded.eos_token_ids)


def load_base(
    spec: ModelSpec, settings: RunSettings, device: torch.device, watch: LoadWatch
) -> tuple[LoadedModel, torch.dtype]:
    """The base as its method wants it; nothing of it learns yet."""
    quantization = _QUANTIZED.get(settings.method, "none")
    compute = _compute_type(settings.precision, spec, device)
    stored = torch.float32 if settings.method == "full" else compute
    if launched().size > 1 and settings.distributed in DIVIDED:
        # No GPU need have room for all of it: each takes its part from here.
        device = torch.device("cpu")
    loading = spec.local.loading.model_copy(
        update={
            "dtype": _name(stored),
            "quantizations": (quantization,),
            "default_quantization": quantization,
        }
    )
    with _weights_that_pass_gradients() if quantization == "nf4" else nullcontext():
        loaded = load_model(spec.with_local(loading=loading), quantization, device, watch)
    if getattr(loaded.model, "is_quantized", False) and quantization == "none":
        raise BadRequest("base-stored-quantized", model=spec.title)
    return loaded, compute


def set_learning(
    loaded: LoadedModel,
    compute: torch.dtype,
    settings: RunSettings,
    targets: Sequence[str],
    tuned: StoredAdapter | None = None,
) -> Learner:
    """Free what the method trains. The same seed gives the same LoRA weights to begin with.

    `tuned`: the adapter that goes on learning instead of a new one; a frozen copy stays as REFERENCE."""
    set_seed(settings.seed)
    if settings.method == "full":
        loaded.model.requires_grad_(True)
        network: Module = loaded.model
    elif tuned is not None:
        network = _with_tuned(loaded, settings, tuned)
    else:
        network = _with_lora(loaded, settings, targets)
    for name, value in network.named_parameters():
        if value.requires_grad and value.dtype != torch.float32:
            raise BadRequest("weights-too-coarse", tensor=name, dtype=_name(value.dtype))
    return Learner(loaded, network, compute, loaded.notes)


def _with_lora(loaded: LoadedModel, settings: RunSettings, targets: Sequence[str]) -> Module:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=settings.lora_r,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=list(targets),
        bias="none",
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return get_peft_model(loaded.model, config, adapter_name=LEARNS)


def _with_tuned(loaded: LoadedModel, settings: RunSettings, tuned: StoredAdapter) -> Module:
    from peft import get_peft_model

    config = lora_config(tuned.config)
    config.inference_mode, config.lora_dropout = False, settings.lora_dropout
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = get_peft_model(loaded.model, config, adapter_name=LEARNS)
    add_adapter(network, LEARNS, tuned, learns=True)
    add_adapter(network, REFERENCE, tuned)
    return network


@contextmanager
def _weights_that_pass_gradients() -> Iterator[None]:
    """On processors with avx512_bf16, bitsandbytes packs 4-bit weights anew in the first forward pass without
    gradients, for a product that then hands none back: layers below would silently learn nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from bitsandbytes.nn import modules
    before = modules.has_avx512bf16
    modules.has_avx512bf16 = lambda: False
    try:
        yield
    finally:
        modules.has_avx512bf16 = before


def _compute_type(precision: Precision, spec: ModelSpec, device: torch.device) -> torch.dtype:
    if precision == "auto":
        if device.type != "cuda":
            return torch.float32
        precision = "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    if precision == "float16" and spec.local.architecture is Architecture.RWKV:
        # RWKV overflows in it.
        return torch.float32
    return _TYPES[precision]


def _name(dtype: torch.dtype) -> Any:
    return str(dtype).removeprefix("torch.")


def lacking(format: PromptFormat, tokenizer: Any) -> list[str]:
    """In the order they stand in the format; a chat template is the tokenizer's own, so it lacks none."""
    if format.kind == "chat":
        return []
    marks = dict.fromkeys(_MARK.findall(_text_of(format)))
    return [mark for mark in marks if tokenizer.backend_tokenizer.token_to_id(mark) is None]


def add_tokens(network: Any, tokenizer: Any, format: PromptFormat, method: Method, title: str) -> list[str]:
    """Before the tokenizer is first used: rows are added to the embeddings, which only method full learns."""
    missing = lacking(format, tokenizer)
    if not missing:
        return []
    named = ", ".join(missing)
    if method != "full":
        raise BadRequest("format-tokens-missing", format=format.id, model=title, named=named, tokens=missing)
    tokenizer.add_special_tokens({"additional_special_tokens": missing}, replace_extra_special_tokens=False)
    if len(tokenizer) > network.get_input_embeddings().weight.shape[0]:
        network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    return [Note("note-tokens-added", named=named)]


def _text_of(format: PromptFormat) -> str:
    templates = (
        format.question,
        format.question_with_input,
        format.earlier_turn,
        format.system,
        format.context,
    )
    pieces = [part.text for template in templates for part in template]
    return "\n".join([*pieces, format.answer_lead, format.turn_end, format.default_system])
