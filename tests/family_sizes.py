"""What tests/every_family.py builds its networks from: sizes by field name, and what a family needs besides.

Knows: names of config fields, small values that fit together, and the families that cannot be built with why.
Refuses to know: how a network is made of them.
"""

from __future__ import annotations

from typing import Any

VOCABULARY = 96
POSITIONS = 256
ORIGINAL_POSITIONS = 32
"""Where a rope that stretches begins to stretch."""
WINDOW = 8

_BY_VALUE: list[tuple[int, str]] = [
    (VOCABULARY, "vocab_size vocab_size_per_layer_input"),
    (POSITIONS, "max_position_embeddings n_positions n_ctx max_seq_len context_length max_target_positions"),
    (
        32,
        "hidden_size d_model n_embd emb_dim dim input_embedding_size output_embedding_size embedding_size "
        "hidden_size_global max_source_positions gated_norm_rank router_hidden_size moe_intermediate_size "
        "shared_expert_intermediate_size shared_intermediate_size expert_ffn_hidden_size "
        "moe_shared_expert_intermediate_size pronunciation_embed_dim shape_embed_dim",
    ),
    (
        48,
        "intermediate_size ffn_dim decoder_ffn_dim encoder_ffn_dim dim_ff dff d_inner feed_forward_size "
        "ffn_hidden_size dense_intermediate_size intermediate_size_mlp "
        "pronunciation_vocab_size shape_vocab_size",
    ),
    (16, "kv_lora_rank q_lora_rank mamba_head_dim image_size"),
    (
        8,
        "head_dim dim_head attention_head_size kv_channels qk_rope_head_dim qk_nope_head_dim v_head_dim "
        "index_head_dim swa_head_dim linear_key_head_dim linear_value_head_dim linear_head_dim laurel_rank "
        "query_pre_attn_scalar hidden_size_per_layer_input adapter_rank d_rel index_topk "
        "o_lora_rank rel_extent mamba_d_state state_size ssm_state_size chunk_size "
        "mamba_chunk_size num_mel_bins",
    ),
    (
        WINDOW,
        "sliding_window sliding_window_size attention_chunk_size window_size attention_window_size "
        "local_attention attention_window",
    ),
    (
        4,
        "num_attention_heads n_head n_heads num_heads encoder_attention_heads decoder_attention_heads "
        "num_encoder_attention_heads num_decoder_attention_heads attention_heads swa_num_attention_heads "
        "linear_num_heads linear_num_value_heads mamba_num_heads mamba_n_heads n_mamba_heads "
        "rotary_dim patch_size num_experts n_routed_experts num_local_experts moe_num_experts",
    ),
    (
        2,
        "num_hidden_layers n_layer n_layers num_layers encoder_layers decoder_layers num_encoder_layers "
        "num_decoder_layers num_key_value_heads swa_num_key_value_heads linear_num_key_heads kv_n_heads "
        "num_experts_per_tok moe_topk moe_k moe_top_k n_group o_groups",
    ),
    (4, "index_block_size"),
    (2, "index_topk_blocks"),
    (1, "topk_group index_n_heads bos_token_id decoder_start_token_id"),
    (0, "pad_token_id"),
]
SIZES = {name: value for value, names in _BY_VALUE for name in names.split()}

_ALL_HEADS: dict[str, Any] = {"num_key_value_heads": 4}
CHANGES: dict[str, dict[str, Any]] = {
    "axk1": _ALL_HEADS,
    "axk2": _ALL_HEADS,
    "bamba": {"attn_layer_indices": [1], "mamba_d_head": 16},
    "cohere_compass_text": {
        "layer_types": ["sliding_attention", "full_attention"],
        "rope_parameters": {
            "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [2, 1, 1]},
            "full_attention": {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [2, 1, 1]},
        },
    },
    "deepseek_v2": {**_ALL_HEADS, "first_k_dense_replace": 1, "n_shared_experts": 1},
    "deepseek_v3": {**_ALL_HEADS, "first_k_dense_replace": 1},
    "deepseek_v32": _ALL_HEADS,
    "dots1": {
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "n_shared_experts": 1,
        "first_k_dense_replace": 1,
    },
    "gemma3n_text": {
        "num_kv_shared_layers": 2,
        "num_hidden_layers": 4,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "intermediate_size": [48] * 4,
        "activation_sparsity_pattern": [0.0] * 4,
    },
    "gemma4": {"text_config": {"global_head_dim": 16}},
    "gemma4_text": {"global_head_dim": 16},
    "gemma4_unified_text": {"global_head_dim": 16},
    "glm4_moe_lite": _ALL_HEADS,
    "glm_moe_dsa": _ALL_HEADS,
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "granitemoehybrid": {"layer_types": ["linear_attention", "full_attention"], "mamba_d_head": 16},
    "jamba": {"num_hidden_layers": 2, "attn_layer_period": 2, "attn_layer_offset": 1},
    "kimi_linear": {
        **_ALL_HEADS,
        "layer_types": ["linear_attention", "full_attention"],
        "mlp_layer_types": ["dense", "sparse"],
        "num_hidden_layers": 2,
    },
    "lfm2_moe": {"layer_types": ["conv", "full_attention"], "num_dense_layers": 1},
    "lfm2": {"layer_types": ["conv", "full_attention"], "num_hidden_layers": 2},
    "longcat_flash": _ALL_HEADS,
    "mamba2": {"num_heads": 4, "head_dim": 16, "n_groups": 1},
    "minicpm3": _ALL_HEADS,
    "nemotron_h": {"n_groups": 2},
    "recurrent_gemma": {"num_hidden_layers": 3},
    "reformer": {
        "is_decoder": True,
        "axial_pos_embds": False,
        "lsh_attn_chunk_length": 8,
        "local_attn_chunk_length": 8,
        "num_buckets": 4,
    },
    "xlstm": {"hidden_size": 128},
    "xmod": {"default_language": "en_XX"},
    "youtu": _ALL_HEADS,
    "zamba": {
        "num_hidden_layers": 4,
        "layers_block_type": ["linear_attention", "linear_attention", "hybrid", "hybrid"],
    },
    "zamba2": {
        "num_hidden_layers": 3,
        "layers_block_type": ["linear_attention", "linear_attention", "hybrid"],
    },
    "zaya": {"num_experts_per_tok": 1},
}
_IS_TEXT = "only its text part writes text, and that is built as {} of its own"
_NOT_TEXT = "it needs pictures or sound beside the text"
NOT_BUILDABLE: dict[str, str] = {
    "blt": "it reads bytes in patches that another network cuts, and its config has no layers of its own",
    "dbrx": "no config builds it in this version of transformers: its rope_theta is read and not kept",
    "emu3": _NOT_TEXT,
    "fuyu": _NOT_TEXT,
    "gemma3n": "its picture part needs the timm library",
    "gemma4_assistant": "it drafts for another network and runs only beside it",
    "gemma4_unified": _IS_TEXT.format("gemma4_unified_text"),
    "gemma4_unified_assistant": "it drafts for another network and runs only beside it",
    "got_ocr2": _NOT_TEXT,
    "llama4": _IS_TEXT.format("llama4_text"),
    "moshi": _NOT_TEXT,
    "musicgen": _NOT_TEXT,
    "musicgen_melody": _NOT_TEXT,
    "phi4_multimodal": "its picture and sound parts cannot be made small",
    "qwen3_5": _IS_TEXT.format("qwen3_5_text"),
    "qwen3_5_moe": _IS_TEXT.format("qwen3_5_moe_text"),
    "qwen4_exp": _IS_TEXT.format("qwen4_exp_text"),
    "qwen4_exp_text": "its parts for word groups and sparse attention cannot be made small",
}


