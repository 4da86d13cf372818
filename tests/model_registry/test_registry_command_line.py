"""python -m model_registry, as a person runs it: output, JSON keys, exit codes.

Run: python -m pytest tests/model_registry/test_registry_command_line.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.model_registry.own_entries import entry

ROOT = Path(__file__).parents[2]
KEYS = {
    "id", "source", "revision", "architecture", "parameters", "context_length", "license", "commercial",
    "prompt_format", "eos_token_ids", "quantizations",
}  # fmt: skip
MORE_KEYS = {"title", "family", "demo", "adapter_base", "bytes_needed", "service", "task"}


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NARANI_HOME": str(home), "PYTHONWARNINGS": "error"}
    return subprocess.run(
        [sys.executable, "-m", "model_registry", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    text = entry(title='"[red]꾸밈[/red]"') + entry(id='"lame"', parameters="0", extra="promt_format = 1")
    (tmp_path / "models" / "my.toml").write_text(text, encoding="utf-8")
    return tmp_path


def test_list_shows_every_model_whole_and_the_faulty_ones_below(home: Path) -> None:
    result = run(home, "list")

    assert result.returncode == 0 and result.stderr == ""
    assert "\x1b" not in result.stdout
    for id in ("kullm-polyglot-12.8b-v2", "hyperclovax-seed-think-14b", "mine", "korani-5.8b"):
        assert f" {id} " in result.stdout
    assert "estimates" in result.stdout and "solar-user-assistant" in result.stdout
    table, below = result.stdout.split("Left out")
    assert "lame" not in table
    assert "my.toml, entry 'lame', key 'parameters': " in below and "key 'promt_format'" in below


def test_list_json_has_the_agreed_keys(home: Path) -> None:
    result = run(home, "list", "--json")

    models = {model["id"]: model for model in json.loads(result.stdout)}
    assert all(set(model) == KEYS | MORE_KEYS for model in models.values())
    assert models["kullm-polyglot-5.8b-v2"]["eos_token_ids"] == [2]
    assert models["ko-vicuna-7b"]["commercial"] == "no"
    assert models["korani-5.8b"]["adapter_base"] == "polyglot-ko-5.8b"
    assert models["mine"]["title"] == "[red]꾸밈[/red]"
    assert models["polyglot-ko-5.8b"]["bytes_needed"]["nf4"] == pytest.approx(3.40e9, rel=0.05)
    assert "entry 'lame'" in result.stderr and result.returncode == 0


def ids(result: subprocess.CompletedProcess[str]) -> set[str]:
    assert result.returncode == 0
    return {model["id"] for model in json.loads(result.stdout)}


def test_list_commercial_leaves_out_no_and_unclear(tmp_path: Path) -> None:
    found = ids(run(tmp_path, "list", "--json", "--commercial"))

    assert {"kullm-polyglot-5.8b-v2", "midm-2.0-mini"} <= found
    assert not found & {"ko-vicuna-7b", "koalpaca-polyglot-5.8b", "korani-5.8b", "exaone-4.0-1.2b"}


def test_list_fits_counts_the_base_of_an_adapter(tmp_path: Path) -> None:
    found = ids(run(tmp_path, "list", "--json", "--fits", "5GB"))

    assert {"polyglot-ko-5.8b", "korani-5.8b", "demo-korwkv"} <= found
    assert not found & {"polyglot-ko-12.8b", "gpt-oss-20b"}
    assert "korani-5.8b" not in ids(run(tmp_path, "list", "--json", "--fits", "1GB"))


def test_show_prints_a_model_and_what_is_unsure(tmp_path: Path) -> None:
    page = run(tmp_path, "show", "ko-vicuna-7b")
    in_json = run(tmp_path, "show", "ko-vicuna-7b", "--json")

    assert page.returncode == 0 and "vicuna-1.1 (unsure)" in page.stdout
    assert "eos_token_ids   2 (unsure)" in page.stdout and "llama2_korean.toml" in page.stdout
    assert set(json.loads(in_json.stdout)) == KEYS | MORE_KEYS


def test_show_of_a_faulty_entry_says_its_fault(home: Path) -> None:
    result = run(home, "show", "lame")

    assert result.returncode == 1 and "entry 'lame', key 'parameters'" in result.stderr


BAD_ARGUMENTS = [
    ((), "list | show | check"),
    (("lst",), "invalid choice"),
    (("list", "--fit", "24XB"), "is not a size"),
    (("list", "--fits", "many"), "is not a size"),
    (("list", "--color"), "--color"),
    (("show",), "ID"),
    (("show", "kulm3"), "Did you mean kullm3"),
    (("show", "../kullm3"), "There is no model"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD_ARGUMENTS)
def test_bad_arguments_are_one_line_and_exit_2(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    result = run(tmp_path, *arguments)

    assert (result.returncode, result.stdout) == (2, "")
    assert words in result.stderr and result.stderr.count("\n") == 1


def test_check_is_fine_with_what_ships(tmp_path: Path) -> None:
    result = run(tmp_path, "check")

    assert (result.returncode, result.stderr) == (0, "") and "Faults: 0." in result.stdout


def test_check_finds_faults_in_own_files_and_in_files_named(home: Path) -> None:
    good, bad = home / "good.toml", home / "bad.toml"
    good.write_text(entry(id='"other"'), encoding="utf-8")
    bad.write_text("[[model]\n", encoding="utf-8")

    everything, one_good, one_bad = (
        run(home, "check"),
        run(home, "check", str(good)),
        run(home, "check", str(bad)),
    )

    assert everything.returncode == 1 and "entry 'lame'" in everything.stdout
    assert one_good.returncode == 0 and "Good entries: 1. Faults: 0." in one_good.stdout
    assert one_bad.returncode == 1 and "bad.toml: is not valid TOML" in one_bad.stdout
    assert "lame" not in one_bad.stdout
    assert run(home, "check", str(home / "gone.toml")).returncode == 1


def test_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    environment = {**os.environ, "NARANI_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "model_registry", "list", "--json"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None and child.stderr is not None
        child.stdout.close()
        assert child.stderr.read() == b""


def test_words_are_utf_8_in_every_locale(home: Path) -> None:
    environment = {**os.environ, "NARANI_HOME": str(home), "PYTHONIOENCODING": "ascii"}
    result = subprocess.run(
        [sys.executable, "-m", "model_registry", "show", "mine"],
        cwd=ROOT, env=environment, capture_output=True, check=False,
    )  # fmt: skip

    assert result.returncode == 0 and "[red]꾸밈[/red]" in result.stdout.decode()


def test_reading_the_registry_brings_in_nothing_heavy() -> None:
    code = (
        "import sys, model_registry.cli\n"
        "model_registry.cli.load_registry()\n"
        "heavy = ('torch', 'transformers', 'streamlit', 'huggingface_hub')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert result.stdout.strip() == "[]"
