"""What people have from before the keys were spelled in American still counts.

Run: python -m pytest tests/test_old_files.py
"""

from __future__ import annotations

import csv
import shutil
from functools import partial
from pathlib import Path

import pytest

from comparison.export.exported_questions import is_ours
from comparison.terminal.cli import main
from finetune.data.rows import BadRow
from finetune.data.shapes import shape_of
from finetune.jobs import jobs, report
from model_registry.cli import main as registry_main
from model_registry.drafting import draft, write_entry
from model_registry.entry_values import values_of
from model_registry.registry import load_registry
from tests.comparison.answers_read import read_answers
from tests.comparison.scripted_command import scripted_wiring
from tests.engines.scripted_engine import Script
from tests.model_registry.drafts import put
from tests.model_registry.own_entries import AROUND, GOOD, entry

OLD = Path(__file__).parent / "old_files"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("models", "runs"):
        shutil.copytree(OLD / name, tmp_path / name)
    monkeypatch.setenv("NARANI_HOME", str(tmp_path))
    return tmp_path


def test_entries_under_old_keys_count_and_check_names_each_key(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = load_registry(home / "models")
    mine = registry.get("mine")
    assert registry.faults == ()
    assert (mine.license.name, mine.local.loading.quantizations) == ("mit", ("none", "nf4"))
    assert mine.local.loading.default_quantization == "nf4"
    assert registry.base_of(registry.get("learned")).id == "demo-koalpaca"

    assert registry_main(["check"]) == 0
    named = capsys.readouterr().out
    assert "mine.toml, entry 'mine', key 'licence': is called 'license' now and counts as that." in named
    assert "key 'loading.default_quantisation': is called 'loading.default_quantization' now" in named
    assert named.count("entry 'mine'") == 3 and named.count("entry 'learned'") == 1


MIT = "name = 'mit', commercial = 'yes'"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"licence = {{ {MIT} }}  # licence of the card", f"license = {{ {MIT} }}  # licence of the card"),
        (
            "[model.licence]  # read\nname = 'mit'\ncommercial = 'yes'",
            "[model.license]  # read\nname = 'mit'\ncommercial = 'yes'",
        ),
        (
            "licence.name = 'mit'\nlicence.commercial = 'yes'",
            "license.name = 'mit'\nlicense.commercial = 'yes'",
        ),
        (
            f"license = {{ {MIT} }}\nloading = {{ quantisations = ['nf4'], default_quantisation = 'nf4' }}",
            f"license = {{ {MIT} }}\nloading = {{ quantizations = ['nf4'], default_quantization = 'nf4' }}",
        ),
    ],
)
def test_saving_writes_new_keys_where_the_old_stood_and_keeps_the_rest(
    before: str, after: str, tmp_path: Path
) -> None:
    good = "".join(f"{key} = {value}\n" for key, value in GOOD.items() if key != "license")
    note = "notes = 'the licence says quantisations'  # licence\nunsure = ['licence']\n"
    third = entry(without="license", id='"third"', extra=f"licence = {{ {MIT} }}")
    text = f"{AROUND}[[model]]\n{good}{note}{before}\n\n{third}"
    file = put(tmp_path, "own.toml", text)

    second = file.entries[1]
    assert second.notes and not second.faults
    write_entry(draft(values_of(second.table), tmp_path, load_registry(tmp_path), second, file.text))

    wanted = text.replace(before, after).replace("['licence']", '["license"]')
    assert (tmp_path / "own.toml").read_text("utf-8") == wanted


def test_an_old_key_beside_the_new_one_is_a_fault(tmp_path: Path) -> None:
    put(tmp_path, "own.toml", entry(extra='licence = { name = "mit", commercial = "yes" }'))
    (fault,) = load_registry(tmp_path).faults
    assert fault.key == "licence" and "did you mean license" in fault.message


def test_a_batch_goes_on_in_its_answer_file(home: Path) -> None:
    out, questions = home / "answers.csv", home / "questions.txt"
    shutil.copy(OLD / "answers.csv", out)
    questions.write_text((OLD / "questions.txt").read_text("utf-8") + "다솜 마을?\n", "utf-8")
    options = ["--quantization", "none", "--max-new-tokens", "4"]
    wiring = partial(scripted_wiring, {"demo-koalpaca": Script()})
    command = ["batch", str(questions), "--models", "demo-koalpaca", "--out", str(out)]

    assert main([*command, *options], wiring) == 0

    assert [(row.question, row.quantization) for row in read_answers(out)] == [
        ("가람 마을?", "none"),
        ("나래 마을?", "none"),
        ("다솜 마을?", "none"),
    ]
    assert out.read_bytes().startswith((OLD / "answers.csv").read_bytes())
    assert main([*command, "--quantization", "int8"], wiring) == 2


def test_an_answer_file_is_known_as_ours_and_not_learned_from() -> None:
    with (OLD / "answers.csv").open(encoding="utf-8-sig", newline="") as file:
        names = next(csv.reader(file))
    assert "quantisation" in names and is_ours(names)
    with pytest.raises(BadRow, match="an export of answers"):
        shape_of(names)


def test_trainings_are_listed_with_their_reports(home: Path) -> None:
    assert {(job.name, str(job.state)) for job in jobs(home)} == {("learned", "done"), ("stopped", "stopped")}
    assert (report(home, "learned") or {})["steps"] == 4
