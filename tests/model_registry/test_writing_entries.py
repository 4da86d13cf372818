"""Own entries written by a form: judged as if saved, changed where they stand, read back the same.

Run: python -m pytest tests/model_registry/test_writing_entries.py
"""

from __future__ import annotations

import tomllib
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from errors import BadRequest
from model_registry.drafting import judge_text, write_entry
from model_registry.entry_values import table_of, values_of
from model_registry.registry import load_registry
from model_registry.writing import entry_toml, with_entry
from tests.model_registry.drafts import GOOD, changed, drafted, put
from tests.model_registry.own_entries import AROUND, adapter, entry, write_template

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(
    [
        "한글",
        unicodedata.normalize("NFD", "한글"),
        'a"b',
        "back\\slash",
        "'''",
        '"""',
        "line\nline\r\n",
        "\0\x7f\x85",
    ]
)
BARE = TEXTS.filter(lambda text: text == text.strip() and text != "")


def test_a_good_draft_is_read_back_as_it_was_shown(tmp_path: Path) -> None:
    made = drafted(tmp_path)
    assert not (tmp_path / "mine.toml").exists()

    path = write_entry(made)

    registry = load_registry(tmp_path)
    assert registry.faults == () and path == tmp_path / "mine.toml"
    spec = registry.get("mine")
    assert spec == made.spec
    assert (spec.local.parameters, spec.local.context_length, spec.local.eos_token_ids) == (
        5_800_000_000,
        2048,
        (0, 2),
    )
    assert spec.stop_strings == ("\n### 질문", "끝")
    assert "parameters = 5_800_000_000" in made.toml and 'license = {name = "mit"' in made.toml
    assert [one.name for one in tmp_path.iterdir()] == ["mine.toml"]


BAD_VALUES = [
    ({"id": ""}, "id", "missing"),
    ({"id": "../x"}, "id", "pattern_id"),
    ({"id": "내 모델"}, "id", "pattern_id"),
    ({"id": "kullm3"}, "id", "taken"),
    ({"title": "  "}, "title", "missing"),
    ({"source": "gpt2"}, "source", "source"),
    ({"parameters": "viele"}, "parameters", "int_type"),
    ({"parameters": "1.5"}, "parameters", "int_type"),
    ({"parameters": "0"}, "parameters", "greater_than"),
    ({"parameters": "9" * 5000}, "parameters", "int_type"),
    ({"architecture": None}, "architecture", "missing"),
    ({"license.commercial": "maybe"}, "license.commercial", "choice"),
    ({"prompt_format": "kulm"}, "prompt_format", "format_unknown"),
    ({"prompt_format": "gone.json"}, "prompt_format", "format_file"),
    ({"eos_token_ids": "2; 3"}, "eos_token_ids", "int_type"),
    ({"eos_token_ids": "-1"}, "eos_token_ids", "int_type"),
    ({"generation.temperature": "nan"}, "generation.temperature", "less_than_equal"),
    ({"generation.top_p": "2"}, "generation.top_p", "less_than_equal"),
    ({"loading.quantizations": []}, "loading.default_quantization", "contradiction_default_quantization"),
    ({"loading.trust_remote_code": True}, "loading.trust_remote_code", "contradiction_trust_remote_code"),
    ({"adapter.base": "nothing-here"}, "adapter.base", "base"),
    ({"adapter.base": "mine"}, "adapter.base", "base"),
    ({"adapter.subfolder": "../x", "adapter.base": "kullm3"}, "adapter.subfolder", "pattern_subfolder"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "key", "kind"), BAD_VALUES)
def test_a_bad_value_is_said_of_its_field_and_nothing_is_saved(
    tmp_path: Path, values: dict[str, object], key: str, kind: str
) -> None:
    made = drafted(tmp_path, **values)

    fault = made.fault_at(key)
    assert fault is not None and fault.kind == kind and fault.problem
    assert not made.can_be_saved
    with pytest.raises(BadRequest):
        write_entry(made)
    assert list(tmp_path.iterdir()) == []


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    wrong = {"title": "", "parameters": "x", "id": "kullm3", "source": "gpt2", "prompt_format": "kulm"}

    made = drafted(tmp_path, **wrong, adapter__base="nobody")

    assert {fault.key for fault in made.faults} == {*wrong, "adapter.base"}


