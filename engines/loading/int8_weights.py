"""How transformers' loader makes int8 of a checkpoint's weights, apart from what int8 is (int8_linear.py).

The loader reads one tensor, hands it here and puts what comes back into its layer before it reads the next:
on a card never more than one matrix lies in full width. Which layers: every linear one, those of GPT-2 too,
but the head and what the network ties to its embeddings.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.core_model_loading import ConversionOps
from transformers.pytorch_utils import Conv1D
from transformers.quantizers.auto import register_quantization_config, register_quantizer
from transformers.quantizers.base import HfQuantizer
from transformers.quantizers.quantizers_utils import get_module_from_name, should_convert_module
from transformers.utils.quantization_config import QuantizationConfigMixin

from engines.steps.int8_linear import Int8Linear, quantized

_METHOD = "narani-int8"


@register_quantization_config(_METHOD)
class Int8Config(QuantizationConfigMixin):
    """What a network's config says of it once it is loaded."""

    def __init__(self) -> None:
        super().__init__(quant_method=_METHOD)


@register_quantizer(_METHOD)
class Int8Quantizer(HfQuantizer):
    def _process_model_before_weight_loading(self, model: Any, **others: Any) -> None:
        """Until it is read a layer has the weight that it had: the loader reads in that one's type."""
        kept = self.get_modules_to_not_convert(model, None, model._keep_in_fp32_modules)
        for path, module in list(model.named_modules()):
            if should_convert_module(path, kept) and (sides := _sides(module)) is not None:
                with torch.device("meta"):
                    layer = Int8Linear(*sides, bias=module.bias is not None)
                layer.weight, layer.bias = module.weight, module.bias
                layer.stored_transposed = isinstance(module, Conv1D)
                model.set_submodule(path, layer, strict=True)

    def param_needs_quantization(self, model: Any, param_name: str, **others: Any) -> bool:
        module, name = get_module_from_name(model, param_name)
        return isinstance(module, Int8Linear) and name == "weight"

    def get_quantize_ops(self) -> ConversionOps:
        return _Quantize()

    def is_serializable(self) -> bool:
        return False

    @property
    def is_trainable(self) -> bool:
        return True


class _Quantize(ConversionOps):
    def convert(self, input_dict: dict[str, Any], model: Any, **others: Any) -> dict[str, Tensor]:
        made: dict[str, Tensor] = {}
        for name, given in input_dict.items():
            stored = given[0] if isinstance(given, list) else given
            layer, _ = get_module_from_name(model, name)
            matrix = stored.T if layer.stored_transposed else stored
            made[name], made[name.removesuffix("weight") + "scale"] = quantized(matrix)
        return made


def _sides(module: Any) -> tuple[int, int] | None:
    """(values in, values out) of a linear layer that nobody has changed."""
    if type(module) is nn.Linear:
        return module.in_features, module.out_features
    return (module.nx, module.nf) if type(module) is Conv1D else None
