"""grpo-step: an update of GRPO in a training of ours, over one of TRL's GRPOTrainer.

Both train the same LoRA layers of demo-koalpaca with 64 answers a step, in groups of 8 and two micro batches,
to the same questions, for the same reward and KL, and learn them once, at a rate so small that answers stay
as long as they are. The first step, and what either does once, are not counted.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from transformers import PrinterCallback, TrainerCallback

from benchmarks.rounds import Effort, Measured, paired
from benchmarks.training_loop import Ends
from finetune.base import UnwatchedLoad, base_for
from finetune.data import read_prompts
from finetune.examples import PromptOnly
from finetune.recipes import load_recipe
from finetune.rl.records import SampledAnswer
from finetune.rl.rewards import reward_parts
from finetune.rl.training import train
from finetune.rl_settings import GrpoSettings
from finetune.run_folder import TrainingStatus
from finetune.run_reports import Metric
from finetune.training.learner import load_base
from model_registry.registry import load_registry
from prompts.conversation import Conversation
from prompts.rendering import render

_NEVER = 10**6


def measure(effort: Effort) -> Measured:
    """Processor time of a step of ours, over one of TRL's."""
    settings, ours, theirs = _settings(max(1, effort.tokens // 64)), Ends(), Ends()
    with torch.inference_mode(False), torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = paired(
            lambda: _ours(settings, ours), lambda: _theirs(settings, theirs), min(3, effort.rounds)
        )
    return Measured(values, notes=(f"on the clock {ours.step:.2f} s a step against {theirs.step:.2f} s",))


def _settings(steps: int) -> GrpoSettings:
    """Of the demo, but that nothing is learned twice, measured or saved between, and that answers to one
    question differ: a group of equal ones teaches nothing and is left out."""
    settings = load_recipe("demo-grpo").with_defaults()
    assert isinstance(settings, GrpoSettings)
    return replace(
        settings,
        learning_rate=1e-6,
        passes=1,
        temperature=1.5,
        rewards=("length=10-20",),
        unended_reward=None,
        # The first warms up, and after the last one the held-out questions are asked.
        max_steps=steps + 2,
        checkpoint_steps=_NEVER,
        sample_steps=_NEVER,
    )


def _ours(settings: GrpoSettings, ends: Ends) -> float:
    def show(status: TrainingStatus, metric: Metric | None) -> None:
        if metric is not None:
            ends.mark()

    ends.clear()
    with tempfile.TemporaryDirectory() as home:
        train(settings, Path(home), show=show, device="cpu")
    ends.drop_last()
    return ends.seconds


def _theirs(settings: GrpoSettings, ends: Ends) -> float:
    from datasets import Dataset
    from trl import GRPOTrainer

    base = base_for(settings.base_model, load_registry(None))
    loaded, _ = load_base(base.spec, settings, torch.device("cpu"), UnwatchedLoad())
    tokenizer = loaded.tokenizer
    asked = [row.conversation for row in read_prompts(settings.data).rows]
    prompts = [render(base.format, conversation, tokenizer).text for conversation in asked]
    ends.clear()
    with tempfile.TemporaryDirectory() as folder:
        trainer = GRPOTrainer(
            model=loaded.model,
            reward_funcs=[_reward(settings)],
            args=_their_arguments(settings, folder),
            train_dataset=Dataset.from_dict({"prompt": prompts}),
            processing_class=tokenizer,
            peft_config=LoraConfig(
                r=settings.lora_r,
                lora_alpha=settings.lora_alpha,
                target_modules=[*settings.lora_targets],
                task_type="CAUSAL_LM",
            ),
            callbacks=[_Marking(ends)],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return ends.seconds


def _their_arguments(settings: GrpoSettings, folder: str) -> Any:
    from trl import GRPOConfig

    assert settings.max_steps is not None and settings.batch is not None
    return GRPOConfig(
        output_dir=folder,
        use_cpu=True,
        bf16=False,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        seed=settings.seed,
        max_steps=settings.max_steps - 1,
        learning_rate=settings.learning_rate,
        per_device_train_batch_size=settings.micro_batch,
        gradient_accumulation_steps=settings.batch // settings.micro_batch,
        num_generations=settings.group,
        max_completion_length=settings.max_new_tokens,
        temperature=settings.temperature,
        top_k=0,
        beta=settings.kl,
        gradient_checkpointing=settings.gradient_checkpointing,
    )


class _Marking(TrainerCallback):
    def __init__(self, ends: Ends) -> None:
        self._ends = ends

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        self._ends.mark()


def _reward(settings: GrpoSettings) -> Callable[..., list[float]]:
    """The same as ours, in TRL's shape."""
    (part,) = reward_parts(settings.rewards, lambda run: part)
    asked = PromptOnly(Conversation.ask("?"), "row")

    def rewarded(completions: Sequence[str], **rest: object) -> list[float]:
        return part.scores([SampledAnswer(asked, (), (), text, ended=True) for text in completions])

    return rewarded
