"""How a model gets from its entry onto a device: files, checks, weights, tokenizer, adapters."""

from engines.loading.adapters import AdapterSwitch, attach_adapter
from engines.loading.estimating import estimate
from engines.loading.hub import files_of
from engines.loading.load import load_model
from engines.loading.loaded import AttachedAdapter, Estimate, LoadedModel, LoadWatch

__all__ = [
    "AdapterSwitch",
    "AttachedAdapter",
    "Estimate",
    "LoadWatch",
    "LoadedModel",
    "attach_adapter",
    "estimate",
    "files_of",
    "load_model",
]
