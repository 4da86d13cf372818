"""Sampled answers: those of `generate` where nothing is left to chance, drawn as probable where it is.

Run: python -m pytest tests/finetune/rl/test_rollouts.py
"""

from __future__ import annotations

import copy
import gc
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor
from transformers import GenerationConfig, PreTrainedModel

from benchmarks.peak_of_tensors import PeakOfTensors
from engines.families import BATCHED
from errors import NaraniError, Stopped
from finetune.rl.rollout import Rollout, Sampler
from finetune.training.adapters import speaking_with
from tests.every_family import tiny_network

PROMPTS = [[20, 21, 22], [*range(20, 44)], [12, 13, 14, 15] * 4 + [16, 17, 18], [5]]
"""Across the window of the networks that have one (8)."""
COUNT, GROUP = 8, 3
EVERY_WAY = ["gpt_neox", "llama", "qwen2, sliding", "rwkv", "bloom", "llama, dynamic rope"]
"""In one cache, with a window, by states, row by row, and row by row with a rope that stretches."""


@pytest.fixture(autouse=True)
def quiet_old_families() -> Iterator[None]:
    """Some families of long ago warn about their own code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def generated(network: Any, prompt: list[int], ends: list[int]) -> tuple[int, ...]:
    """transformers' own greedy generation on a network that never saw another prompt."""
    network = copy.deepcopy(network)
    network.generation_config = GenerationConfig()
    ids = torch.tensor([prompt])
    rest = {"eos_token_id": ends, "pad_token_id": 0} if ends else {}
    output = network.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=COUNT, do_sample=False, **rest
    )
    return tuple(output[0, len(prompt) :].tolist())


@torch.no_grad()
def probabilities(network: Any, rollout: Rollout, temperature: float) -> Tensor:
    """Of every token at each place of the answer, by transformers' forward of the whole text alone."""
    ids = torch.tensor([[*rollout.prompt_ids, *rollout.answer_ids]])
    logits = network(input_ids=ids, use_cache=False).logits[0].double()
    return (logits / temperature).softmax(-1)[len(rollout.prompt_ids) - 1 : -1]


