"""What a learning by rewards has before its first update: base, policy, questions, and what is rewarded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from errors import BadRequest
from errors.note import Note
from finetune.base import Base
from finetune.preference.reward_model import (
    RewardModel,
    Standing,
    attach_reward_model,
    refuse_unproven,
)
from finetune.rl.held_out import ASKED
from finetune.rl.questions import RlQuestion, questions_of
from finetune.rl.records import SampledAnswer
from finetune.rl.rewards import RewardPart, reward_parts
from finetune.rl.updates import Policy
from finetune.rl.value_head import ValueHead
from finetune.rl_settings import PpoSettings, RlSettings
from finetune.steps import StepPlan, plan_updates
from finetune.trainable import count
from finetune.training.adapters import REFERENCE
from finetune.training.course import Course
from finetune.training.learner import Learner
from finetune.training.prepared_adapter import PreparedAdapter, start_over
from finetune.training.preparing import DividedRows
from model_registry.registry import Registry, load_registry


@dataclass(frozen=True, eq=False, kw_only=True)
class PreparedPolicy(PreparedAdapter):
    """Its rows are questions."""

    policy: Policy
    parts: tuple[RewardPart, ...]


def prepare(course: Course[Any], rows: DividedRows[Any]) -> PreparedPolicy:
    settings, registry = course.settings, load_registry(course.home / "models")
    start = start_over(course, registry)
    asked = _FittingQuestions.of(rows, start.base, start.loaded.tokenizer, settings)
    learner, targets = start.set_free(course)
    policy = _policy(learner, settings, REFERENCE if start.tuned else None)
    # Before a reward model comes into the network.
    trainable, told_of_reward = count(learner.network), list[str]()

    def model_part(run: str) -> RewardPart:
        part, told = _reward_model(run, start.base, registry, learner.network, course)
        told_of_reward.append(told)
        return part

    parts = reward_parts(settings.rewards, model_part)
    plan = plan_updates(len(asked.learned), settings)
    told = (*told_of_reward, *start.told_of(learner), *asked.notes, *_updates_told(plan))
    return PreparedPolicy(
        base=start.base,
        divided=rows,
        learner=learner,
        policy=policy,
        learned=asked.learned,
        held_out=asked.held_out,
        parts=parts,
        plan=plan,
        end=start.end,
        targets=targets,
        trainable=trainable,
        notes=(*start.notes, *rows.notes, *told),
    )


@dataclass(frozen=True)
class _FittingQuestions:
    """The questions that leave room for an answer."""

    learned: tuple[RlQuestion, ...]
    held_out: tuple[RlQuestion, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(
        cls, rows: DividedRows[Any], base: Base, tokenizer: Any, settings: RlSettings
    ) -> _FittingQuestions:
        room = min(settings.max_tokens, base.spec.local.context_length) - settings.max_new_tokens
        learned, held_out = (
            questions_of(some, base.format, tokenizer, room) for some in (rows.learned, rows.held_out)
        )
        if not learned or not held_out:
            raise BadRequest("rl-prompts-too-long", room=room, name="max_tokens")
        left_out = len(rows.learned) + len(rows.held_out) - len(learned) - len(held_out)
        said = Note("note-prompts-too-long", count=left_out, room=room)
        return cls(tuple(learned), tuple(held_out[:ASKED]), (said,) if left_out else ())


def _policy(learner: Learner, settings: RlSettings, reference: str | None) -> Policy:
    head = None
    if isinstance(settings, PpoSettings):
        embeddings = learner.loaded.model.get_output_embeddings()
        head = ValueHead(embeddings.weight.shape[1]).to(learner.loaded.device)
    return Policy(learner.network, reference, head)


@dataclass(frozen=True)
class _ModelReward:
    """A reward model over the policy's own base; it reads the very ids that were sampled."""

    model: RewardModel
    standing: Standing | None
    """None: its scores count as they are."""
    check: Callable[[], None]
    name: str = "model"
    weight: float = 1.0

    def scores(self, answers: Sequence[SampledAnswer]) -> list[float]:
        rows = [[*answer.prompt_ids, *answer.answer_ids] for answer in answers]
        scores = self.model.scores(rows, self.check)
        return scores if self.standing is None else [self.standing.of(score) for score in scores]


def _reward_model(
    run: str, base: Base, registry: Registry, network: Any, course: Course[Any]
) -> tuple[RewardPart, str]:
    """And what is to be told of it."""
    spec, micro_batch = registry.get(run), course.settings.micro_batch
    standing = refuse_unproven(spec)
    model = attach_reward_model(network, spec, base, registry, course.wish, micro_batch)
    told = (
        Note("note-scores-as-they-are", model=spec.title)
        if standing is None
        else Note(
            "note-scores-by-standing",
            model=spec.title,
            low=standing.mean - standing.spread,
            high=standing.mean + standing.spread,
        )
    )
    return _ModelReward(model, standing, course.wish.check), told


def _updates_told(plan: StepPlan[Any]) -> Iterator[Note]:
    settings = plan.settings
    yield Note(
        "note-updates",
        steps=plan.steps,
        batch=settings.batch,
        group=settings.group,
        passes=settings.passes,
        rate=settings.learning_rate,
    )
    yield from plan.told_decided()
