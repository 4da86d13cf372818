"""A base as a reward model that learns: its own weights, LoRA layers in them, and a score head over them.

One class for every family, also for those that transformers has no sequence classifier of (RWKV). Its files
are those of transformers' classifiers where there are any, so PEFT reads the same score out of them.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, set_seed
from transformers.modeling_outputs import SequenceClassifierOutput

from engines.loading import LoadedModel
from engines.loading.adapters import lora_config
from engines.loading.score_head import backbone_of, last_states
from finetune.reward_settings import RewardSettings
from finetune.training.adapters import LEARNS, StoredAdapter, fill_adapter
from finetune.training.learner import Learner

_OF_QUANTIZED = (
    "is_quantized",
    "is_loaded_in_4bit",
    "is_loaded_in_8bit",
    "hf_quantizer",
    "quantization_method",
)


class RewardNetwork(PreTrainedModel):
    """Shares every weight with the causal network that it is made of, but the layer for words."""

    def __init__(self, network: Any) -> None:
        config = copy.deepcopy(network.config)
        config.num_labels = 1
        # Asked for of this class alone; the backbone computes as it did.
        config._attn_implementation = "eager"
        self.base_model_prefix = network.base_model_prefix
        self.supports_gradient_checkpointing = network.supports_gradient_checkpointing
        super().__init__(config)
        setattr(self, self.base_model_prefix, backbone_of(network))
        for name in _OF_QUANTIZED:
            if hasattr(network, name):
                setattr(self, name, getattr(network, name))
        hidden = config.get_text_config().hidden_size
        # On the way of the values, not by their mean: scores begin at the size of one.
        self.score = nn.Linear(hidden, 1, bias=False, device=network.device, dtype=torch.float32)
        nn.init.normal_(self.score.weight, std=(hidden + 1) ** -0.5)

    def get_input_embeddings(self) -> nn.Module:
        return backbone_of(self).get_input_embeddings()

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **rest: Any) -> SequenceClassifierOutput:
        states = last_states(backbone_of(self), input_ids, attention_mask)
        with torch.autocast(states.device.type, enabled=False):
            return SequenceClassifierOutput(logits=self.score(states))


def set_scoring(
    loaded: LoadedModel,
    compute: torch.dtype,
    settings: RewardSettings,
    targets: Sequence[str],
    tuned: StoredAdapter | None = None,
) -> Learner:
    """LoRA layers and a head that learn. The same seed begins with the same weights.

    `tuned`: an adapter that learning begins with instead of new layers."""
    from peft import LoraConfig, get_peft_model

    set_seed(settings.seed)
    if tuned is None:
        config = LoraConfig(
            r=settings.lora_r, lora_alpha=settings.lora_alpha, target_modules=list(targets), bias="none"
        )
    else:
        config = lora_config(tuned.config)
    config.task_type, config.modules_to_save = "SEQ_CLS", ["score"]
    config.inference_mode, config.lora_dropout = False, settings.lora_dropout
    network = RewardNetwork(loaded.model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        learning = get_peft_model(network, config, adapter_name=LEARNS)
    # PEFT adds every name that a head has in any network.
    learning.peft_config[LEARNS].modules_to_save = ["score"]
    if tuned is not None:
        fill_adapter(learning, LEARNS, tuned)
    return Learner(replace(loaded, model=network), learning, compute, loaded.notes)
