"""A second kind of training, as short as one can be: TRL's DPO on pairs, on the course of any training.

Knows: its settings, its data, and the few calls that make a training of ours out of a trainer of TRL's.
Refuses to know: how a run begins, stops, goes on and ends.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from finetune.base import base_for
from finetune.kinds import TrainingKind
from finetune.run_settings import RunSettings
from finetune.steps import Volume, plan_steps
from finetune.targets import lora_targets
from finetune.training.arguments import trainer_arguments
from finetune.training.course import Course, TrainedModel, run_course
from finetune.training.learner import load_base, set_learning
from finetune.training.pace import Pace
from finetune.training.resumable_trainer import ResumableTrainer
from model_registry.registry import load_registry


@dataclass(frozen=True, kw_only=True)
class PreferenceSettings(RunSettings):
    kind: ClassVar[str] = "preference"


PREFERENCE = TrainingKind(PreferenceSettings, f"{__name__}:train")


class PreferenceTrainer(ResumableTrainer, DPOTrainer):
    pass


def train(settings: PreferenceSettings, home: Path, **listeners: Any) -> Path:
    return run_course(settings, home, _learn, **listeners)


def _learn(course: Course[PreferenceSettings]) -> None:
    course.begin()
    begin = course.find_checkpoint()
    pairs = [json.loads(line) for line in Path(course.settings.data[0]).read_text("utf-8").splitlines()]
    base = base_for(course.settings.base_model, load_registry(course.home / "models"))
    loaded, compute = load_base(base.spec, course.settings, course.device, course.wish)
    plan = plan_steps(Volume(len(pairs), len(pairs), 1), course.settings, packed=False)
    course.settings = plan.settings
    targets = lora_targets(loaded.model, base.spec.local.architecture, course.settings.lora_targets)
    learner = set_learning(loaded, compute, course.settings, targets)
    course.add_to_manifest({"plan": plan.facts()})

    def trainer() -> ResumableTrainer:
        arguments = trainer_arguments(DPOConfig, plan.settings, course.run.path, course.device, compute)
        made = PreferenceTrainer(
            course=course,
            model=learner.network,
            args=arguments,
            train_dataset=Dataset.from_list(pairs),
            processing_class=loaded.tokenizer,
        )
        made.add_callback(Pace(course, math.ceil(plan.blocks / plan.batch)))
        return made

    steps = course.learn(trainer, begin)
    course.finish(
        TrainedModel(
            learner=learner,
            base=base,
            ends=loaded.eos_token_ids,
            data=("pairs.jsonl",),
            card="# Learned from pairs\n",
            report={"steps": steps},
            report_text=f"# {steps} steps\n",
        )
    )