def adapted(network: Any) -> Any:
    tuned = get_peft_model(network, LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
    return tuned.eval()


@pytest.mark.parametrize("name", EVERY_WAY)
def test_greedy_answers_are_those_that_generate_gives_to_each_prompt_alone(name: str) -> None:
    network = tiny_network(name)
    whole = [generated(network, prompt, []) for prompt in PROMPTS]
    assert [
        rollout.answer_ids for rollout in Sampler(network, (), max_new_tokens=COUNT).greedy(PROMPTS)
    ] == whole
    ends = [whole[0][1], whole[1][3], whole[2][-1]]
    rollouts = Sampler(network, ends, max_new_tokens=COUNT).greedy(PROMPTS)
    assert [rollout.answer_ids for rollout in rollouts] == [
        generated(network, prompt, ends) for prompt in PROMPTS
    ]
    assert [rollout.prompt_ids for rollout in rollouts] == [tuple(prompt) for prompt in PROMPTS]
    assert [rollout.ended for rollout in rollouts] == [rollout.answer_ids[-1] in ends for rollout in rollouts]
    assert len({len(rollout.answer_ids) for rollout in rollouts}) > 1


@pytest.mark.parametrize("name", sorted(BATCHED))
def test_prompts_of_uneven_lengths_are_read_together_as_each_is_alone(name: str) -> None:
    network = tiny_network(name)
    for rollout in Sampler(network, (), max_new_tokens=3).greedy(PROMPTS[:2]):
        likeliest = probabilities(network, rollout, 1.0).argmax(-1)
        assert tuple(likeliest.tolist()) == rollout.answer_ids


@pytest.mark.parametrize("name", EVERY_WAY[:5])
def test_every_token_of_a_group_is_the_one_its_chance_falls_on(name: str) -> None:
    """The chances are the generator's, a row of them for each step. Ends are common, so rows leave at every
    step and others take their places."""
    network, ends, temperature = tiny_network(name), range(0, 96, 6), 3.0
    sampler = Sampler(network, ends, temperature=temperature, max_new_tokens=COUNT)
    rollouts = sampler.sample(PROMPTS, GROUP, torch.Generator().manual_seed(5))
    chances = torch.rand(COUNT, len(PROMPTS) * GROUP, generator=torch.Generator().manual_seed(5))
    assert [rollout.prompt_ids for rollout in rollouts[::GROUP]] == [tuple(prompt) for prompt in PROMPTS]
    for number, rollout in enumerate(rollouts):
        assert rollout.prompt_ids == tuple(PROMPTS[number // GROUP])
        for step, (id, row) in enumerate(
            zip(rollout.answer_ids, probabilities(network, rollout, temperature), strict=True)
        ):
            chance = float(chances[step, number])
            assert row[:id].sum() - 1e-4 <= chance <= row[: id + 1].sum() + 1e-4
    assert len({len(rollout.answer_ids) for rollout in rollouts}) > 3


def test_tokens_come_as_often_as_the_softmax_says() -> None:
    network, draws, temperature = tiny_network("gpt_neox"), 20_000, 2.0
    sampler = Sampler(network, (), temperature=temperature, max_new_tokens=1)
    rollouts = sampler.sample(PROMPTS[:1], draws, torch.Generator().manual_seed(1))
    seen = torch.bincount(torch.tensor([rollout.answer_ids[0] for rollout in rollouts]), minlength=96)
    expected = probabilities(network, rollouts[0], temperature)[0] * draws
    assert expected.min() > 5
    freedom = len(expected) - 1
    distance = ((seen - expected) ** 2 / expected).sum()
    assert distance < freedom + 4 * (2 * freedom) ** 0.5, "four standard deviations of chi-square"


def test_a_token_without_probability_is_never_drawn() -> None:
    from finetune.rl.rollout import _drawn

    logits = torch.full((4, 5), -torch.inf)
    logits[:, 1:4] = 0.0
    below_one = torch.nextafter(torch.tensor(1.0), torch.tensor(0.0)).item()
    assert _drawn(logits, torch.tensor([0.0, 0.5, below_one, 1.0])).tolist() == [1, 2, 3, 3]


def test_one_seed_gives_the_same_answers_bit_for_bit_and_another_others() -> None:
    network = adapted(tiny_network("gpt_neox"))
    sampler = Sampler(network, range(0, 96, 6), max_new_tokens=COUNT)

    def sampled(seed: int) -> tuple[list[Rollout], Tensor]:
        generator = torch.Generator().manual_seed(seed)
        return sampler.sample(PROMPTS, GROUP, generator), generator.get_state()

    first, state = sampled(1)
    other, _ = sampled(2)
    again, state_again = sampled(1)
    assert first == again and torch.equal(state, state_again)
    assert first != other
    generator = torch.Generator().manual_seed(1)
    Sampler(network, range(96), max_new_tokens=COUNT).sample(PROMPTS, GROUP, generator)
    assert torch.equal(generator.get_state(), state), "ends do not move the generator"


def test_a_policy_that_never_ends_is_cut_at_the_longest_length() -> None:
    rollouts = Sampler(tiny_network("llama"), (), max_new_tokens=5).sample(PROMPTS, 2, torch.Generator())
    assert {(len(rollout.answer_ids), rollout.ended) for rollout in rollouts} == {(5, False)}


def test_an_end_in_the_last_place_counts_as_ended() -> None:
    (rollout,) = Sampler(tiny_network("llama"), range(96), max_new_tokens=1).greedy(PROMPTS[:1])
    assert rollout.ended and len(rollout.answer_ids) == 1


@pytest.mark.parametrize("name", ["gpt_neox", "rwkv", "bloom"])
def test_figures_that_are_no_numbers_are_told(name: str) -> None:
    network = tiny_network(name)
    network.get_output_embeddings().weight.data[3, 0] = torch.nan
    for sampled in (
        lambda sampler: sampler.greedy(PROMPTS),
        lambda sampler: sampler.sample(PROMPTS, 2, torch.Generator()),
    ):
        with pytest.raises(NaraniError, match="are not numbers any more"):
            sampled(Sampler(network, (), max_new_tokens=COUNT))


def test_a_wish_to_stop_is_heard_between_steps_and_the_network_is_left_as_it_was() -> None:
    network = tiny_network("gpt_neox").train()
    steps: list[bool] = []

    def check() -> None:
        steps.append(network.training)
        if len(steps) == 4:
            raise Stopped("training-stopped")

    with pytest.raises(Stopped):
        Sampler(network, (), max_new_tokens=COUNT).sample(PROMPTS, 2, torch.Generator(), check)
    assert steps == [False] * 4 and network.training


def test_the_adapter_that_is_switched_on_speaks() -> None:
    base = tiny_network("gpt_neox")
    tuned = adapted(copy.deepcopy(base))
    sampler = Sampler(tuned, (), max_new_tokens=COUNT)
    with speaking_with(tuned, None):
        bare = sampler.greedy(PROMPTS)
    assert bare == Sampler(base, (), max_new_tokens=COUNT).greedy(PROMPTS)
    spoken = sampler.greedy(PROMPTS)
    assert spoken == Sampler(copy.deepcopy(tuned).merge_and_unload(), (), max_new_tokens=COUNT).greedy(
        PROMPTS
    )
    assert spoken != bare


@pytest.mark.parametrize("name", ["gpt_neox", "rwkv", "bloom"])
def test_a_group_reads_its_prompt_once_and_ended_rows_are_read_no_further(name: str) -> None:
    network = tiny_network(name)
    passes = list[tuple[int, int]]()

    def note(_: object, given: tuple[Tensor, ...]) -> None:
        passes.append((given[0].shape[0], given[0].shape[1]))

    network.get_input_embeddings().register_forward_pre_hook(note)
    sampler = Sampler(network, range(0, 96, 6), temperature=3.0, max_new_tokens=COUNT)
    rollouts = sampler.sample(PROMPTS, GROUP, torch.Generator().manual_seed(5))
    reading = [one for one in passes if one == (4, 24)] if name == "gpt_neox" else passes[: len(PROMPTS)]
    read = sum(rows * tokens for rows, tokens in reading)
    assert read == (4 * 24 if name == "gpt_neox" else sum(map(len, PROMPTS)))
    stepped = sum(rows * tokens for rows, tokens in passes) - read
    assert stepped == sum(len(rollout.answer_ids) - 1 for rollout in rollouts)


def test_the_cache_is_reserved_once_at_its_whole_size(monkeypatch: pytest.MonkeyPatch) -> None:
    from engines.slot_cache import SlotLayer

    sizes = list[tuple[int, ...]]()
    reserve = SlotLayer._room_for

    def noted(self: SlotLayer, states: Tensor) -> Tensor:
        sizes.append(tuple(reserve(self, states).shape))
        return reserve(self, states)

    monkeypatch.setattr(SlotLayer, "_room_for", noted)
    monkeypatch.setattr(SlotLayer, "_grown", None)
    network: PreTrainedModel = tiny_network("gpt_neox")
    Sampler(network, (), max_new_tokens=COUNT).sample(PROMPTS, GROUP, torch.Generator())
    layers = network.config.num_hidden_layers
    assert sizes == [(len(PROMPTS) * GROUP, 4, 24 + COUNT, 8)] * 2 * layers


@pytest.mark.parametrize("name", EVERY_WAY)
def test_what_sampling_took_is_free_before_anything_is_learned(name: str) -> None:
    """At once: a collection of garbage may come many updates later."""
    network = tiny_network(name)
    gc.collect()
    gc.disable()
    try:
        with PeakOfTensors(network) as memory:
            before = memory.now
            Sampler(network, (), max_new_tokens=COUNT).sample(PROMPTS, GROUP, torch.Generator())
            assert memory.peak > before
            assert memory.now - before < (memory.peak - before) / 10
    finally:
        gc.enable()
