"""Log-probabilities of answers: transformers' own, however rows are padded, ordered and put together.

Run: python -m pytest tests/finetune/rl/test_log_probs.py
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor

from errors import Stopped
from finetune.rl.log_probs import AnswerFigures, all_figures, answer_figures, micro_batches
from finetune.rl.rollout import Rollout, Sampler
from finetune.training.adapters import speaking_with
from tests.every_family import tiny_network

FAMILIES = [
    "gpt_neox",
    "llama",
    "qwen2, sliding",
    "gemma2",
    "cohere",
    "granite",
    "gpt2",
    "opt",
    "rwkv",
    "bloom",
    "mamba2",
    "qwen3_next",
]
"""Of every way to sample, with logits that are capped or scaled behind the head, and with states."""
TEMPERATURE = 0.7
PAD, END = 0, 2
ROWS = [
    Rollout((20, 21, 22), (40, 41, 42, END), True),
    Rollout(tuple(range(20, 44)), (7,), False),
    Rollout((5, 6, 7, 8, 9), (PAD, 12, END, PAD, END), True),
    Rollout((9,), (END,), True),
    Rollout((12, 13) * 4, tuple(range(50, 61)), False),
    Rollout(tuple(range(3, 50)), (70,), False),
    Rollout(tuple(range(3, 43)), (60, 61, END), True),
]
"""An answer may hold any id: an end or a pad in its midst is a token like others. The last prompts go beyond
the reach of a rope before it stretches (32), the longer one first."""


def tuned(name: str, *, moved: bool = True) -> Any:
    """With LoRA layers that change every figure, or with B = 0."""
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=not moved)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return get_peft_model(tiny_network(name).requires_grad_(False), config).eval()


def gradients(network: Any, batches: Sequence[Sequence[int]], width: int | None = None) -> list[Tensor]:
    """Of a loss that weighs every token of ROWS otherwise, summed over micro-batches."""
    network.zero_grad()
    for batch in batches:
        figures = answer_figures(network, [ROWS[place] for place in batch], TEMPERATURE, width=width)
        weights = torch.tensor(
            [[place + 0.1 * n for n in range(figures.log_probs.shape[1])] for place in batch]
        )
        (figures.log_probs * weights).sum().backward()
    return [value.grad.clone() for value in network.parameters() if value.grad is not None]


@pytest.mark.parametrize("name", FAMILIES)
@torch.no_grad()
def test_they_are_those_of_transformers_forward_of_each_text_alone(name: str) -> None:
    network = tiny_network(name)
    figures = all_figures(network, ROWS, TEMPERATURE, 2, entropy=True, hidden=True)
    assert figures.entropy is not None and figures.hidden is not None
    for number, row in enumerate(ROWS):
        ids, length = torch.tensor([[*row.prompt_ids, *row.answer_ids]]), len(row.answer_ids)
        output = network(input_ids=ids, use_cache=False, output_hidden_states=True)
        every = (output.logits[0] / TEMPERATURE).log_softmax(-1)[-1 - length : -1]
        expected = every.gather(-1, torch.tensor(row.answer_ids)[:, None])[:, 0]
        torch.testing.assert_close(figures.log_probs[number, :length], expected, atol=1e-5, rtol=1e-5)
        entropy = torch.distributions.Categorical(logits=every).entropy()
        torch.testing.assert_close(figures.entropy[number, :length], entropy, atol=1e-5, rtol=1e-5)
        hidden = output.hidden_states[-1][0, -1 - length : -1]
        torch.testing.assert_close(figures.hidden[number, :length], hidden, atol=1e-4, rtol=1e-4)
        assert figures.mask[number].tolist() == [place < length for place in range(11)]
        for part in (figures.log_probs, figures.entropy, figures.hidden):
            assert not part[number, length:].any()


@torch.no_grad()
def test_padding_on_the_left_by_transformers_gives_the_same() -> None:
    network = tuned("gpt_neox")
    whole = [[*row.prompt_ids, *row.answer_ids] for row in ROWS]
    width = max(map(len, whole)) + 3
    ids = torch.tensor([[PAD] * (width - len(row)) + row for row in whole])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in whole])
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    logits = network(input_ids=ids, attention_mask=mask, position_ids=positions).logits / TEMPERATURE
    every = logits.log_softmax(-1)[:, :-1].gather(-1, ids[:, 1:, None])[..., 0]
    figures = answer_figures(network, ROWS, TEMPERATURE)
    for number, row in enumerate(ROWS):
        length = len(row.answer_ids)
        torch.testing.assert_close(
            figures.log_probs[number, :length], every[number, -length:], atol=1e-5, rtol=0
        )


@pytest.mark.parametrize(
    "name", ["gpt_neox", "llama", "qwen2, sliding", "rwkv", "bloom", "llama, dynamic rope"]
)
def test_any_micro_batch_order_and_width_give_the_same_figures_and_gradients(name: str) -> None:
    network = tuned(name)
    alone = [[place] for place in range(len(ROWS))]
    shuffled = random.Random(1).sample(range(len(ROWS)), len(ROWS))
    expected = gradients(network, alone)
    assert expected and all(bool(value.any()) for value in expected)
    with torch.no_grad():
        by_ones = all_figures(network, ROWS, TEMPERATURE, 1).log_probs
        wide = answer_figures(network, ROWS, TEMPERATURE, width=40)
        torch.testing.assert_close(wide.log_probs[:, :11], by_ones, atol=1e-6, rtol=1e-6)
        assert wide.mask.sum() == sum(len(row.answer_ids) for row in ROWS)
        for size in (2, 3, 64):
            torch.testing.assert_close(
                all_figures(network, ROWS, TEMPERATURE, size).log_probs, by_ones, atol=1e-6, rtol=1e-6
            )
    scale = max(float(value.abs().max()) for value in expected)
    for batches in ([shuffled], micro_batches(ROWS, 2), [shuffled[:3], shuffled[3:]]):
        for width in (None, 40):
            for mine, theirs in zip(gradients(network, batches, width), expected, strict=True):
                torch.testing.assert_close(mine / scale, theirs / scale, atol=1e-6, rtol=0)


def test_the_first_ratio_is_one() -> None:
    """What was sampled, read again for the old log-probabilities, and read in other company to be learned."""
    network = tuned("llama")
    rows = Sampler(network, [END], max_new_tokens=8).sample(
        [row.prompt_ids for row in ROWS], 4, torch.Generator()
    )
    old = all_figures(network, rows, 1.0, 8)
    for batch in micro_batches(rows, 3):
        now = answer_figures(network, [rows[place] for place in batch], width=old.mask.shape[1])
        ratio = (now.log_probs - old.log_probs[batch]).exp()
        assert (ratio[now.mask] - 1).abs().max() <= 1e-5


@pytest.mark.parametrize("name", ["gpt_neox", "rwkv"])
def test_an_adapter_that_begins_is_at_no_distance_at_all_from_its_reference(name: str) -> None:
    network = tuned(name, moved=False)
    policy = all_figures(network, ROWS, TEMPERATURE, 2).log_probs
    with speaking_with(network, None):
        assert torch.equal(all_figures(network, ROWS, TEMPERATURE, 2).log_probs, policy)
    moved = tuned(name)
    with speaking_with(moved, None):
        assert torch.equal(all_figures(moved, ROWS, TEMPERATURE, 2).log_probs, policy)
    assert not torch.allclose(all_figures(moved, ROWS, TEMPERATURE, 2).log_probs, policy, atol=1e-2)


def test_only_answers_reach_the_head_and_nothing_flows_back_through_a_value() -> None:
    network, shapes = tuned("gpt_neox"), list[torch.Size]()
    head = network.get_base_model().get_output_embeddings()
    with head.register_forward_hook(lambda module, given, made: shapes.append(made.shape)):
        figures: AnswerFigures = answer_figures(network, ROWS, hidden=True, entropy=True)
    assert [shape[:-1].numel() for shape in shapes] == [sum(len(row.answer_ids) for row in ROWS)]
    assert figures.hidden is not None and figures.entropy is not None
    assert figures.log_probs.requires_grad and not figures.hidden.requires_grad
    assert not figures.entropy.requires_grad
    # The head is as it was: the next pass has logits for every token.
    assert network(input_ids=torch.tensor([[5, 6, 7]])).logits.shape[1] == 3


def test_micro_batches_hold_every_row_once_and_pad_little() -> None:
    batches = micro_batches(ROWS, 2)
    assert sorted(place for batch in batches for place in batch) == [*range(7)]
    assert [len(batch) for batch in batches] == [2, 2, 2, 1]
    lengths = [[len(ROWS[place].prompt_ids + ROWS[place].answer_ids) for place in batch] for batch in batches]
    assert lengths == [[2, 7], [10, 19], [25, 43], [48]]


def test_a_wish_to_stop_is_heard_between_micro_batches() -> None:
    heard: list[None] = []

    def check() -> None:
        heard.append(None)
        if len(heard) == 2:
            raise Stopped("training-stopped")

    with pytest.raises(Stopped):
        all_figures(tiny_network("gpt_neox"), ROWS, TEMPERATURE, 1, check=check)
    assert len(heard) == 2
