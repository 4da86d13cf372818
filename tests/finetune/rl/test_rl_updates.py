"""One update of a tiny network: what is learned of an experience, and that nothing else decides it.

Run: python -m pytest tests/finetune/rl/test_rl_updates.py
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor
from torch.testing import assert_close

from finetune.examples import PromptOnly
from finetune.rl.losses import k1
from finetune.rl.nothing_learned import NothingLearned, Signs
from finetune.rl.records import SampledAnswer
from finetune.rl.updates import Experience, Lesson, Policy, Updater, figures_of, lesson_of
from finetune.rl.value_head import ValueHead
from finetune.rl_settings import GrpoSettings, PpoSettings, RlooSettings, RlSettings
from prompts.conversation import Conversation, Turn
from tests.every_family import tiny_network

END = 2
IDS = [
    ((20, 21, 22), (40, 41, END)),
    (tuple(range(20, 40)), (7,)),
    ((9,), (END,)),
    ((12, 13) * 4, (50, 51, 52, 9)),
]
REWARDS = [1.0, 0.25, 0.0, -1.0]
COMMON: dict[str, Any] = {"learning_rate": 1e-3, "batch": 4, "micro_batch": 4, "passes": 1}
PPO, GRPO = PpoSettings(**COMMON), GrpoSettings(**COMMON, group=4)


def answers_of(ids: Sequence[tuple[tuple[int, ...], tuple[int, ...]]] = IDS) -> list[SampledAnswer]:
    asked = PromptOnly(Conversation(turns=(Turn("왜?"),)), "here.jsonl:1")
    return [SampledAnswer(asked, prompt, answer, "", answer[-1] == END) for prompt, answer in ids]


def updater_of(settings: RlSettings, *, moved: bool = False) -> Updater:
    """A new policy of the same weights each time; `moved`: away from its reference already."""
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=not moved)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = get_peft_model(tiny_network("gpt_neox").requires_grad_(False), config)
    head = ValueHead(network.config.hidden_size) if isinstance(settings, PpoSettings) else None
    return Updater(Policy(network, None, head), settings)


def experience_of(**changes: Any) -> Experience:
    """Three answers of 3, 1 and 2 tokens, and no network."""
    mask = torch.tensor([[1, 1, 1], [1, 0, 0], [1, 1, 0]]).bool()
    plain = Experience(
        answers_of(IDS[:3]),
        torch.tensor([1.0, 0.5, -1.0]),
        torch.ones(3).bool(),
        mask,
        torch.zeros(3, 3),
        torch.zeros(3, 3),
        torch.zeros(3, 3),
        torch.zeros(3, 3),
    )
    return replace(plain, **changes)


def gradients(settings: RlSettings, order: Sequence[int], *, pads: int = 0) -> list[Tensor]:
    updater = updater_of(settings, moved=True)
    experience = updater.experience([answers_of()[at] for at in order], [REWARDS[at] for at in order])
    lesson = lesson_of(settings, experience, 0.1)
    if pads:
        names = ("log_probs", "reference", "values", "mask")
        wider: dict[str, Any] = {name: widened(getattr(experience, name), pads) for name in names}
        experience = replace(experience, **wider)
        lesson = lesson_of(settings, experience, 0.1)
    updater._backward(experience, lesson)
    learning = [
        *updater.policy.learning(),
        *(updater.policy.head.parameters() if updater.policy.head else ()),
    ]
    return [value.grad for value in learning if value.grad is not None]


def widened(values: Tensor | None, columns: int) -> Tensor | None:
    """With columns in which anything may stand."""
    if values is None:
        return None
    return torch.cat(
        [
            values,
            torch.full_like(values[:, :1], 0 if values.dtype == torch.bool else 3.0).expand(-1, columns),
        ],
        1,
    )


@pytest.mark.parametrize("settings", [PPO, GRPO], ids=["ppo", "grpo"])
def test_order_micro_batches_and_padding_change_no_gradient(settings: RlSettings) -> None:
    plain = gradients(settings, [0, 1, 2, 3])
    assert any(bool(value.any()) for value in plain)
    for other in (
        gradients(settings, [2, 0, 3, 1]),
        gradients(replace(settings, micro_batch=1), [0, 1, 2, 3]),
        gradients(settings, [0, 1, 2, 3], pads=5),
        gradients(replace(settings, gradient_checkpointing=True), [0, 1, 2, 3]),
    ):
        for one, value in zip(plain, other, strict=True):
            assert_close(value, one, atol=1e-6, rtol=1e-5)


def test_at_first_the_policy_is_its_reference_and_what_learns_is_what_sampled() -> None:
    updater = updater_of(replace(PPO, micro_batch=2))
    experience = updater.experience(answers_of(), REWARDS)
    assert torch.equal(experience.log_probs, experience.reference)

    made = updater.learn(experience, lesson_of(PPO, experience, 0.1), 1.0)

    # Half of the mean squared log ratio of the first pass, in which other rows stand beside each other.
    assert made["approx_kl"] < 1e-10 / 2 and made["clip_share"] == 0
    again = updater.experience(answers_of(), REWARDS)
    assert torch.equal(again.reference, experience.reference)
    assert not torch.equal(again.log_probs, experience.log_probs)


def test_a_reward_lands_on_the_last_real_token_also_of_a_cut_answer_and_of_one_token() -> None:
    settings = replace(PPO, gamma=1.0, gae_lambda=0.0)
    lesson = lesson_of(settings, experience_of(), 0.0)

    assert lesson.returns is not None
    assert lesson.returns.tolist() == [[0.0, 0.0, 1.0], [0.5, 0.0, 0.0], [0.0, -1.0, 0.0]]


def test_what_moved_away_costs_its_own_token_in_ppo_and_its_answer_where_answers_are_compared() -> None:
    far = torch.tensor([[0.5, 0.0, -0.25], [0.1, 9.0, 9.0], [0.0, 0.2, 9.0]])
    experience = experience_of(log_probs=far)
    single = lesson_of(replace(PPO, gae_lambda=0.0), experience, 2.0)
    assert single.returns is not None
    assert_close(single.returns[0], torch.tensor([-1.0, 0.0, 1.5]))

    compared = lesson_of(RlooSettings(**{**COMMON, "batch": 3, "micro_batch": 3}, group=3), experience, 2.0)
    assert_close(compared.advantages[0, 0], torch.tensor(0.5 - (0.3 - 1.4) / 2))
    assert compared.advantages[0].unique().numel() == 1


def test_groups_without_a_difference_are_left_out_and_counted_though_the_kl_differs() -> None:
    experience = Experience(
        answers_of(),
        torch.tensor([1.0, 1.0, 0.0, 1.0]),
        torch.ones(4).bool(),
        torch.ones(4, 2).bool(),
        torch.arange(8.0).view(4, 2),
        torch.zeros(4, 2),
        torch.zeros(4, 2),
        None,
    )
    lesson = lesson_of(replace(GRPO, group=2), experience, 0.01)

    assert lesson.learned.any(1).tolist() == [False, False, True, True]
    assert figures_of(experience, lesson)["equal_groups"] == 0.5
    assert not lesson.advantages[:2].any()


@pytest.mark.parametrize("settings", [PPO, replace(GRPO, group=4)], ids=["ppo", "grpo"])
def test_an_answer_whose_reward_is_no_number_teaches_nothing(settings: RlSettings) -> None:
    rewards = [1.0, 0.25, 0.0, float("nan")]
    updater = updater_of(settings, moved=True)
    experience = updater.experience(answers_of(), rewards)
    lesson = lesson_of(settings, experience, 0.1)
    figures = figures_of(experience, lesson)
    updater._backward(experience, lesson)

    assert lesson.learned.any(1).tolist() == [True, True, True, False]
    assert figures["reward"] == pytest.approx(1.25 / 3)
    assert all(
        bool(value.grad.isfinite().all()) for value in updater.policy.learning() if value.grad is not None
    )


def test_a_gradient_of_the_value_head_that_is_no_number_is_told_and_changes_nothing() -> None:
    updater = updater_of(PPO)
    before = [value.detach().clone() for value in updater.policy.learning()]
    head = updater.policy.head
    assert head is not None
    for value in (*updater.policy.learning(), *head.parameters()):
        value.grad = torch.ones_like(value)
    head.bias.grad = torch.tensor(float("nan"))
    assert not math.isfinite(updater._step())
    assert all(torch.equal(old, new) for old, new in zip(before, updater.policy.learning(), strict=True))


def test_passes_end_where_the_policy_has_moved_too_far_for_its_own_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    updater = updater_of(replace(PPO, learning_rate=1.0, passes=9, max_grad_norm=0.0))
    experience = updater.experience(answers_of(), REWARDS)
    norms: list[float] = []
    step = updater._step

    def counted() -> float:
        norms.append(step())
        return norms[-1]

    monkeypatch.setattr(updater, "_step", counted)
    updater.learn(experience, lesson_of(PPO, experience, 0.0), 1.0)

    assert len(norms) == 1


class _OneNetwork(ValueHead):
    """A value head that is the reward model: what it foresees is what comes."""

    def __init__(self, hidden_size: int, rewards: Sequence[float]) -> None:
        super().__init__(hidden_size)
        self.rewards = torch.tensor(rewards)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.rewards[:, None].expand(hidden.shape[:2]) + 0 * super().forward(hidden)


def test_a_critic_that_is_the_reward_model_is_refused_with_the_reason() -> None:
    """Replayed: value equal to reward, one update after all experience. The policy's loss is 0, nothing is
    clipped, the KL stays 0, and the value head looks perfect."""
    settings = replace(PPO, gae_lambda=1.0)
    updater = updater_of(settings)
    updater.policy.head = _OneNetwork(updater.policy.network.config.hidden_size, REWARDS)
    first = updater.experience(answers_of(), REWARDS)
    lesson = lesson_of(settings, first, 0.05)
    figures = figures_of(first, lesson)

    assert figures["explained_variance"] == pytest.approx(1.0) and figures["kl"] == 0
    assert lesson.largest == 0 and updater.learn(first, lesson, 1.0) == {}
    assert float(k1(updater.experience(answers_of(), REWARDS).log_probs, first.log_probs).abs().max()) == 0
    with pytest.raises(NothingLearned, match="value head and the reward model must not be one network"):
        Signs().before_learning(first, lesson, figures)


SOUND = {"reward": 0.0, "reward_se": 0.0, "ended": 1.0, "kl": 0.0}
NOTHING_TO_LEARN = Lesson(torch.zeros(3, 3), None, torch.ones(3, 3).bool(), 0.0)
ALIKE = experience_of(rewards=torch.zeros(3))


@pytest.mark.parametrize(
    ("lesson", "figures", "said"),
    [
        (NOTHING_TO_LEARN, SOUND, "every answer got the same reward"),
        (replace(NOTHING_TO_LEARN, largest=0.7), SOUND, "every answer got the same reward"),
        (replace(NOTHING_TO_LEARN, equal=torch.ones(3).bool()), SOUND, "all answers to each question"),
        (replace(NOTHING_TO_LEARN, largest=1.0), {**SOUND, "ended": 0.0}, "not one answer ended"),
    ],
)
def test_what_may_happen_once_by_chance_is_an_error_when_it_goes_on(
    lesson: Lesson, figures: dict[str, float], said: str
) -> None:
    signs = Signs()
    for _ in range(4):
        signs.before_learning(ALIKE, lesson, figures)
    with pytest.raises(NothingLearned, match=said):
        signs.before_learning(ALIKE, lesson, figures)


def test_a_reference_that_learns_along_and_a_policy_that_does_not_are_seen_at_once() -> None:
    signs, lesson = Signs(), replace(NOTHING_TO_LEARN, largest=1.0)
    signs.before_learning(ALIKE, lesson, SOUND)
    with pytest.raises(NothingLearned, match="no gradient reaches the policy"):
        signs.after_learning({"grad_norm": 0.0}, changed=False)
    with pytest.raises(NothingLearned, match="adapter is the same as before"):
        signs.after_learning({"grad_norm": 1.0}, changed=False)
    signs.after_learning({"grad_norm": 1.0}, changed=True)
    with pytest.raises(NothingLearned, match="KL to the reference is still exactly 0"):
        signs.before_learning(ALIKE, lesson, SOUND)


@pytest.mark.parametrize(("rise", "is_flat"), [(0.0, True), (0.004, True), (0.1, False)])
def test_a_reward_that_does_not_rise_beyond_its_noise_is_warned_of(
    rise: float, is_flat: bool, caplog: pytest.LogCaptureFixture
) -> None:
    signs = Signs()
    for step in range(1, 11):
        signs.note_reward(step, {"reward": rise * step, "reward_se": 0.05})

    assert (signs.flat() is not None) == is_flat
    assert ("has not risen" in caplog.text) == is_flat
