"""Adapters are told apart by their whole ids, held against PEFT's own networks.

Run: python -m pytest tests/engines/loading/test_adapter_names.py
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engines.loading import AdapterSwitch, AttachedAdapter, LoadedModel, attach_adapter, load_model
from errors import Stopped
from tests.engines.load_watch import RecordingWatch
from tests.engines.tiny_models import make_tiny_adapter, make_tiny_model, tiny_spec

TARGETS = ["q_proj", "v_proj", "down_proj"]
ALIKE = ["2", "first", "first-2", "first.2", "first-2.5", "a.first", "adapter", "lora_a", "weight"]


@pytest.mark.parametrize("order", [1, -1], ids=["shortest first", "longest first"])
def test_adapters_whose_ids_begin_or_end_alike_are_told_apart(tmp_path: Path, order: int) -> None:
    """Each answers as PEFT's own network does, and one that is stopped at its end takes no other with it."""
    base = make_tiny_model(tmp_path / "base", "llama", hidden=64)
    adapters = {
        id: make_tiny_adapter(tmp_path / id, base, TARGETS[seed % 2 :], seed=seed)
        for seed, id in enumerate(ALIKE[::order])
    }
    exact = tiny_spec(base, "llama", id="base", loading={"dtype": "float32"})
    loaded = load_model(exact, "none", torch.device("cpu"), RecordingWatch())
    fresh = load_model(exact, "none", torch.device("cpu"), RecordingWatch())
    theirs = {id: peft_logits(loaded, base, folder) for id, folder in adapters.items()}
    attached: dict[str, AttachedAdapter] = {}
    switch = AdapterSwitch(loaded)
    for last, folder in adapters.items():
        spec, watch = tiny_spec(folder, id=last, adapter={"base": "base"}), RecordingWatch()
        attach_adapter(fresh, spec, watch)
        with pytest.raises(Stopped):
            attach_adapter(loaded, spec, RecordingWatch(stop_at=len(watch.reports)))
        assert all(answers_as(loaded, theirs, switch, each) == [id] for id, each in attached.items()), last
        attached[last] = attach_adapter(loaded, spec, RecordingWatch())
    for id, each in attached.items():
        assert answers_as(loaded, theirs, switch, each) == [id]


def answers_as(
    loaded: LoadedModel, theirs: dict[str, torch.Tensor], switch: AdapterSwitch, adapter: AttachedAdapter
) -> list[str]:
    switch.use(adapter.name)
    return [name for name in ALIKE if torch.allclose(logits(loaded), theirs[name], atol=1e-4)]


def logits(loaded: LoadedModel, network: torch.nn.Module | None = None) -> torch.Tensor:
    ids = loaded.tokenizer("서울은 대한민국의 수도이며, 한강이", return_tensors="pt").input_ids
    with torch.no_grad():
        said: torch.Tensor = (network or loaded.model)(ids).logits.float()
    return said


def peft_logits(loaded: LoadedModel, base: Path, adapter: Path) -> torch.Tensor:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    network = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    return logits(loaded, PeftModel.from_pretrained(network, adapter))
