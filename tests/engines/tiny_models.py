"""Tiny random models that have the real shapes of the families, for tests of any room.

Knows: how to save a folder that looks like a model of the hub: config, safetensors, tokenizer.
Refuses to know: what is tested with them.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GenerationConfig, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from model_registry.spec import ModelSpec

Kind = Literal["gpt_neox", "llama", "qwen3", "exaone4", "rwkv"]

KOREAN_TEXT = """
나란히는 한국어 언어 모델을 한자리에 세워 놓고 같은 질문을 던져 보는 곳이다.
서울은 대한민국의 수도이며, 한강이 도시를 동서로 가로지른다. 부산은 두 번째로 큰 도시이다.
김치찌개를 끓일 때는 돼지고기를 먼저 볶고, 잘 익은 김치를 넣어 함께 볶은 뒤 물을 붓는다.
세종대왕은 1443년에 훈민정음을 만들었고, 1446년에 반포하였다.
### 질문: 하늘은 왜 파란가요?
### 답변: 햇빛이 공기 알갱이에 부딪혀 흩어질 때 파란빛이 더 많이 흩어지기 때문입니다.
아래는 작업을 설명하는 명령어입니다. 요청을 적절히 완료하는 응답을 작성하세요.
"""

CHAT_TEMPLATE = (
    "{{ bos_token or '' }}{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}"
    "{{ eos_token }}\n{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


@dataclass(frozen=True)
class _Family:
    """What distinguishes one family's tokenizer: its special tokens in order of id, and which of them end."""

    specials: tuple[str, ...]
    eos: str
    bos: str | None = None
    chat_template: str | None = None


_POLYGLOT = _Family(("<|unused0|>", "<|unused1|>", "<|endoftext|>", "<|sep|>"), eos="<|endoftext|>")
_CHAT = _Family(
    ("<unk>", "<s>", "</s>", "<|user|>", "<|assistant|>"),
    eos="</s>",
    bos="<s>",
    chat_template=CHAT_TEMPLATE,
)
_FAMILIES: dict[Kind, _Family] = {
    "gpt_neox": _POLYGLOT,
    "llama": _CHAT,
    "qwen3": _CHAT,
    "exaone4": _CHAT,
    "rwkv": _Family(("<|endoftext|>", "<|unused0|>"), eos="<|endoftext|>"),
}


def make_tiny_model(
    folder: Path,
    kind: Kind = "gpt_neox",
    *,
    seed: int = 0,
    hidden: int = 32,
    layers: int = 2,
    dtype: torch.dtype = torch.bfloat16,
    text: str = KOREAN_TEXT,
    **config_changes: Any,
) -> Path:
    """Save a random model of this family with a byte-level BPE tokenizer; returns the folder."""
    disable_progress_bar()
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer(kind, text)
    config = _config(kind, len(tokenizer), hidden, layers, **config_changes)
    config.eos_token_id, config.bos_token_id = tokenizer.eos_token_id, tokenizer.bos_token_id
    model = _random_model(config, seed).to(dtype)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, bos_token_id=tokenizer.bos_token_id
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_tiny_adapter(folder: Path, base: Path, targets: list[str], *, seed: int = 1, **config: Any) -> Path:
    """Write a LoRA adapter as PEFT does over a tiny model, large enough to change every answer."""
    folder.mkdir(parents=True)
    settings = {
        "peft_type": "LORA",
        "base_model_name_or_path": str(base),
        "target_modules": targets,
        "r": 4,
        "lora_alpha": 8,
        "lora_dropout": 0.1,
        "task_type": "CAUSAL_LM",
        "bias": "none",
        "auto_mapping": None,
        **config,
    }
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, value in load_file(base / "model.safetensors").items():
        path = name.removesuffix(".weight")
        if value.ndim == 2 and path.split(".")[-1] in targets:
            rows, columns = value.shape
            tensors[f"base_model.model.{path}.lora_A.weight"] = (
                torch.randn(4, columns, generator=generator) * 0.2
            )
            tensors[f"base_model.model.{path}.lora_B.weight"] = (
                torch.randn(rows, 4, generator=generator) * 0.2
            )
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder


def make_tokenizer(kind: Kind = "gpt_neox", text: str = KOREAN_TEXT) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer learned from `text`, with the special tokens of the family."""
    family = _FAMILIES[kind]
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_trained(text, family.specials)),
        eos_token=family.eos,
        pad_token=family.eos,
        bos_token=family.bos,
        chat_template=family.chat_template,
        clean_up_tokenization_spaces=False,
    )


def tiny_spec(folder: Path | str, kind: Kind = "gpt_neox", *, id: str = "tiny", **changes: Any) -> ModelSpec:
    """A registry entry for such a folder (or hub id); `changes` replace fields, nested ones as dicts."""
    entry: dict[str, Any] = {
        "id": id,
        "title": id,
        "source": str(folder),
        "family": kind,
        "architecture": kind,
        "parameters": 100_000,
        "context_length": 512,
        "license": {"name": "apache-2.0", "commercial": "yes"},
        "prompt_format": "plain",
        "eos_token_ids": [_FAMILIES[kind].specials.index(_FAMILIES[kind].eos)],
    }
    return ModelSpec.of_entry({**entry, **changes})


@functools.cache
def _trained(text: str, specials: tuple[str, ...]) -> str:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=list(specials),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(text.splitlines(), trainer)
    return tokenizer.to_str()


def _config(kind: Kind, vocabulary: int, hidden: int, layers: int, **changes: Any) -> PreTrainedConfig:
    from transformers import Exaone4Config, GPTNeoXConfig, LlamaConfig, Qwen3Config, RwkvConfig

    size = {"vocab_size": vocabulary, "hidden_size": hidden, "num_hidden_layers": layers}
    heads = {"num_attention_heads": 4, "max_position_embeddings": 512, "intermediate_size": 2 * hidden}
    grouped = {**size, **heads, "num_key_value_heads": 2, "head_dim": hidden // 4}
    made: dict[Kind, tuple[type[PreTrainedConfig], dict[str, Any]]] = {
        "gpt_neox": (GPTNeoXConfig, {**size, **heads}),
        "llama": (LlamaConfig, grouped),
        "qwen3": (Qwen3Config, grouped),
        "exaone4": (Exaone4Config, {**grouped, "sliding_window": 16, "sliding_window_pattern": 2}),
        "rwkv": (RwkvConfig, {**size, "context_length": 512, "rescale_every": 1}),
    }
    config_class, fields = made[kind]
    return config_class(**{**fields, **changes})


def _random_model(config: PreTrainedConfig, seed: int) -> PreTrainedModel:
    """Matrices ten times wider than usual, so that different prompts get different answers."""
    from transformers import AutoModelForCausalLM

    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim >= 2:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return model.eval()
