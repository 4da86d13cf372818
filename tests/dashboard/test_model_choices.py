"""What is said of a model before it is picked. Run: python -m pytest tests/dashboard/test_model_choices.py"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from dashboard.shared.model_choices import (
    NARROWED_BY,
    Availability,
    ListFilter,
    distinct_titles,
    found_of,
    model_choices,
)
from dashboard.texts import read_texts
from engines.memory import LiveLoad, LoadPlan, PoolView, ResidentView
from model_registry.registry import load_registry

REGISTRY = load_registry()
KO = read_texts("ko")
RESIDENT = ResidentView("demo-kullm", "none", (), 2_000_000, 0, 0, 1.0, 0.1)
POOL = PoolView("cpu", 10_000_000, 2_000_000, 2_000_000, 10**9, (RESIDENT,), 0, ())


@dataclass
class Memory:
    """A memory that stands still."""

    pool: PoolView | None

    def view(self) -> PoolView | None:
        return self.pool

    def on_disk(self, model_id: str) -> bool:
        return model_id.startswith("demo-")

    def plan(self, model_id: str, quantization: str) -> LoadPlan | None:
        return None

    def load(self, model_id: str, quantization: str) -> LiveLoad:
        raise NotImplementedError

    def loads_by_hand(self) -> tuple[LiveLoad, ...]:
        return ()

    def release(self, model_id: str, quantization: str) -> bool:
        return False

    def keep_loaded(self, model_id: str, quantization: str, keep: bool) -> bool:
        return False


@pytest.mark.parametrize(
    ("pool", "model", "where", "fits"),
    [
        (None, "demo-kullm", Availability.ON_DISK, None),
        (POOL, "demo-kullm", Availability.LOADED, True),
        (replace(POOL, residents=(replace(RESIDENT, leases=1),)), "demo-kullm", Availability.IN_USE, True),
        (replace(POOL, residents=(), parked=(RESIDENT,)), "demo-kullm", Availability.PARKED, True),
        (replace(POOL, parked=(RESIDENT,)), "demo-kullm", Availability.LOADED, True),
        (replace(POOL, parked=(RESIDENT,)), "demo-kullm-banmal", Availability.ON_DISK, True),
        (POOL, "demo-koalpaca", Availability.ON_DISK, True),
        (POOL, "demo-kullm-banmal", Availability.ON_DISK, True),
        (POOL, "kullm-polyglot-5.8b-v2", Availability.TO_FETCH, False),
    ],
)
def test_where_a_model_is_and_whether_it_fits(
    pool: PoolView | None, model: str, where: Availability, fits: bool | None
) -> None:
    choice = model_choices(REGISTRY, Memory(pool), {})[model]
    assert (choice.where, choice.fits) == (where, fits)


def test_a_reward_model_is_not_among_those_to_ask() -> None:
    spec = REGISTRY.get("demo-kullm-banmal").model_copy(update={"id": "judge", "task": "reward"})
    registry = replace(REGISTRY, models={**REGISTRY.models, spec.id: spec})
    assert list(model_choices(registry, Memory(None), {})) == list(REGISTRY.models)
    assert list(registry.reward_models) == ["judge"]


def test_an_adapter_is_loaded_only_once_it_is_attached() -> None:
    attached = replace(RESIDENT, adapters=("demo-kullm-banmal",))
    base_of_adapter = REGISTRY.base_of(REGISTRY.get("demo-kullm-banmal"))
    pool = replace(POOL, residents=(replace(attached, model_id=base_of_adapter.id),))
    assert model_choices(REGISTRY, Memory(pool), {})["demo-kullm-banmal"].where is Availability.LOADED


def test_a_quantization_changes_the_bytes_and_one_not_offered_is_passed_over() -> None:
    model = "kullm-polyglot-5.8b-v2"
    plain = model_choices(REGISTRY, Memory(None), {})[model]
    small = model_choices(REGISTRY, Memory(None), {model: "nf4"})[model]
    assert small.bytes < plain.bytes / 2 and small.quantization == "nf4"
    assert model_choices(REGISTRY, Memory(None), {model: "int3"})[model] == plain


def test_an_id_is_told_where_two_models_have_one_title_and_nowhere_else() -> None:
    models = dict(REGISTRY.models)
    title, other = models["demo-kullm"].title, models["demo-chat"].title
    models["mine"] = models["demo-chat"].model_copy(update={"id": "mine", "title": title})
    told = distinct_titles(models)
    assert (told["demo-kullm"], told["mine"]) == (f"{title} · demo-kullm", f"{title} · mine")
    assert told["demo-chat"] == other and len({*told.values()}) == len(models)
    assert model_choices(REGISTRY, Memory(None), {})["demo-kullm"].title == title


def test_a_search_finds_every_word_in_any_fact() -> None:
    choices = model_choices(REGISTRY, Memory(None), {})
    everything = found_of(choices, ListFilter(), KO)
    assert len(everything) == len(REGISTRY.models)
    assert everything[0].spec.demo, "what needs no download comes first"
    found = [choice.spec.id for choice in found_of(choices, ListFilter("KULLM 5.8b"), KO)]
    assert found and all("kullm" in model and "5.8b" in model for model in found)
    licensed = found_of(choices, ListFilter("apache polyglot"), KO)
    assert licensed and all("apache" in choice.spec.license.name.casefold() for choice in licensed)
    assert found_of(choices, ListFilter("그런모델없음"), KO) == []
    assert {each.spec.family for each in found_of(choices, ListFilter("커뮤니티"), KO)} == {
        "korean-community"
    }


@pytest.mark.parametrize("only", NARROWED_BY)
def test_a_list_is_narrowed_by_memory_disk_and_license(only: str) -> None:
    choices = model_choices(REGISTRY, Memory(None), {})
    one, *others = choices.values()
    spec = one.spec.model_copy(update={"license": one.spec.license.model_copy(update={"commercial": "no"})})
    choices = {
        one.spec.id: replace(one, spec=spec, fits=False, where=Availability.TO_FETCH),
        **{other.spec.id: other for other in others},
    }
    kept = found_of(choices, ListFilter(only=frozenset({only})), KO)
    assert kept and one.spec.id not in [choice.spec.id for choice in kept]
