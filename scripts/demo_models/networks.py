"""The networks of the demo models: small ones of the classes that the real models have.

Knows: their sizes and end tokens.
Refuses to know: tokenizers' contents, text, and training.
"""

from __future__ import annotations

from transformers import (
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    RwkvConfig,
    RwkvForCausalLM,
)

from scripts.demo_models.tokenizer import CONTEXT_LENGTH, VOCABULARY

_WIDTH = 128
_HEADS = 4


def gpt_neox() -> PreTrainedModel:
    return GPTNeoXForCausalLM(
        GPTNeoXConfig(
            vocab_size=VOCABULARY,
            hidden_size=_WIDTH,
            num_hidden_layers=4,
            num_attention_heads=_HEADS,
            intermediate_size=4 * _WIDTH,
            max_position_embeddings=CONTEXT_LENGTH,
            rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5},
            attention_dropout=0.0,
            hidden_dropout=0.0,
            bos_token_id=2,
            eos_token_id=2,
        )
    )


def llama() -> PreTrainedModel:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=_WIDTH,
            num_hidden_layers=4,
            num_attention_heads=_HEADS,
            num_key_value_heads=2,
            intermediate_size=3 * _WIDTH,
            max_position_embeddings=CONTEXT_LENGTH,
            bos_token_id=None,
            eos_token_id=[1, 2],
            pad_token_id=2,
        )
    )


def rwkv() -> PreTrainedModel:
    # Rescaling halves weights layer by layer for float16; a toy in float32 has no use for it.
    return RwkvForCausalLM(
        RwkvConfig(
            vocab_size=VOCABULARY,
            hidden_size=_WIDTH,
            num_hidden_layers=3,
            intermediate_size=4 * _WIDTH,
            context_length=CONTEXT_LENGTH,
            rescale_every=0,
            bos_token_id=0,
            eos_token_id=0,
        )
    )
