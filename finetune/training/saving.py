"""What comes of a training, as a folder of its own: an adapter that the engine attaches, or a whole model.

Knows: the files of each, all safetensors and JSON, and that what was written is what was learned.
Refuses to know: the model card's words, the registry, and measuring.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from errors import NaraniError
from finetune.run_folder import RunFolder
from finetune.training.learner import Learner
from whole_files import whole_folder

_WEIGHTS = "adapter_model.safetensors"


def save_result(learner: Learner, weights: Mapping[str, Tensor], run: RunFolder, card: str) -> Path:
    """The run's `adapter` or `model` folder with its card; a folder of an earlier try makes way.

    `weights`: what was learned, whole."""
    from peft import PeftModel

    is_adapter = isinstance(learner.network, PeftModel)
    final = run.adapter if is_adapter else run.model

    def fill(folder: Path) -> None:
        if is_adapter:
            _write_adapter(learner, weights, folder)
        else:
            _write_model(learner, weights, folder)
        (folder / "README.md").write_text(card, encoding="utf-8")

    shutil.rmtree(final, ignore_errors=True)
    return whole_folder(final, run.path / f"tmp-{final.name}", fill)


def settle(learner: Learner) -> None:
    """Give a whole model the type it is kept in, before it is measured; LoRA layers stay float32."""
    from peft import PeftModel

    if not isinstance(learner.network, PeftModel):
        learner.network.to(learner.compute)


def _write_adapter(learner: Learner, weights: Mapping[str, Tensor], folder: Path) -> None:
    """Written by hand, because PEFT's own saving takes the state dict of the base, which unpacks nf4 on a
    processor."""
    tensors = {_stored(name): value for name, value in weights.items()}
    save_file(tensors, folder / _WEIGHTS, metadata={"format": "pt"})
    config = {**learner.network.peft_config["default"].to_dict(), "inference_mode": True}
    # The hub's name, or where the folder lies, whole: so PEFT finds it, wherever the adapter is moved to.
    config["base_model_name_or_path"] = learner.loaded.spec.local.source
    config["revision"] = learner.loaded.revision
    text = json.dumps(config, indent=2, sort_keys=True, default=_listed, ensure_ascii=False)
    (folder / "adapter_config.json").write_text(text + "\n", encoding="utf-8")
    _refuse_difference(load_file(folder / _WEIGHTS), weights)


def _write_model(learner: Learner, weights: Mapping[str, Tensor], folder: Path) -> None:
    from transformers import GenerationConfig

    network: Any = learner.network
    network.generation_config = GenerationConfig(
        eos_token_id=sorted(learner.loaded.eos_token_ids), pad_token_id=learner.pad_id
    )
    network.config.dtype = learner.compute
    network.save_pretrained(folder, state_dict=_state(network, weights, learner.compute))
    learner.loaded.tokenizer.save_pretrained(folder)


def _state(network: Any, weights: Mapping[str, Tensor], compute: torch.dtype) -> dict[str, Tensor]:
    """Buffers as they are; every weight under each of its names, where two layers share one."""
    held = network.state_dict(keep_vars=True)
    first = {id(value): name for name, value in network.named_parameters()}
    names = {name: first[id(value)] for name, value in network.named_parameters(remove_duplicate=False)}
    kept = {name: value.to(compute) for name, value in weights.items()}
    return {name: kept[names[name]] if name in names else value for name, value in held.items()}


def _refuse_difference(stored: dict[str, Tensor], learned: Mapping[str, Tensor]) -> None:
    for name, value in learned.items():
        held = stored.get(_stored(name))
        if held is None or not torch.equal(held, value):
            raise NaraniError("adapter-written-wrong")


def _stored(name: str) -> str:
    """As PEFT names it in a file: without the name that the adapter had in memory."""
    return name.replace(".modules_to_save.default.", ".").replace(".default.", ".")


def _listed(value: Any) -> Any:
    return sorted(value) if isinstance(value, set | frozenset) else str(value)