def _rope(kind: str, **more: Any) -> dict[str, Any]:
    return {"rope_parameters": {"rope_type": kind, "rope_theta": 10_000.0, "factor": 4.0, **more}}


_STRETCHED = {"original_max_position_embeddings": ORIGINAL_POSITIONS}
_LONG = {**_STRETCHED, "short_factor": [1.0] * 4, "long_factor": [1.5, 2.0, 3.0, 4.0]}
_SMALL_REACH = {"max_position_embeddings": ORIGINAL_POSITIONS}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama, linear rope": ("llama", _rope("linear")),
    "llama, dynamic rope": ("llama", {**_rope("dynamic"), **_SMALL_REACH}),
    "llama, yarn rope": ("llama", _rope("yarn", **_STRETCHED)),
    "llama, longrope": ("llama", _rope("longrope", **_LONG)),
    "llama, llama3 rope": ("llama", _rope("llama3", low_freq_factor=1.0, high_freq_factor=4.0, **_STRETCHED)),
    "gpt_neox, dynamic rope": ("gpt_neox", {**_rope("dynamic"), **_SMALL_REACH, "rotary_pct": 1.0}),
    "gpt_neox, layers one after another": ("gpt_neox", {"use_parallel_residual": False}),
    "gpt_neox, whole rotary": ("gpt_neox", {"rotary_pct": 1.0}),
    "qwen2, yarn rope": ("qwen2", _rope("yarn", **_STRETCHED)),
    "qwen2, sliding": (
        "qwen2",
        {"use_sliding_window": True, "layer_types": ["full_attention", "sliding_attention"]},
    ),
    "qwen3, dynamic rope": ("qwen3", {**_rope("dynamic"), **_SMALL_REACH}),
    "phi3, longrope": (
        "phi3",
        {**_rope("longrope", **_LONG), "original_max_position_embeddings": ORIGINAL_POSITIONS},
    ),
    "phi3, partial rotary": ("phi3", {"partial_rotary_factor": 0.5}),
    "mistral, no sliding": ("mistral", {"sliding_window": None}),
    "gemma3_text, dynamic rope in its full layers": (
        "gemma3_text",
        {
            "rope_parameters": {
                "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
                "full_attention": _rope("dynamic")["rope_parameters"],
            },
            **_SMALL_REACH,
        },
    ),
    "falcon, alibi": ("falcon", {"alibi": True}),
    "falcon, new decoder": ("falcon", {"new_decoder_architecture": True, "num_kv_heads": 2}),
    "falcon, many keys": ("falcon", {"multi_query": False, "parallel_attn": False}),
    "gpt_neo, all global": ("gpt_neo", {"attention_types": [[["global"], 2]]}),
    "gpt_neo, all local": ("gpt_neo", {"attention_types": [[["local"], 2]]}),
    "gpt_bigcode, many keys": ("gpt_bigcode", {"multi_query": False}),
    "mpt, learned positions": ("mpt", {"attn_config": {"alibi": False}}),
    "gemma4_text, shared keys": (
        "gemma4_text",
        {
            "num_kv_shared_layers": 2,
            "num_hidden_layers": 4,
            "layer_types": ["sliding_attention", "full_attention"] * 2,
        },
    ),
    "opt, post-norm": ("opt", {"do_layer_norm_before": False}),
    "stablelm, parallel": ("stablelm", {"use_parallel_residual": True}),
}
