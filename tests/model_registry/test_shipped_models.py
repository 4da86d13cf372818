"""Every shipped entry is good, and what is known of the historic models stays as it was read.

Run: python -m pytest tests/model_registry/test_shipped_models.py
"""

from __future__ import annotations

import re

import pytest

from model_registry.names import family_title
from model_registry.registry import FAMILIES, load_registry
from model_registry.spec import CommercialUse, ModelSpec

REGISTRY = load_registry()
MODELS = list(REGISTRY.models.values())
DEMO = {"demo-koalpaca", "demo-kullm", "demo-chat", "demo-korwkv", "demo-kullm-banmal"}


def test_nothing_that_ships_is_faulty() -> None:
    assert [fault.message for fault in REGISTRY.faults] == []


# id, source, class, parameters, context, eos, commercial, format
HISTORIC = """
polyglot-ko-1.3b        EleutherAI/polyglot-ko-1.3b       gpt_neox 1331810304  2048  2 yes plain
polyglot-ko-3.8b        EleutherAI/polyglot-ko-3.8b       gpt_neox 3809974272  2048  2 yes plain
polyglot-ko-5.8b        EleutherAI/polyglot-ko-5.8b       gpt_neox 5885059072  2048  2 yes plain
polyglot-ko-12.8b       EleutherAI/polyglot-ko-12.8b      gpt_neox 12893603840 2048  2 yes plain
koalpaca-polyglot-5.8b  beomi/KoAlpaca-Polyglot-5.8B      gpt_neox 5885059072  2048  2 unclear koalpaca
koalpaca-polyglot-12.8b beomi/KoAlpaca-Polyglot-12.8B     gpt_neox 12892815360 2048  2 unclear koalpaca
koalpaca-korwkv-6b      beomi/KoAlpaca-KoRWKV-6B          rwkv     6530000000  2048  0 unclear koalpaca
koalpaca-korwkv-1.5b    beomi/KoAlpaca-KoRWKV-1.5B        rwkv     1520000000  16384 0 unclear alpaca-ko
llama-2-ko-7b           beomi/llama-2-ko-7b               llama    6855856128  2048  2 unclear plain
llama-2-ko-7b-chat      kfkas/Llama-2-ko-7b-Chat          llama    6855856128 2048  2 unclear kullm-no-newline
kullm-polyglot-5.8b-v2  nlpai-lab/kullm-polyglot-5.8b-v2  gpt_neox 5885059072  2048  2 yes kullm
kullm-polyglot-12.8b-v2 nlpai-lab/kullm-polyglot-12.8b-v2 gpt_neox 12893603840 2048  2 yes kullm
korani-5.8b             ChaeMs/KoRani-5.8b                gpt_neox 3670016     2048  2 unclear korani
ko-vicuna-7b            junelee/ko_vicuna_7b              llama    6738415616  2048  2 no vicuna-1.1
"""


@pytest.mark.parametrize("line", HISTORIC.strip().splitlines(), ids=lambda line: line.split()[0])
def test_historic_model_is_as_it_was_read(line: str) -> None:
    id, source, architecture, parameters, context, eos, commercial, format = line.split()
    spec = REGISTRY.get(id)

    assert (spec.local.source, spec.local.architecture.value, spec.local.parameters) == (
        source,
        architecture,
        int(parameters),
    )
    assert (spec.local.context_length, spec.local.eos_token_ids) == (int(context), (int(eos),))
    assert (spec.prompt_format, spec.license.commercial.value) == (format, commercial)


BASES = {
    "polyglot-ko-1.3b", "polyglot-ko-3.8b", "polyglot-ko-5.8b", "polyglot-ko-12.8b", "llama-2-ko-7b",
    "llama-3-open-ko-8b",
}  # fmt: skip


def test_base_models_are_called_so_and_only_go_on_with_text() -> None:
    assert {spec.id for spec in MODELS if spec.base_model} == BASES
    assert {spec.id for spec in MODELS if spec.prompt_format == "plain"} == BASES


STORED_AS_PICKLE = [
    ("kullm-polyglot-5.8b-v2", "float16"),
    ("koalpaca-korwkv-1.5b", "bfloat16"),
    ("ko-vicuna-7b", "float16"),
    ("llama-2-ko-7b-chat", "float16"),
]


