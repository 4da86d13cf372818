"""What learns, and how exactly: types, gradients through quantized weights, states that come back, measuring.

Run: python -m pytest tests/finetune/training/test_learners.py
"""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engines.loading import load_model
from errors import BadRequest
from finetune.run_folder import RunFolder
from finetune.sft_settings import SftSettings
from finetune.stopping import StopWish
from finetune.tokens.blocks import Block
from finetune.training.batches import training_batches
from finetune.training.checkpoint_files import (
    Parts,
    learning_weights,
    optimizer_parts,
    random_parts,
    restore_optimizer,
    restore_random,
)
from finetune.training.learner import Learner, lacking, load_base, set_learning
from finetune.training.measuring import Answered, forgetting_rows, forgetting_sentences, predicted, resting
from finetune.training.sft import train
from model_registry.registry import load_registry
from prompts.catalog import load_formats
from tests.engines.tiny_models import make_tiny_model, tiny_spec
from tests.finetune.training.training_house import ADAPTER, add_base, small_settings, write_rows

pytestmark = pytest.mark.usefixtures("few_questions")

CPU = torch.device("cpu")


def learner_of(
    method: str, folder: Path, kind: Any = "gpt_neox", targets: Any = ("query_key_value",)
) -> Learner:
    settings = small_settings(Path("x"), method=method)
    loaded, compute = load_base(tiny_spec(folder, kind), settings, CPU, StopWish())
    return set_learning(loaded, compute, settings, targets)


