"""A step of GPT-NeoX as gpt-fast would write it: plain torch over a static cache, compiled as a whole.

It stands apart from what times it, because a test holds its tokens against transformers' own. It takes the
modules of a loaded network, so that no weight is there twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class _Layer(nn.Module):
    """A layer with parallel residual, and its keys and values at fixed addresses."""

    keys: Tensor
    values: Tensor

    def __init__(self, layer: Any, rows: int, places: int) -> None:
        super().__init__()
        attention = layer.attention
        self.size = attention.head_size
        self.norm, self.mixed, self.out = layer.input_layernorm, attention.query_key_value, attention.dense
        self.second_norm, self.perceptron = layer.post_attention_layernorm, layer.mlp
        room = (rows, self.out.in_features // self.size, places, self.size)
        weight = self.out.weight
        for name in ("keys", "values"):
            self.register_buffer(name, torch.zeros(room, dtype=weight.dtype, device=weight.device))

    def forward(self, x: Tensor, place: Tensor, angles: tuple[Tensor, Tensor], seen: Tensor) -> Tensor:
        mixed = self.mixed(self.norm(x)).view(x.shape[0], 1, -1, 3 * self.size)
        query, key, value = mixed.transpose(1, 2).chunk(3, dim=-1)
        query, key = _turned(query, *angles), _turned(key, *angles)
        keys, values = self.keys.index_copy_(2, place, key), self.values.index_copy_(2, place, value)
        heard = functional.scaled_dot_product_attention(query, keys, values, attn_mask=seen)
        return self.perceptron(self.second_norm(x)) + self.out(heard.transpose(1, 2).reshape(x.shape)) + x


class PlainStep(nn.Module):
    """From the token of every row at one place to its likeliest next."""

    at: Tensor
    cosine: Tensor
    sine: Tensor

    def __init__(self, network: Any, rows: int, places: int) -> None:
        super().__init__()
        base = network.gpt_neox
        self.network = network
        self.embedding, self.norm = base.embed_in, base.final_layer_norm
        self.head = network.get_output_embeddings()
        self.layers: Any = nn.ModuleList(_Layer(layer, rows, places) for layer in base.layers)
        at = torch.arange(places, device=self.head.weight.device)
        cosine, sine = base.rotary_emb(self.head.weight, at[None])
        for name, value in {"at": at, "cosine": cosine[0], "sine": sine[0]}.items():
            self.register_buffer(name, value)

    def forward(self, tokens: Tensor, place: Tensor) -> Tensor:
        angles, seen = (self.cosine[place], self.sine[place]), (self.at <= place)[None, None, None]
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x, place, angles, seen)
        return self.head(self.norm(x)).argmax(-1)

    def read(self, ids: Tensor) -> Tensor:
        """The prompts of all rows by transformers' own step; what they leave is copied to the cache."""
        out = self.network(input_ids=ids, use_cache=True, logits_to_keep=1)
        for layer, read in zip(self.layers, out.past_key_values.layers, strict=True):
            layer.keys[:, :, : ids.shape[1]] = read.keys
            layer.values[:, :, : ids.shape[1]] = read.values
        return out.logits[:, -1].argmax(-1)

    def answer(
        self, ids: Tensor, count: int, step: Callable[..., Tensor], seen: Callable[[int], None]
    ) -> Tensor:
        """`count` tokens of every row by this step or its compiled form; none is read on the host before."""
        tokens = [self.read(ids)]
        place = torch.tensor([ids.shape[1]], device=ids.device)
        for index in range(1, count):
            seen(index - 1)
            tokens.append(step(tokens[-1], place).clone())
            place += 1
        return torch.stack(tokens, dim=1)


def _turned(heads: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """The first values of every head by the angle of their place; the others stay."""
    turning, staying = heads.split((cosine.shape[-1], heads.shape[-1] - cosine.shape[-1]), dim=-1)
    first, second = turning.chunk(2, dim=-1)
    turned = turning * cosine + torch.cat((-second, first), dim=-1) * sine
    return torch.cat((turned, staying), dim=-1)
