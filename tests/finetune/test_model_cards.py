"""Holds the heads of model cards to what huggingface_hub reads in them, for every license that we know.

Run: python -m pytest tests/finetune/test_model_cards.py
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from finetune.model_cards import card_head
from model_registry.registry import load_registry
from model_registry.spec import CommercialUse, License, ModelSpec
from tests.engines.tiny_models import tiny_spec

SPECS = [spec for spec in load_registry().models.values() if spec.adapter is None]
LICENSES = {spec.license.name: spec for spec in SPECS}
OF_THE_HUB = {"apache-2.0", "mit", "cc-by-nc-4.0", "gemma", "llama3", "llama3.1", "llama3.2", "other"}
SLUG = re.compile(r"[a-z0-9][a-z0-9.+-]*")


def read(base: ModelSpec, license: License | None = None, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {"is_adapter": True, **changes}
    head = card_head(base, license or base.license, ("lora", "narani"), **values)
    held: dict[str, Any] = ModelCard(head + "# 반말").data.to_dict()
    return held


@pytest.mark.parametrize("name", LICENSES)
def test_every_license_of_the_registry_is_one_that_the_hub_knows(name: str) -> None:
    held = read(LICENSES[name])

    assert held["license"] in {*OF_THE_HUB, "unknown"}
    assert held["license"] == name or held["license"] in ("unknown", "other")
    if held["license"] == "other":
        assert SLUG.fullmatch(held["license_name"]) and held["license_link"].startswith("https://")
    assert held["base_model"] == LICENSES[name].local.source
    assert held["pipeline_tag"] == "text-generation" and held["library_name"] == "peft"
    assert set(held["tags"]) == {"lora", "narani"} and held["base_model_relation"] == "adapter"


@pytest.mark.parametrize(
    "name", ["a: b # c", '"', "- x\n- y", "'{}[]", "1.0", "null", "no", "ℵ 라이선스", "~"]
)
def test_a_license_may_be_called_anything(name: str, tmp_path: Path) -> None:
    spec = tiny_spec(tmp_path, "gpt_neox")
    license = License(name=name, commercial=CommercialUse.UNCLEAR, address='https://a.b/"#: c')

    held = read(spec, license, is_adapter=False)

    assert held["license"] == "other" and SLUG.fullmatch(held["license_name"])
    assert held["license_link"] == 'https://a.b/"#: c'
    # A folder of this machine is nothing that the hub could show.
    assert "base_model" not in held and str(tmp_path) not in str(held)


def test_the_license_of_the_data_binds_too() -> None:
    apache = LICENSES["apache-2.0"]
    data = [("ko_alpaca_data.json", "CC BY-NC 4.0"), ("mine.jsonl", "not known")]

    held = read(apache, data=[*data, ("nlpai-lab/kullm-v2", "apache-2.0")])

    assert (held["license"], held["license_name"]) == ("other", "apache-2.0-and-cc-by-nc-4.0")
    assert held["datasets"] == ["nlpai-lab/kullm-v2"]
    assert read(apache, data=data[1:])["license"] == "apache-2.0"
