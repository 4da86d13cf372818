"""PEFT adapters over a loaded base: attached in place, sharing its weights, and switched before each step.

An adapter that cannot be attached leaves the network as it was. Attaching and switching must not run while
another thread is inside the network's forward pass.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from engines.loading.hub import commit_of, files_of
from engines.loading.load import explain, quieten_libraries
from engines.loading.loaded import AttachedAdapter, LoadedModel, LoadWatch, ScoreHead
from engines.loading.reading import WeightReader
from engines.loading.safety import CheckedFolder, check_adapter
from engines.loading.score_head import SCORE, read_head
from engines.shortage import clear_device_cache
from errors import BadRequest, LoadError
from errors.note import Note
from model_registry.spec import ModelSpec

_NOT_PLAIN = {
    "modules_to_save": "retrains whole layers",
    "trainable_token_indices": "retrains tokens",
    "layer_replication": "repeats layers",
    "target_parameters": "changes bare parameters",
    "use_dora": "rescales the base's weights",
    "use_qalora": "groups the base's weights",
    "megatron_config": "needs Megatron",
    "alora_invocation_tokens": "switches itself on by tokens",
    "arrow_config": "routes between adapters",
}
"""What plain LoRA layers over an untouched base cannot do."""
_HEADS = {"score", "classifier"}
"""What PEFT says is saved of any classifier; only the first is a part of those that score."""
_KEY = re.compile(
    r"(?:base_model\.model\.)?(?P<path>.+)\.(?P<part>lora_[A-Za-z_]+)(?:\.(?P<field>weight|bias))?"
)


def attach_adapter(loaded: LoadedModel, spec: ModelSpec, watch: LoadWatch) -> AttachedAdapter:
    """Put the adapter's layers into the base, switched off; on any fault the base is as it was before."""
    if spec.adapter is None:
        raise BadRequest("not-an-adapter", model=spec.title)
    # PEFT builds dotted paths from the name, so it may hold no dot; '+' occurs in no id.
    name = f"adapter+{spec.id.replace('.', '+')}"
    if name in loaded.adapters:
        return loaded.adapters[name]
    quieten_libraries()
    try:
        attached = _attach(loaded, spec, name, watch)
        loaded.adapters[name] = attached
        return attached
    except Exception as error:  # noqa: BLE001 - whatever a library raises, the caller gets one sentence
        failure = explain(error, spec)
    _take_out(loaded, name)
    clear_device_cache(loaded.device)
    raise failure


class AdapterSwitch:
    """Makes a loaded model answer as its base or with one adapter; cheap enough to call before every step."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded

    def use(self, name: str | None) -> None:
        loaded = self._loaded
        if name == loaded.adapter_in_use:
            return
        if name is not None and name not in loaded.adapters:
            raise BadRequest("adapter-not-attached", name=name, model=loaded.spec.title)
        loaded.adapter_in_use = name
        _set_flags(loaded)


def _attach(loaded: LoadedModel, spec: ModelSpec, name: str, watch: LoadWatch) -> AttachedAdapter:
    from peft.functional import inject_adapter_in_model

    folder = files_of(spec, watch)
    checked = check_adapter(folder, spec)
    config = _plain_lora_config(checked, spec)
    with WeightReader(checked.tensors, loaded.device, watch, stage="adapter") as reader:
        weights = {key: tensor[...] for key, tensor in reader.lazy.items()}
    head = None
    if spec.task == "reward":
        head = ScoreHead(read_head(weights, loaded.model, spec)[0])
        del weights[SCORE]
    _forget_peft(loaded)
    inject_adapter_in_model(config, loaded.model, adapter_name=name)
    _forget_peft(loaded)
    _collect(loaded)
    _fill(loaded, name, weights, spec)
    loaded.model.eval()
    watch.report("adapter", 1.0)
    if head is not None:
        loaded.model.base_model.register_forward_hook(head.after_backbone)
    return AttachedAdapter(spec, name, _notes(checked, loaded, spec), commit_of(Path(folder)), head)


def lora_config(stored: Mapping[str, Any]) -> Any:
    """PEFT's config of an adapter that is to answer, of known keys only."""
    from peft import LoraConfig

    known = {key: value for key, value in stored.items() if key in LoraConfig.__dataclass_fields__}
    # How the weights began no longer matters, and some beginnings rewrite the base.
    known |= {"init_lora_weights": True, "inference_mode": True, "lora_dropout": 0.0, "auto_mapping": None}
    known.pop("runtime_config", None)
    return LoraConfig(**known)


