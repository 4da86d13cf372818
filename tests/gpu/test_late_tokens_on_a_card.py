"""Tokens chosen on a card are the processor's, and come late without a change to any answer.

Run: python -m pytest -m gpu tests/gpu/test_late_tokens_on_a_card.py
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from engines.base import GenerationSettings
from engines.launched_steps import LaunchedSteps
from engines.sampling import SeededNumbers, TokenSampler
from engines.steps.sampling_tables import SamplingTables
from tests.engines.running_engine import RunningEngine, answer_of, make_models, open_engine

DEVICE = "cuda:0"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
WAYS: list[dict[str, Any]] = [
    {},
    {"repetition_penalty": 1.3},
    {"temperature": 0.9, "top_p": 0.9, "seed": 1},
    {"temperature": 1.3, "top_k": 40, "repetition_penalty": 1.1, "seed": 2},
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    with open_engine(make_models(tmp_path_factory.mktemp("models"), {"llama": "llama"}), DEVICE) as opened:
        yield opened


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_card_chooses_the_tokens_that_the_processor_chooses(dtype: torch.dtype) -> None:
    chosen = []
    for device in ("cpu", DEVICE):
        tables, generator = SamplingTables(torch.device(device)), torch.Generator().manual_seed(0)
        rows = [
            TokenSampler(GenerationSettings(**how), SeededNumbers(0, "m", str(n)), [3, 5])
            for n, how in enumerate(WAYS)
        ]
        for _ in range(300):
            logits = torch.randn(len(rows), 30080, generator=generator).mul(3).to(dtype)
            tokens = tables.choose(logits.to(device), rows)
            chosen.append(tokens)
            for row, token in zip(rows, tokens, strict=True):
                row.took(token)
    assert chosen[:300] == chosen[300:]


def test_answers_whose_tokens_come_late_are_those_that_were_waited_for(
    running: RunningEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [(f"질문 {n}", {**how, "max_new_tokens": 40 + n}) for n, how in enumerate(WAYS)]
    late = [running.answer("llama", question, **how) for question, how in asked]
    with monkeypatch.context() as patched:
        patched.setattr(LaunchedSteps, "may_launch", lambda *_: False)
        waited = [running.answer("llama", question, **how) for question, how in asked]
    together = [
        answer_of(live) for live in [running.ask("llama", question, **how) for question, how in asked]
    ]
    texts = [[answer.text for answer in answers] for answers in (late, waited, together)]
    assert texts[0] == texts[1] == texts[2]