def test_remote_code_with_a_pinned_commit_may_be_saved(tmp_path: Path) -> None:
    assert drafted(tmp_path, loading__trust_remote_code=True, revision=COMMIT).can_be_saved


@given(
    texts=st.fixed_dictionaries({key: BARE for key in ("title", "family", "notes", "license.note")}),
    stops=st.lists(TEXTS.filter(bool), max_size=3),
    numbers=st.lists(st.integers(0, 2**31 - 1), max_size=4),
    parameters=st.integers(1, 10**14),
    temperature=st.floats(0, 5),
)
@example(
    texts=dict.fromkeys(("title", "family", "notes", "license.note"), "-"),
    stops=["a\\nb", "\\\n"],
    numbers=[],
    parameters=1,
    temperature=0.7,
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_entry_reads_back_the_same(
    tmp_path: Path,
    texts: dict[str, str],
    stops: list[str],
    numbers: list[int],
    parameters: int,
    temperature: float,
) -> None:
    table: dict[str, Any] = table_of({**GOOD, **texts}, {})
    table.update(stop_strings=stops, eos_token_ids=numbers, parameters=parameters)
    table["generation"] = {"temperature": temperature}
    text = entry_toml(table)

    assert tomllib.loads(text)["model"] == [table]
    assert table_of(values_of(table), {}) == {key: value for key, value in table.items() if value != []}
    assert with_entry(text, 0, {**table, "title": "다른"}) == entry_toml({**table, "title": "다른"})


@pytest.mark.parametrize("spec", load_registry().models.values(), ids=lambda spec: spec.id)
def test_every_shipped_entry_survives_the_form(spec: Any) -> None:
    table = spec.entry()
    assert table_of(values_of(table), table) == table


def test_a_changed_entry_keeps_comments_and_the_other_entries_to_the_byte(tmp_path: Path) -> None:
    file = put(tmp_path, "two.toml", AROUND + entry(id='"second"'))

    made = changed(tmp_path, file, title="새 제목")
    write_entry(made)

    after = (tmp_path / "two.toml").read_text(encoding="utf-8")
    assert after == file.text.replace('title = "T"', 'title = "새 제목"')  # type: ignore[union-attr]
    assert load_registry(tmp_path).get("first").references[0].where == "card"


def test_a_faulty_entry_is_opened_and_mended(tmp_path: Path) -> None:
    file = put(tmp_path, "bad.toml", entry(parameters='"many"', license='"mit"', architecture='"lama"'))
    assert {fault.key for fault in file.entries[0].faults} == {"parameters", "license", "architecture"}
    assert not changed(tmp_path, file).can_be_saved

    mended = {
        "parameters": "1000",
        "architecture": "llama",
        "license__name": "mit",
        "license__commercial": "no",
    }
    write_entry(changed(tmp_path, file, **mended))

    assert load_registry(tmp_path).faults == ()
    assert load_registry(tmp_path).get("mine").local.parameters == 1000


def test_a_change_that_takes_a_base_away_says_what_breaks(tmp_path: Path) -> None:
    file = put(tmp_path, "a.toml", entry() + adapter("over", "mine"))

    made = changed(tmp_path, file, id="other")

    assert [fault.entry for fault in made.broken] == ["over"] and not made.can_be_saved


def test_an_id_of_a_file_that_is_read_later_is_taken_too(tmp_path: Path) -> None:
    put(tmp_path, "zzz.toml", entry())

    fault = drafted(tmp_path).fault_at("id")

    assert fault is not None and fault.kind == "taken" and fault.facts["file"] == "zzz.toml"


def test_text_is_judged_as_its_file_would_be(tmp_path: Path) -> None:
    write_template(tmp_path / "own.json")
    path = tmp_path / "a.toml"
    assert judge_text(entry(prompt_format='"own.json"'), path, tmp_path) == ()
    assert [fault.kind for fault in judge_text("[[model", path, tmp_path)] == ["not_toml"]
    assert [fault.key for fault in judge_text(entry(without="title"), path, tmp_path)] == ["title"]
