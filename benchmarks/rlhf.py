"""What chat tuning teaches a toy: every method by its own recipe, held against what it must reach.

    python -m benchmarks rlhf [--json FILE]

The demo model answers politely, and each method is to bring it to familiar speech in about a minute: by
pairs, by a rule, or by a reward model that learned of the pairs. All are asked the same held-out questions:
whether the answers are familiar, whether they are word for word those of the data, and how far away the model
moved. Unlike the lines of the speed table these figures are no ratios, and a run takes some ten minutes.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.rounds import Target
from finetune.base import UnwatchedLoad, base_for, learned_end
from finetune.data import hold_out, read_pairs
from finetune.examples import PreferencePair
from finetune.kinds import KINDS, train
from finetune.preference.rows import pair_rows
from finetune.recipes import load_recipe
from finetune.rl.log_probs import all_figures
from finetune.rl.rollout import Rollout, Sampler
from finetune.run_folder import RunFolder
from finetune.run_settings import RunSettings
from finetune.training.adapters import read_adapter, speaking_with
from finetune.training.learner import load_base, set_learning
from finetune.training.measuring import resting
from judging.measures.speech_level import FAMILIAR, speech_levels
from model_registry.registry import load_registry
from whole_files import write_whole

NAMED = "rlhf"
_BASE, _MOST, _AT_ONCE = "demo-koalpaca", 64, 32
_SAMPLED = 4
"""Answers to each question by which the KL is estimated."""


@dataclass(frozen=True)
class Method:
    name: str
    recipe: str
    targets: Mapping[str, Target]
    changes: Mapping[str, Any] | None = None


_BY_REWARD = {
    "familiar": Target(0.5, True),
    "exact": Target(0.25, True),
    "ended": Target(1.0, True),
    "kl": Target(12.0, False),
}
_LEARNED_REWARD = {"rewards": ("model=reward",)}
METHODS = (
    Method("ppo", "demo-ppo", _BY_REWARD),
    Method("grpo", "demo-grpo", _BY_REWARD),
    Method("rloo", "demo-rloo", {"familiar": Target(0.5, True), "kl": Target(12.0, False)}),
    Method("dpo", "demo-dpo", {"familiar": Target(0.6, True), "exact": Target(0.5, True)}),
    Method("kto", "demo-kto", {**_BY_REWARD, "exact": Target(0.5, True)}),
    Method("reward", "demo-reward", {"accuracy": Target(0.9, True)}),
    Method("ppo by reward", "demo-ppo", {"familiar": Target(0.5, True)}, _LEARNED_REWARD),
)
"""In this order: the last one is driven by the reward model before it."""
_FIGURES = ("familiar", "exact", "ended", "kl", "accuracy", "seconds")


@dataclass(frozen=True)
class Learned:
    """What came of a method, or what the base does."""

    method: str
    figures: Mapping[str, float]
    missed: tuple[str, ...] = ()


def measure_methods(console: Console, file: Path | None) -> int:
    """The code of the command: 1 where a method misses what it must reach."""
    torch.set_num_threads(1)
    found: list[Learned] = []
    with tempfile.TemporaryDirectory(prefix="narani-rlhf-") as folder:
        home = Path(folder)
        found.append(Learned("base", judged(home, None)))
        for method in METHODS:
            console.print(f"{method.name}: {load_recipe(method.recipe).title}", highlight=False)
            found.append(_learned(method, home))
            said = (f"{name} {value:.2f}" for name, value in found[-1].figures.items())
            console.print(f"  {', '.join(said)}", highlight=False)
            if file is not None:
                write_whole(file, json.dumps([asdict(one) for one in found], indent=2) + "\n")
    console.print(_table(found))
    for one in found:
        for sentence in one.missed:
            console.print(f"{one.method} misses {sentence}", highlight=False)
    return int(any(one.missed for one in found))


def _learned(method: Method, home: Path) -> Learned:
    began = time.monotonic()
    run = RunFolder(train(_settings(method), home, device="cpu"))
    seconds = time.monotonic() - began
    report = run.read("report.json") or {}
    if report.get("kind") == "reward":
        figures = {"accuracy": float(report["held_out"]["accuracy"])}
    else:
        figures = judged(home, str(report["model_id"]))
    missed = tuple(
        f"{name} {target}: {figures[name]:.2f}"
        for name, target in method.targets.items()
        if not target.holds(figures[name])
    )
    return Learned(method.name, {**figures, "seconds": seconds}, missed)


def _settings(method: Method) -> RunSettings:
    recipe = load_recipe(method.recipe)
    settings = {**recipe.settings, **(method.changes or {}), "name": method.name.replace(" ", "-")}
    return KINDS[recipe.kind].settings(**settings)


def judged(home: Path, model: str | None) -> dict[str, float]:
    """How a tuned model answers the held-out questions, each greedily; None: the base alone."""
    recipe = load_recipe("demo-dpo").with_defaults()
    pairs = read_pairs(recipe.data).rows
    _, held_out = hold_out(pairs, 0.2, recipe.seed)
    base = base_for(model or _BASE, load_registry(home / "models"), tuned=True)
    watch = UnwatchedLoad()
    loaded, compute = load_base(base.spec, recipe, torch.device("cpu"), watch)
    end = learned_end(base, loaded.tokenizer)
    rows = pair_rows(held_out, base.format, loaded.tokenizer, end, max_tokens=256).rows
    prompts = [row.prompt for row in rows]
    if base.tuned is None:
        sampler = Sampler(loaded.model, loaded.eos_token_ids, max_new_tokens=_MOST)
        return _told(sampler.greedy(prompts), held_out, loaded.tokenizer) | {"kl": 0.0}
    network = set_learning(loaded, compute, recipe, (), read_adapter(base.tuned, watch)).network
    sampler = Sampler(network, loaded.eos_token_ids, max_new_tokens=_MOST)
    found = _told(sampler.greedy(prompts), held_out, loaded.tokenizer)
    sampled = sampler.sample(prompts, _SAMPLED, torch.Generator().manual_seed(0))
    return found | {"kl": _kl(network, sampled)}


def _told(answers: Sequence[Rollout], pairs: Sequence[PreferencePair], tokenizer: Any) -> dict[str, float]:
    texts = [tokenizer.decode(answer.answer_ids, skip_special_tokens=True).strip() for answer in answers]
    familiar = [speech_levels(text).share(FAMILIAR) or 0.0 for text in texts]
    exact = [text == pair.chosen.strip() for text, pair in zip(texts, pairs, strict=True)]
    return {
        "familiar": sum(familiar) / len(texts),
        "exact": sum(exact) / len(texts),
        "ended": sum(answer.ended for answer in answers) / len(texts),
    }


def _kl(network: Any, sampled: Sequence[Rollout]) -> float:
    """Of an answer to that of the base, in nats."""
    with resting(network):
        now = all_figures(network, sampled, 1.0, _AT_ONCE).log_probs
        with speaking_with(network, None):
            before = all_figures(network, sampled, 1.0, _AT_ONCE).log_probs
    return float((now - before).sum(1).mean())


def _table(found: Sequence[Learned]) -> Table:
    shown = Table("method", *_FIGURES, "verdict")
    for one in found:
        cells = [f"{one.figures[name]:.2f}" if name in one.figures else "" for name in _FIGURES]
        shown.add_row(one.method, *cells, "misses" if one.missed else "holds")
    return shown
