"""One model from its entry to its device, or nothing: a load that fails or is stopped leaves no byte behind.

It runs the steps in order, and frees everything that a failed step held. Budgets, and who waits for the
model, are the pool's.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any

import torch

from engines.families import try_stepping
from engines.loading.hub import commit_of, files_of, tokenizer_files_of
from engines.loading.loaded import LoadedModel, LoadWatch
from engines.loading.safety import check_model, text_settings
from engines.loading.tokenizing import check_vocabulary, eos_ids, load_tokenizer
from engines.loading.weights import build_model
from engines.shortage import clear_device_cache, is_shortage
from errors import BadRequest, EngineDown, LoadError, NaraniError, NoRoom, in_few_words
from model_registry.spec import ModelSpec

_log = logging.getLogger(__name__)


def load_model(spec: ModelSpec, quantization: str, device: torch.device, watch: LoadWatch) -> LoadedModel:
    """The model of an entry that is no adapter; raises a LoadError or errors.Stopped."""
    if spec.adapter is not None:
        raise BadRequest("adapter-alone", model=spec.title, base=spec.adapter.base)
    if quantization not in spec.local.loading.quantizations:
        offered = ", ".join(spec.local.loading.quantizations)
        raise BadRequest(
            "quantization-not-offered", model=spec.title, quantization=quantization, offered=offered
        )
    quieten_libraries()
    try:
        return _load(spec, quantization, device, watch)
    except Exception as error:  # noqa: BLE001 - whatever a library raises, the caller gets one sentence
        _log.info("loading %s failed\n%s", spec.id, traceback.format_exc())
        failure = explain(error, spec)
    # Only here, outside the block, is the exception gone that held the frames with the half-made model.
    clear_device_cache(device)
    raise failure


def quieten_libraries() -> None:
    """Progress goes to the watch and faults into sentences; nothing of it belongs on the terminal."""
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    for name in ("transformers", "bitsandbytes", "huggingface_hub", "accelerate"):
        logging.getLogger(name).setLevel(logging.ERROR)


def explain(error: Exception, spec: ModelSpec) -> NaraniError:
    """The error to raise instead, free of frames and of paths."""
    if isinstance(error, NaraniError):
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)
    if isinstance(error, ImportError):
        return EngineDown.lacking(error)
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if is_shortage(error):
        return NoRoom("memory-ran-out-loading", model=spec.title)
    return LoadError("not-loaded", model=spec.title, said=in_few_words(text), kind=type(error).__name__)


def _load(spec: ModelSpec, quantization: str, device: torch.device, watch: LoadWatch) -> LoadedModel:
    _refuse_old_transformers(spec)
    folder = files_of(spec, watch)
    checked = check_model(folder, spec)
    tokenizer = load_tokenizer(tokenizer_files_of(spec, folder, watch), spec)
    rows = _vocabulary_rows(checked.config)
    if rows is not None:
        check_vocabulary(tokenizer, rows, spec)
    ids, notes = eos_ids(folder, tokenizer, rows or len(tokenizer), spec)
    model, more_notes = build_model(checked, spec, quantization, device, watch)
    check_vocabulary(tokenizer, model.get_input_embeddings().weight.shape[0], spec)
    _try_stepping(model, device, quantization, spec)
    return LoadedModel(
        spec=spec,
        quantization=quantization,
        device=device,
        model=model,
        tokenizer=tokenizer,
        eos_token_ids=ids,
        notes=(*notes, *more_notes),
        revision=commit_of(folder),
    )


@torch.no_grad()
def _try_stepping(model: Any, device: torch.device, quantization: str, spec: ModelSpec) -> None:
    """Nothing is published that cannot answer; it also brings quantized weights into their lasting form."""
    try:
        are_numbers = try_stepping(model, device)
    except Exception as error:
        if is_shortage(error):
            raise
        _log.info("%s as %s cannot be stepped\n%s", spec.id, quantization, traceback.format_exc())
        kind = model.config.model_type
        why = in_few_words(f"{type(error).__name__}: {error}".splitlines()[0])
    else:
        if are_numbers:
            return
        raise LoadError("computes-no-numbers", model=spec.title)
    if quantization != "none":
        raise LoadError("quantization-cannot-run", model=spec.title, quantization=quantization)
    raise LoadError("network-cannot-step", model=spec.title, kind=kind, why=why)


def _refuse_old_transformers(spec: ModelSpec) -> None:
    import transformers
    from packaging.version import Version

    lowest = spec.local.loading.lowest_transformers
    if lowest and Version(transformers.__version__) < Version(lowest):
        raise LoadError(
            "transformers-too-old", model=spec.title, lowest=lowest, installed=transformers.__version__
        )


def _vocabulary_rows(config: dict[str, Any]) -> int | None:
    rows = text_settings(config).get("vocab_size")
    return rows if isinstance(rows, int) else None