def _plain_lora_config(checked: CheckedFolder, spec: ModelSpec) -> Any:
    """What would change the base for everyone is refused."""
    stored = dict(checked.config)
    if spec.task == "reward" and _HEADS.issuperset(stored.get("modules_to_save") or ()):
        stored |= {"modules_to_save": None, "task_type": None}
    if stored.get("peft_type") != "LORA":
        raise LoadError("adapter-not-lora", model=spec.title, kind=stored.get("peft_type"))
    for key, what in _NOT_PLAIN.items():
        if stored.get(key):
            raise LoadError("adapter-not-plain", model=spec.title, what=what, key=key)
    if stored.get("bias", "none") != "none":
        raise LoadError("adapter-retrains-biases", model=spec.title)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lora_config(stored)


def _fill(loaded: LoadedModel, name: str, weights: dict[str, torch.Tensor], spec: ModelSpec) -> None:
    """Every tensor of the file into its layer, and every layer with its tensors, or a refusal.

    PEFT's own setter would take a state dict of the base, which makes bitsandbytes pack its nf4 weights anew.
    """
    dtype = loaded.model.config.dtype or torch.bfloat16
    parameters = loaded.model.named_parameters()
    # The name as a whole part of the path: it may begin as another adapter's does.
    empty = {id(value): path for path, value in parameters if name in path.split(".")}
    layers = _layers(loaded)
    for key, value in weights.items():
        place = _place(layers, name, key)
        if place is None:
            raise LoadError("adapter-no-place", model=spec.title, base=loaded.spec.title, tensor=key)
        if place.shape != value.shape:
            raise LoadError(
                "adapter-other-shape",
                model=spec.title,
                base=loaded.spec.title,
                tensor=key,
                wanted=list(place.shape),
                stored=list(value.shape),
            )
        place.data = value.to(loaded.device, dtype)
        empty.pop(id(place), None)
    if empty:
        raise LoadError("adapter-incomplete", model=spec.title, tensor=min(empty.values()))


def _place(layers: dict[str, Any], name: str, key: str) -> torch.Tensor | None:
    """The parameter that a key of an adapter file belongs to, if the base has it."""
    match = _KEY.fullmatch(key)
    if match is None or match["path"] not in layers:
        return None
    holders = getattr(layers[match["path"]], match["part"], {})
    if name not in holders:
        return None
    return getattr(holders[name], match["field"] or "", holders[name])


def _notes(checked: CheckedFolder, loaded: LoadedModel, spec: ModelSpec) -> tuple[str, ...]:
    said = checked.config.get("base_model_name_or_path")
    if (
        not said
        or str(said).rstrip("/\\").replace("\\", "/").split("/")[-1] == Path(loaded.spec.local.source).name
    ):
        return ()
    shown = said if str(said).count("/") == 1 else Path(str(said)).name
    return (Note("note-adapter-over-another", model=spec.title, said=shown, base=loaded.spec.title),)


def _layers(loaded: LoadedModel) -> dict[str, Any]:
    from peft.tuners.tuners_utils import BaseTunerLayer

    return {path: layer for path, layer in loaded.model.named_modules() if isinstance(layer, BaseTunerLayer)}


def _set_flags(loaded: LoadedModel) -> None:
    """Straight to the flags: PEFT's own switches walk all parameters to set requires_grad."""
    name = loaded.adapter_in_use
    for layer in loaded.adapter_layers:
        layer._disable_adapters = name is None
        if name is not None:
            layer._active_adapter = [name]
    for adapter in loaded.adapters.values():
        if adapter.head is not None:
            adapter.head.in_use = adapter.name == name


def _take_out(loaded: LoadedModel, name: str) -> None:
    if loaded.adapter_in_use == name:
        loaded.adapter_in_use = None
    for path, layer in _layers(loaded).items():
        layer._active_adapter = []
        layer.delete_adapter(name)
        if not layer._get_available_adapters():
            parent, _, attribute = path.rpartition(".")
            setattr(loaded.model.get_submodule(parent), attribute, layer.get_base_layer())
    _forget_peft(loaded)
    _collect(loaded)


def _collect(loaded: LoadedModel) -> None:
    loaded.adapter_layers[:] = _layers(loaded).values()
    _set_flags(loaded)


def _forget_peft(loaded: LoadedModel) -> None:
    """PEFT leaves a register on the network, and warns when it finds one."""
    vars(loaded.model).pop("peft_config", None)
