"""A reward model gives the score that PEFT and transformers read out of its files, however rows are padded.

Run: python -m pytest tests/finetune/preference/test_reward_network.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from engines.loading.score_head import SCORE
from finetune.base import UnwatchedLoad
from finetune.preference.reward_network import set_scoring
from finetune.reward_settings import RewardSettings
from finetune.run_folder import RunFolder
from finetune.targets import lora_targets
from finetune.training.checkpoint_files import whole_weights
from finetune.training.learner import Learner, load_base
from finetune.training.saving import save_result
from tests.engines.tiny_models import Kind, make_tiny_model, tiny_spec

ROWS = [[5, 6, 7, 8, 9, 10, 11, 2], [12, 13, 14, 2], [15, 16, 2]]
KINDS: list[Kind] = ["gpt_neox", "llama", "rwkv"]


@pytest.fixture(scope="module", params=KINDS)
def learned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Learner:
    """A tiny reward model whose every layer was moved, as learning does."""
    folder = make_tiny_model(tmp_path_factory.mktemp("base"), request.param)
    spec = tiny_spec(folder, request.param, loading={"dtype": "float32"})
    settings = RewardSettings(base_model="tiny")
    loaded, compute = load_base(spec, settings, torch.device("cpu"), UnwatchedLoad())
    targets = lora_targets(loaded.model, spec.local.architecture)
    learner = set_scoring(loaded, compute, settings, targets)
    drawn = torch.Generator().manual_seed(3)
    for value in learner.network.parameters():
        if value.requires_grad:
            value.data += 0.2 * torch.randn(value.shape, generator=drawn)
    learner.network.eval()
    return learner


@pytest.fixture(scope="module")
def saved(learned: Learner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = RunFolder(tmp_path_factory.mktemp("run"))
    return save_result(learned, whole_weights(learned.network), run, "# A reward model\n")


def scores(network: Any, rows: list[list[int]], width: int = 0, *, left: bool = False, pad: int = 0) -> Any:
    width = max(width, *map(len, rows))
    lines, masks = [], []
    for row in rows:
        padding, nothing = [pad] * (width - len(row)), [0] * (width - len(row))
        lines.append([*padding, *row] if left else [*row, *padding])
        masks.append([*nothing, *[1] * len(row)] if left else [*[1] * len(row), *nothing])
    with torch.no_grad():
        found = network(input_ids=torch.tensor(lines), attention_mask=torch.tensor(masks))
    return found.logits[:, 0]


def test_its_files_are_those_of_a_classifier_and_hold_what_was_learned(learned: Learner, saved: Path) -> None:
    config = json.loads((saved / "adapter_config.json").read_text(encoding="utf-8"))
    assert (config["task_type"], config["modules_to_save"]) == ("SEQ_CLS", ["score"])
    tensors = load_file(saved / "adapter_model.safetensors")
    hidden = learned.loaded.model.config.hidden_size
    assert tensors[SCORE].shape == (1, hidden) and tensors[SCORE].dtype == torch.float32
    assert {key.rpartition(".")[0].rpartition(".")[2] for key in tensors} == {"lora_A", "lora_B", "score"}


def test_peft_and_transformers_read_the_same_scores(learned: Learner, saved: Path) -> None:
    source = learned.loaded.spec.local.source
    if learned.recurrent:
        # There is no such class, so the head is read by hand over PEFT's own network; without rescaling,
        # which transformers does to the weights under LoRA layers and not to these.
        causal = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, rescale_every=0)
        states = PeftModel.from_pretrained(causal, str(saved)).eval().get_base_model().rwkv
        head = load_file(saved / "adapter_model.safetensors")[SCORE]
        with torch.no_grad():
            theirs = [float(states(torch.tensor([row])).last_hidden_state[0, -1] @ head[0]) for row in ROWS]
    else:
        classifier = AutoModelForSequenceClassification.from_pretrained(
            source, num_labels=1, pad_token_id=0, dtype=torch.float32
        )
        network = PeftModel.from_pretrained(classifier, str(saved)).eval()
        theirs = scores(network, ROWS).tolist()
    assert scores(learned.network, ROWS).tolist() == pytest.approx(theirs, abs=2e-6)
    assert len({round(score, 3) for score in theirs}) == len(ROWS)


def test_padding_changes_no_score(learned: Learner) -> None:
    alone = torch.cat([scores(learned.network, [row]) for row in ROWS])
    for width in (8, 13):
        for left in (False,) if learned.recurrent else (False, True):
            # Whatever it is filled with, the end token too.
            for pad in (0, 2):
                padded = scores(learned.network, ROWS, width, left=left, pad=pad)
                assert torch.allclose(padded, alone, atol=2e-6, rtol=0)


def test_it_sees_whether_an_answer_ended(learned: Learner) -> None:
    ended = scores(learned.network, ROWS, pad=2)
    cut = scores(learned.network, [row[:-1] for row in ROWS], pad=2)
    assert (ended - cut).abs().min() > 1e-3


def test_the_base_underneath_is_one_copy_and_learns_nothing(learned: Learner) -> None:
    learning = {name for name, value in learned.network.named_parameters() if value.requires_grad}
    assert learning and all(".lora_" in name or ".score." in name for name in learning)
    head = [name for name in learning if ".score." in name]
    assert head == ["base_model.model.score.modules_to_save.default.weight"]
