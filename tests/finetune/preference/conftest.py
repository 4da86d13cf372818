"""A tiny base and small data of preferences, for the tunings that learn from them.

Its answers are random text, so tests look at what is computed and kept; demo models show what is learned.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from finetune.preference import preparing
from finetune.preference_settings import DpoSettings
from tests.engines.tiny_models import make_tiny_model
from tests.finetune.training.training_house import NAMES, add_base


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the entry 'tiny', and pairs.jsonl beside it: 16 pairs to learn, 8 held out."""
    home = tmp_path_factory.mktemp("preferences") / "home"
    add_base(home, make_tiny_model(home.parent / "tiny"), "gpt_neox", prompt_format="koalpaca")
    rows = [{"prompt": f"{one} 마을?", "chosen": f"{two}.", "rejected": "몰라."} for one, two in NAMES]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (home.parent / "pairs.jsonl").write_text(text, encoding="utf-8")
    return home


@pytest.fixture(scope="package", autouse=True)
def _few_questions() -> Iterator[None]:
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(preparing, "ASKED", 2)
        yield


@pytest.fixture
def settings(house: Path) -> DpoSettings:
    """Six steps over two epochs, of which the third and the sixth learn from fewer pairs."""
    changes: dict[str, Any] = {"epochs": 2.0, "batch": 6, "micro_batch": 3, "warmup": 0.0}
    data = (str(house.parent / "pairs.jsonl"),)
    return DpoSettings(base_model="tiny", data=data, max_tokens=64, learning_rate=3e-3, **changes)
