"""What a learning by rewards has before its first update: base, policy, questions, and what is rewarded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from errors import BadRequest
from finetune.base import Base, base_for, learned_end
from finetune.preference.reward_model import RewardModel, attach_reward_model, refuse_unproven
from finetune.rl.held_out import ASKED
from finetune.rl.questions import RlQuestion, questions_of
from finetune.rl.records import SampledAnswer
from finetune.rl.rewards import RewardPart, reward_parts
from finetune.rl.updates import Policy
from finetune.rl.value_head import ValueHead
from finetune.rl_settings import PpoSettings, RlSettings
from finetune.steps import StepPlan, plan_updates
from finetune.targets import lora_targets
from finetune.trainable import Trainable, count
from finetune.training.adapters import REFERENCE, read_adapter
from finetune.training.course import Course
from finetune.training.learner import Learner, add_tokens, load_base, set_learning
from finetune.training.preparing import DividedRows, base_name
from model_registry.registry import Registry, load_registry


@dataclass(frozen=True, eq=False)
class PreparedPolicy:
    base: Base
    rows: DividedRows[Any]
    learner: Learner
    policy: Policy
    learned: tuple[RlQuestion, ...]
    held_out: tuple[RlQuestion, ...]
    parts: tuple[RewardPart, ...]
    plan: StepPlan[Any]
    end: str
    """The end token."""
    targets: tuple[str, ...]
    trainable: Trainable
    notes: tuple[str, ...]
    """Decisions made for the person, one plain sentence each."""

    @property
    def ends(self) -> frozenset[int]:
        end = self.learner.loaded.tokenizer.backend_tokenizer.token_to_id(self.end)
        return self.learner.loaded.eos_token_ids | {end}

    def facts(self) -> dict[str, Any]:
        """What the manifest tells."""
        return {
            "base": {
                "id": self.base.spec.id,
                "name": base_name(self.base),
                "tuned": self.base.tuned.id if self.base.tuned else None,
                "revision": self.learner.loaded.revision,
                "format": self.base.format.id,
                "end": self.end,
            },
            "device": self.learner.loaded.device.type,
            "precision": str(self.learner.compute).removeprefix("torch."),
            **self.rows.files(),
            "rows": self.counts,
            "plan": self.plan.facts(),
            "trainable": asdict(self.trainable),
            "targets": list(self.targets),
            "notes": list(self.notes),
        }

    @property
    def counts(self) -> dict[str, int]:
        return {"learned": len(self.learned), "held_out": len(self.held_out)}


def prepare(course: Course[Any], rows: DividedRows[Any]) -> PreparedPolicy:
    settings, wish, registry = course.settings, course.wish, load_registry(course.home / "models")
    base = base_for(settings.base_model, registry, settings.format, tuned=True)
    loaded, compute = load_base(base.spec, settings, course.device, wish)
    added = add_tokens(loaded.model, loaded.tokenizer, base.format, settings.method, base.spec.title)
    end = learned_end(base, loaded.tokenizer)
    asked = _FittingQuestions.of(rows, base, loaded.tokenizer, settings)
    tuned = read_adapter(base.tuned, wish) if base.tuned else None
    targets = lora_targets(loaded.model, base.spec.local.architecture, settings.lora_targets)
    learner = set_learning(loaded, compute, settings, targets, tuned)
    if tuned is not None:
        targets = tuple(sorted(learner.network.peft_config["default"].target_modules))
    trainable, told_of_reward = count(learner.network), list[str]()

    def model_part(run: str) -> RewardPart:
        part, notes = _reward_model(run, base, registry, learner.network, course)
        told_of_reward.extend(notes)
        return part

    parts = reward_parts(settings.rewards, model_part)
    plan = plan_updates(len(asked.learned), settings)
    own = (*_told(base, learner), *asked.notes, *_updates_told(plan))
    return PreparedPolicy(
        base=base,
        rows=rows,
        learner=learner,
        policy=_policy(learner, settings, REFERENCE if tuned else None),
        learned=asked.learned,
        held_out=asked.held_out,
        parts=parts,
        plan=plan,
        end=end,
        targets=targets,
        trainable=trainable,
        notes=(*base.notes, *rows.notes, *loaded.notes, *added, *told_of_reward, *own),
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
        said = f"{left_out} questions have prompts of more than {room} tokens and are left out."
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
    check: Callable[[], None]
    name: str = "model"
    weight: float = 1.0

    def scores(self, answers: Sequence[SampledAnswer]) -> list[float]:
        rows = [[*answer.prompt_ids, *answer.answer_ids] for answer in answers]
        return self.model.scores(rows, self.check)


def _reward_model(
    run: str, base: Base, registry: Registry, network: Any, course: Course[Any]
) -> tuple[RewardPart, tuple[str, ...]]:
    """And what is to be told of it."""
    spec, micro_batch = registry.get(run), course.settings.micro_batch
    notes = refuse_unproven(spec)
    model = attach_reward_model(network, spec, base, registry, course.wish, micro_batch)
    return _ModelReward(model, course.wish.check), notes


def _told(base: Base, learner: Learner) -> Iterator[str]:
    if base.tuned is not None:
        rank = learner.network.peft_config["default"].r
        yield (
            f"{base.title} goes on learning and is what it is held against; its LoRA layers keep their rank "
            f"({rank}) and their places."
        )


def _updates_told(plan: StepPlan[Any]) -> Iterator[str]:
    settings = plan.settings
    yield (
        f"{plan.steps} updates of {settings.batch} answers, {settings.group} to a question, learned "
        f"{settings.passes} times each; learning rate {settings.learning_rate:g}."
    )
    if plan.decided:
        options = ", ".join("--" + name.replace("_", "-") for name in plan.decided)
        yield f"Decided for this data, for nobody said otherwise: {options}."