@pytest.mark.parametrize(("id", "dtype"), STORED_AS_PICKLE)
def test_fp32_pickles_are_allowed_and_halved(id: str, dtype: str) -> None:
    loading = REGISTRY.get(id).local.loading

    assert loading.allow_pickle and loading.dtype == dtype


def test_quirks_of_single_models() -> None:
    assert REGISTRY.get("llama-2-ko-7b").local.tokenizer.use_fast
    assert not any(spec.local.tokenizer.return_token_type_ids for spec in MODELS)
    korani = REGISTRY.get("korani-5.8b")
    assert REGISTRY.base_of(korani).id == "polyglot-ko-5.8b"
    assert korani.local.tokenizer.source == REGISTRY.base_of(korani).local.source
    assert REGISTRY.get("exaone-4.0-1.2b").thinking == "switch"
    assert REGISTRY.get("exaone-4.0-1.2b").local.loading.lowest_transformers == "4.54.0"
    assert REGISTRY.get("hyperclovax-seed-think-14b").local.loading.lowest_transformers == "5.9.0"
    assert REGISTRY.get("koalpaca-polyglot-5.8b").generation.top_p == 0.9
    assert REGISTRY.get("solar-10.7b-instruct").license.commercial is CommercialUse.NO


@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.id)
def test_shipped_entry_says_where_its_facts_come_from(spec: ModelSpec) -> None:
    assert REGISTRY.format_of(spec).id == spec.prompt_format
    assert not spec.local.loading.trust_remote_code, "nobody has read the code of any of them"
    if spec.demo:
        return
    assert spec.references
    doubtful = " ".join(reference.what for reference in spec.references if not reference.sure)
    if not spec.local.eos_token_ids:
        assert "eos_token_ids" in spec.unsure and "eos" in doubtful
    if doubtful:
        assert spec.unsure, "a doubtful reference must name the field it makes doubtful"


def test_models_that_would_run_code_say_so() -> None:
    unknown_to_transformers = [s for s in MODELS if s.local.architecture.value in ("exaone", "solar")]

    assert unknown_to_transformers
    assert all("runs code from its repository" in spec.notes for spec in unknown_to_transformers)


def test_there_are_enough_current_korean_models_and_controls() -> None:
    controls = {"qwen3", "gemma", "llama3", "gpt-oss"}
    historic = {line.split()[0] for line in HISTORIC.strip().splitlines()}
    families = [spec.family for spec in MODELS if spec.id not in historic and not spec.demo]

    assert controls <= set(families)
    assert len([family for family in families if family not in controls]) >= 18


def test_demo_models_are_called_toys() -> None:
    demos = [spec for spec in MODELS if spec.demo]

    assert {spec.id for spec in demos} == DEMO
    for spec in demos:
        assert "toy" in spec.title and "by heart" in spec.notes and spec.license.name == "apache-2.0"
        assert spec.local.source == str(FAMILIES.parent / "demo" / spec.id)
        assert (spec.generation.temperature, spec.local.loading.dtype) == (0.0, "float32")
    assert REGISTRY.base_of(REGISTRY.get("demo-kullm-banmal")).id == "demo-kullm"


def test_every_family_that_ships_is_shown_as_its_makers_write_it() -> None:
    """gpt-oss is written small by its makers too; a family of a person's own stays as they wrote it."""
    bare = {spec.family for spec in MODELS if family_title(spec.family) == spec.family}
    assert bare == {"gpt-oss"}
    assert (family_title("kullm"), family_title("own")) == ("KULLM", "own")


def test_one_family_a_file() -> None:
    for path in FAMILIES.glob("*.toml"):
        families = {spec.family for spec in MODELS if REGISTRY.origin(spec.id) == path.name}
        assert len(families) == 1 or path.name == "llama2_korean.toml", path.name


def test_files_hold_no_path_of_a_machine() -> None:
    for path in FAMILIES.glob("*.toml"):
        assert not re.search(r'"/|/(root|home|tmp)/', path.read_text(encoding="utf-8")), path.name
