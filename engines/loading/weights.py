"""Builds the network from checked files: the right class, the right type, on its device, complete.

It knows transformers' loader and its traps, what a quantization asks of it, and what each family needs.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import torch

from engines.families import REFUSED
from engines.loading.loaded import LoadWatch
from engines.loading.reading import WeightReader
from engines.loading.safety import CheckedFolder, load_pickle, text_settings
from errors import LoadError
from errors.note import Note
from model_registry.reading.headers import StoredTensor
from model_registry.spec import ModelSpec

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

_TORCH = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
_LAYER = re.compile(r"(?:(?:model|transformer|language_model|gpt_neox|rwkv)\.)*(?:layers|blocks|h)\.(\d+)\.")
_SAFETENSORS = {value: name for name, value in _TORCH.items()} | {torch.bool: "BOOL", torch.uint8: "U8"}


def load_config(checked: CheckedFolder, spec: ModelSpec) -> PreTrainedConfig:
    from transformers import AutoConfig
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    layers = text_settings(checked.config).get("num_hidden_layers", 0)
    if checked.tensors and isinstance(layers, int) and layers > len(checked.tensors):
        raise LoadError("config-too-many-layers", model=spec.title, layers=layers)
    try:
        return AutoConfig.from_pretrained(
            checked.folder, trust_remote_code=checked.trust_remote_code, local_files_only=True
        )
    except Exception as error:  # noqa: BLE001 - a config of any family validates itself in its own way
        kind = str(checked.config.get("model_type"))
        said = (str(error).strip().splitlines() or [""])[-1].strip()
    if kind in CONFIG_MAPPING_NAMES:
        raise LoadError("config-not-valid", model=spec.title, kind=kind, said=said)
    raise LoadError("network-type-unknown", model=spec.title, kind=kind)


def choose_dtype(
    tensors: tuple[StoredTensor, ...], spec: ModelSpec, quantization: str, device: torch.device
) -> tuple[torch.dtype, list[str]]:
    """The type to compute in, and what was decided against the recipe or the file."""
    sizes = Counter[str]()
    for tensor in tensors:
        if tensor.dtype in _TORCH:
            sizes[tensor.dtype] += tensor.bytes
    stored = _TORCH[sizes.most_common(1)[0][0]] if sizes else torch.bfloat16
    wanted = stored if spec.local.loading.dtype == "auto" else getattr(torch, spec.local.loading.dtype)
    if quantization == "nf4" and wanted != torch.bfloat16:
        return torch.bfloat16, [Note("note-bfloat16-for-nf4", dtype=_name(wanted))]
    if wanted == torch.float16 and (device.type == "cpu" or spec.local.architecture == "rwkv"):
        on_processor = device.type == "cpu"
        code = "note-bfloat16-on-processor" if on_processor else "note-bfloat16-for-rwkv"
        return torch.bfloat16, [Note(code)]
    return wanted, []


def build_model(
    checked: CheckedFolder, spec: ModelSpec, quantization: str, device: torch.device, watch: LoadWatch
) -> tuple[PreTrainedModel, list[str]]:
    """The finished network and notes; nothing outside this call refers to it before it returns."""
    config = load_config(checked, spec)
    if getattr(config, "quantization_config", None) is not None and quantization != "none":
        raise LoadError("stored-quantized", model=spec.title, quantization=quantization)
    unpickled = {name: value for path in checked.pickles for name, value in load_pickle(path).items()}
    tensors = checked.tensors or tuple(_describe(name, value, checked) for name, value in unpickled.items())
    dtype, notes = choose_dtype(tensors, spec, quantization, device)
    network = _class_of(config, checked)
    attention, attention_notes = _prepare_family(config, network, spec)
    expected = _shapes(network, config) if quantization != "none" else {}
    with WeightReader(tensors, device, watch, unpickled=unpickled) as reader:
        unpickled = {}
        model, report = network.from_pretrained(
            None,
            config=config,
            state_dict=reader.lazy,
            dtype=dtype,
            device_map=None if device.type == "cpu" and quantization == "none" else {"": device},
            attn_implementation=attention,
            quantization_config=_quantization_config(quantization),
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            trust_remote_code=checked.trust_remote_code,
        )
    _refuse_incomplete(report, config, spec)
    _refuse_other_shapes(model, expected, spec)
    model.requires_grad_(False)
    watch.report("weights", 1.0)
    return model.eval(), notes + attention_notes


def build_empty(checked: CheckedFolder, spec: ModelSpec) -> PreTrainedModel:
    """The network without its weights, which takes no memory: for counting what it would hold."""
    config = load_config(checked, spec)
    network = _class_of(config, checked)
    _prepare_family(config, network, spec)
    with torch.device("meta"):
        empty: PreTrainedModel = network(config)
    return empty


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _describe(name: str, value: torch.Tensor, checked: CheckedFolder) -> StoredTensor:
    return StoredTensor(name, _SAFETENSORS.get(value.dtype, "I64"), tuple(value.shape), checked.pickles[0])


def _class_of(config: PreTrainedConfig, checked: CheckedFolder) -> Any:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

    own = getattr(config, "auto_map", None) or {}
    if checked.trust_remote_code and "AutoModelForCausalLM" in own:
        from transformers.dynamic_module_utils import get_class_from_dynamic_module

        return get_class_from_dynamic_module(own["AutoModelForCausalLM"], str(checked.folder))
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise LoadError("network-writes-no-text", kind=config.model_type)
    if config.model_type in REFUSED:
        raise LoadError(REFUSED[config.model_type])
    return MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]


def _prepare_family(config: PreTrainedConfig, network: Any, spec: ModelSpec) -> tuple[str | None, list[str]]:
    """(attention, notes); RWKV has none, and needs two of its habits taken away."""
    if config.model_type == "rwkv":
        from transformers.models.rwkv import modeling_rwkv

        # Halving the weights of later layers serves float16 only; it would change what an adapter over them
        # adds, and quantize nf4 weights twice.
        config.rescale_every = 0
        # Otherwise building the network fetches a compiled kernel from the hub.
        modeling_rwkv.is_ninja_available = lambda: False
        return None, []
    if spec.local.loading.attention == "sdpa" and not network._supports_sdpa:
        return "eager", [Note("note-eager-attention")]
    return spec.local.loading.attention, []


def _quantization_config(quantization: str) -> Any:
    if quantization == "none":
        return None
    if quantization == "int8":
        from engines.loading.int8_weights import Int8Config

        return Int8Config()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import bitsandbytes  # noqa: F401 - imported here only for what torch says about it
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def _shapes(network: Any, config: PreTrainedConfig) -> dict[str, torch.Size]:
    """What the config promises; the loader compares shapes only where nothing is quantized. GPT-2's layers
    are turned round as they are quantized."""
    from transformers.pytorch_utils import Conv1D

    with torch.device("meta"):
        empty = network(config)
    turned = {f"{path}.weight" for path, layer in empty.named_modules() if isinstance(layer, Conv1D)}
    shapes = {name: value.shape for name, value in empty.state_dict().items()}
    return {name: shape[::-1] if name in turned else shape for name, shape in shapes.items()}


def _refuse_incomplete(report: dict[str, Any], config: PreTrainedConfig, spec: ModelSpec) -> None:
    """Missing tensors would be random numbers, and a further layer means that the config lies."""
    for name, stored, wanted in sorted(report["mismatched_keys"]):
        raise _other_shape(name, stored, wanted, spec)
    # A weight that is missing leaves an int8 layer without its scale, too, which no file has.
    for name in sorted(report["missing_keys"], key=lambda name: (name.endswith(".scale"), name)):
        raise LoadError("config-tensor-missing", model=spec.title, tensor=name)
    text = config.get_text_config()
    # Some makers store layers that guess further tokens behind the last one; they are not loaded.
    layers = text.num_hidden_layers + (getattr(text, "num_nextn_predict_layers", 0) or 0)
    for name in sorted(report["unexpected_keys"]):
        place = _LAYER.match(name)
        if place and int(place[1]) >= layers:
            raise LoadError("config-too-few-layers", model=spec.title, layers=layers, tensor=name)


def _refuse_other_shapes(model: PreTrainedModel, expected: dict[str, torch.Size], spec: ModelSpec) -> None:
    for name, value in model.named_parameters():
        packed = getattr(value, "quant_state", None)
        shape = packed.shape if packed is not None else value.shape
        if name in expected and tuple(shape) != tuple(expected[name]):
            raise _other_shape(name, shape, expected[name], spec)


def _other_shape(name: str, stored: Any, wanted: Any, spec: ModelSpec) -> LoadError:
    return LoadError(
        "config-other-shape", model=spec.title, tensor=name, wanted=list(wanted), stored=list(stored)
    )