@pytest.fixture(scope="module")
def wide_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wide enough for nf4 on a processor."""
    return make_tiny_model(tmp_path_factory.mktemp("wide") / "wide", hidden=64)


@pytest.mark.parametrize(
    ("method", "quantized"), [("lora", False), ("qlora", True), ("int8-lora", True), ("full", False)]
)
def test_what_learns_is_float32_and_nothing_else_learns(
    method: str, quantized: bool, wide_folder: Path
) -> None:
    learner = learner_of(method, wide_folder)

    names = [name for name, _ in learning_weights(learner.network)]
    assert all(value.dtype == torch.float32 for _, value in learning_weights(learner.network))
    assert all("lora_" in name for name in names) or method == "full"
    assert bool(getattr(learner.loaded.model, "is_quantized", False)) is quantized


@pytest.mark.parametrize("method", ["qlora", "int8-lora"])
def test_quantized_weights_pass_gradients_on_also_after_measuring(method: str, wide_folder: Path) -> None:
    learner = learner_of(method, wide_folder)
    ids = torch.tensor([[5, 6, 7]])
    with resting(learner.network), torch.no_grad():
        learner.network(ids, use_cache=False)
    layer = learner.loaded.model.get_submodule("gpt_neox.layers.0.mlp.dense_h_to_4h")

    given = torch.randn(1, 3, 64, requires_grad=True)
    layer(given).sum().backward()

    assert given.grad is not None and bool(given.grad.abs().sum() > 0)


def test_asking_still_packs_nf4_weights_as_it_did(wide_folder: Path) -> None:
    """What training changes about bitsandbytes lasts for its own load alone."""
    from bitsandbytes.nn import modules

    before = modules.has_avx512bf16
    learner_of("qlora", wide_folder)

    assert modules.has_avx512bf16 is before
    load_model(tiny_spec(wide_folder), "nf4", CPU, StopWish())


@pytest.mark.parametrize("kind", ["adamw", "adafactor", "sgd"])
def test_an_optimizer_comes_back_to_the_bit(kind: str) -> None:
    def made() -> tuple[torch.nn.Linear, Any]:
        from transformers.optimization import Adafactor

        torch.manual_seed(1)
        layer = torch.nn.Linear(6, 4)
        groups: list[dict[str, Any]] = [
            {"params": [layer.weight], "weight_decay": 0.1},
            {"params": [layer.bias]},
        ]
        if kind == "adamw":
            return layer, torch.optim.AdamW(groups, lr=0.1, betas=(0.8, 0.9))
        if kind == "adafactor":
            return layer, Adafactor(groups, lr=0.1, scale_parameter=False, relative_step=False)
        return layer, torch.optim.SGD(groups, lr=0.1, momentum=0.9)

    def step(layer: torch.nn.Linear, optimizer: Any) -> None:
        layer(torch.ones(2, 6)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()

    layer, optimizer = made()
    step(layer, optimizer)
    parts = optimizer_parts(optimizer)
    kept = Parts(parts.tensors, json.loads(json.dumps(parts.values)))
    other, restored = made()
    other.load_state_dict(layer.state_dict())
    restore_optimizer(restored, kept)
    for _ in range(2):
        step(layer, optimizer)
        step(other, restored)

    assert torch.equal(layer.weight, other.weight) and torch.equal(layer.bias, other.bias)


def test_an_optimizer_of_other_weights_is_refused() -> None:
    weights = [torch.nn.Parameter(torch.ones(2)) for _ in range(3)]
    parts = optimizer_parts(torch.optim.SGD(weights, lr=0.1))

    with pytest.raises(BadRequest, match="other weights"):
        restore_optimizer(torch.optim.SGD(weights[:2], lr=0.1), parts)


def test_chance_comes_back() -> None:
    random.gauss(0, 1)
    np.random.standard_normal()
    parts = random_parts()
    first = (torch.rand(3).tolist(), random.gauss(0, 1), float(np.random.standard_normal()))
    restore_random(Parts(parts.tensors, json.loads(json.dumps(parts.values))))

    assert first == (torch.rand(3).tolist(), random.gauss(0, 1), float(np.random.standard_normal()))


def test_packed_rows_are_measured_as_if_each_stood_alone(wide_folder: Path) -> None:
    learner = learner_of("lora", wide_folder)
    rows = forgetting_rows(learner.loaded.tokenizer)
    assert len(rows) == len(forgetting_sentences()) == 20

    alone = predicted(learner.network, [Block((row,)) for row in rows], CPU, StopWish())
    packed = predicted(learner.network, [Block(tuple(rows[:9])), Block(tuple(rows[9:]))], CPU, StopWish())

    assert alone.tokens == packed.tokens == sum(len(row.ids) - 1 for row in rows)
    assert alone.loss == pytest.approx(packed.loss, abs=1e-5)
    assert alone.perplexity == pytest.approx(math.exp(alone.loss))
    logits = learner.network(torch.tensor([rows[0].ids]), use_cache=False).logits[0, :-1]
    own = torch.nn.functional.cross_entropy(logits.detach(), torch.tensor(rows[0].ids[1:]))
    assert predicted(learner.network, [Block((rows[0],))], CPU, StopWish()).loss == pytest.approx(
        float(own), abs=1e-5
    )


@pytest.mark.parametrize(
    ("answer", "exact", "near"),
    [
        ("서울이에요.", True, True),
        (" 서울이에요.\n", True, True),
        ("서울이예요.", False, True),
        ("부산", False, False),
    ],
)
def test_exact_and_near(answer: str, exact: bool, near: bool) -> None:
    answered = Answered("x", "수도는?", "서울이에요.", answer)

    assert (answered.exact, answered.near) == (exact, near)


def test_a_step_is_never_more_than_an_epoch(wide_folder: Path) -> None:
    rows = forgetting_rows(learner_of("lora", wide_folder).loaded.tokenizer)
    settings = small_settings(Path("x"), batch=64, micro_batch=8, max_tokens=512)

    batches = training_batches(rows, settings, "plain", pad_id=0)

    assert (len(batches.blocks), batches.rows_a_step, batches.steps_an_epoch) == (20, 20, 1)


def test_tokens_that_a_format_needs_are_added_for_full_tuning_only(data: Path, tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "exaone-less")
    home = tmp_path / "home"
    add_base(home, folder, "gpt_neox", prompt_format="plain")
    format = next(
        format for format in load_formats() if "[|" in "".join(part.text for part in format.question)
    )
    settings = small_settings(data, base_model="tiny", format=format.id, max_tokens=200)
    with pytest.raises(BadRequest, match="Choose method full"):
        train(settings, home, device="cpu")

    run = RunFolder(train(replace(settings, method="full"), home, device="cpu"))

    rows = load_file(run.model / "model.safetensors")["gpt_neox.embed_in.weight"].shape[0]
    config = json.loads((run.model / "config.json").read_text(encoding="utf-8"))
    assert rows == config["vocab_size"] > 512
    spec = load_registry(home / "models").models["small"]
    loaded = load_model(spec, "none", CPU, StopWish())
    assert lacking(format, loaded.tokenizer) == []
    assert "were added" in " ".join((run.read("report.json") or {})["notes"])


@pytest.fixture(scope="module")
def learned_plainly(
    tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path
) -> tuple[SftSettings, Path, Path]:
    """Settings, home and run of a training that saves no memory.

    Rows differ in length, so a batch in parts is only right when each token counts the same.
    """
    home = tmp_path_factory.mktemp("plainly") / "home"
    add_base(home, tiny_folder, "gpt_neox", prompt_format="koalpaca")
    rows = write_rows(home.parent / "rows.jsonl")
    lines = rows.read_text(encoding="utf-8").splitlines()
    longer = [line.replace('."}', ", " * number + '."}') for number, line in enumerate(lines)]
    rows.write_text("\n".join(longer), encoding="utf-8")
    settings = small_settings(rows, base_model="tiny", epochs=2.0, lora_dropout=0.0, max_grad_norm=0.0)
    return settings, home, train(settings, home, device="cpu")


@pytest.mark.parametrize(
    "changes", [{"gradient_checkpointing": True}, {"micro_batch": 1}, {"micro_batch": 8}], ids=str
)
def test_what_saves_memory_changes_nothing_that_is_learned(
    learned_plainly: tuple[SftSettings, Path, Path], changes: dict[str, Any], tmp_path: Path
) -> None:
    settings, home, plain = learned_plainly
    again = train(replace(settings, name=tmp_path.name, **changes), home, device="cpu")

    one, other = (load_file(path / ADAPTER) for path in (plain, again))
    assert all(torch.allclose(one[name], other[name], atol=1e-6) for name in one)
    losses = [[metric.loss for metric in RunFolder(path).metrics()] for path in (plain, again)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
