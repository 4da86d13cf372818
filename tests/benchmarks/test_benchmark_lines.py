"""Every benchmark line runs and keeps what does not depend on time; nothing here looks at how fast it was.

Run: python -m pytest tests/benchmarks
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import cli, cold_start, peers
from benchmarks.cli import main
from benchmarks.gpu import cli as gpu_cli
from benchmarks.gpu import step_graphs
from benchmarks.gpu.bench import PROCESSOR, Bench, Finding
from benchmarks.gpu.cli import CHECKS
from benchmarks.gpu.compiled_step import PlainStep
from benchmarks.gpu.generating import ORDER, prompts
from benchmarks.gpu.other_decoders import peers as peers_on_a_card
from benchmarks.korean import QUESTIONS, RARE
from benchmarks.lines import LINES, Line, picked
from benchmarks.networks import korean_tokenizer, random_network
from benchmarks.rounds import Effort, Measured, Target, on_one_thread

ROOT = Path(__file__).parents[2]
QUICK = Effort(rounds=1, tokens=8, answers=2_000, pages=20, questions=20)
FRESH_PROCESSES = {"cold-start", "page-one", "page-three", "page-bytes", "page-growth", "page-long"}
FRESH_PROCESSES |= {"first-paint", "first-answer"}
WHOLE_TRAININGS = {"grpo-step"}
"""Some 20 seconds of TRL's trainer and ours, which tests of their own train."""


@pytest.mark.parametrize(
    "line",
    [line for line in LINES if line.name not in FRESH_PROCESSES | WHOLE_TRAININGS],
    ids=lambda line: line.name,
)
def test_a_line_gives_a_figure_and_breaks_no_promise(line: Line) -> None:
    """Tokens identical eight of eight, no U+FFFD, no answer cut short."""
    measured = on_one_thread(lambda: line.measure(QUICK))
    assert measured.broken == ()
    assert measured.values and all(math.isfinite(value) and value > 0 for value in measured.values)


def test_the_command_line_is_seen_to_write_its_first_text() -> None:
    assert 0 < cold_start.seconds_to_first_text() < 120


def test_no_character_waits_longer_than_its_target() -> None:
    line = next(line for line in LINES if line.name == "first-text")
    assert line.measure(Effort()).verdict(line.target) == "holds"


def test_the_command_writes_what_it_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    assert main(["--only", "first-text", "--rounds", "1", "--json", str(file)]) == 0
    written = json.loads(file.read_text(encoding="utf-8"))
    assert [line["name"] for line in written["lines"]] == ["first-text"]
    assert written["lines"][0]["verdict"] in capsys.readouterr().out
    assert [line.name for line in picked(["page-one", "search"])] == [
        *("search-quality", "search-routing", "search-citations", "search-extracts"),
        *("search-latency", "search-index", "page-one"),
    ]
    assert main(["--only", "first-txet"]) == 2
    assert "first-text" in capsys.readouterr().err


def test_a_run_that_is_interrupted_has_said_and_written_what_it_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(effort: Effort) -> Measured:
        raise KeyboardInterrupt

    first = next(line for line in LINES if line.name == "first-text")
    monkeypatch.setattr(cli, "picked", lambda names: (first, replace(first, measure=interrupt)))
    file = tmp_path / "figures.json"
    with pytest.raises(KeyboardInterrupt):
        main(["--rounds", "1", "--json", str(file)])
    (written,) = json.loads(file.read_text(encoding="utf-8"))["lines"]
    assert f"{written['median']:.2f}" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [file]


def test_a_quick_run_does_little_and_gives_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Effort] = []

    def far_off(effort: Effort) -> Measured:
        asked.append(effort)
        return Measured((1e9,), broken)

    line = Line("far-off", "a target that is missed", Target(1.0, False), far_off)
    monkeypatch.setattr(cli, "picked", lambda names: (line,))
    broken: tuple[str, ...] = ()
    assert main(["--quick"]) == 0 and main([]) == 1
    broken = ("a promise that does not depend on time",)
    assert main(["--quick"]) == 1
    assert asked[0].rounds == 1 and asked[0].answers < asked[1].answers


def test_peers_lose_nothing_of_a_text_that_is_whole() -> None:
    ids = korean_tokenizer().encode(QUESTIONS[0], add_special_tokens=False)
    assert {name: "".join(stream(ids)) for name, stream in peers.PEERS.items() if "alone" not in name} == {
        "transformers TextStreamer": QUESTIONS[0],
        "FastChat pattern": QUESTIONS[0],
    }


def test_rare_text_has_characters_of_several_tokens() -> None:
    """Otherwise it could not break anything."""
    assert any("\ufffd" in piece for piece in peers.each_alone(korean_tokenizer().encode(RARE)))


@pytest.mark.slow
def test_the_checks_of_a_card_run_in_small() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/gpu_check", "--cpu"], cwd=ROOT, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for check in CHECKS:
        assert f"{check}: held" in done.stdout
    told_at_once, told = (done.stdout.index(line) for line in ("... fused (", "step-by-step: held"))
    assert told_at_once < told


def test_the_step_that_is_compiled_beside_ours_says_what_generate_says() -> None:
    network = random_network(replace(PROCESSOR.neox, dtype=torch.float32))
    ids = prompts(rows=3, length=24)
    with torch.no_grad():
        plain = PlainStep(network, 3, 24 + 32)
        said = plain.answer(ids, 32, plain, lambda index: None)
    made = network.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=32, do_sample=False)
    assert torch.equal(said, made[:, 24:])


@pytest.mark.parametrize("part", [step_graphs.steps, step_graphs.streams])
def test_whole_networks_are_stepped_as_decide_does_on_a_card(part: Callable[..., None]) -> None:
    found: dict[str, Any] = {}
    part(False, found, lambda: None, copy_gb_s=None)
    assert found and "broke" not in json.dumps(found)
    for told in found.values():
        assert told.get("rows", [1, 1, 1]) == [1, 1, 1]
        assert told.get("fused: distance", 0.0) < 0.02


def test_peers_that_are_not_ready_in_time_are_told_and_ours_is_kept(tmp_path: Path) -> None:
    found = peers_on_a_card(Bench(replace(PROCESSOR, peer_seconds=0), tmp_path))
    assert any(fact.what.startswith("ours by") and fact.value > 0 for fact in found.facts)
    assert sum("not within the 0 s" in note for note in found.notes) == len(ORDER)
    assert found.wrong == (f"No figure of {ORDER[0]}.",)


def test_a_check_of_a_card_that_is_cut_off_leaves_what_was_found_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(bench: Bench) -> Finding:
        raise KeyboardInterrupt

    monkeypatch.setattr(gpu_cli, "CHECKS", {"first": lambda bench: Finding(()), "second": cut_off})
    with pytest.raises(KeyboardInterrupt):
        gpu_cli.main(["--cpu", "--without-tests", "--out", str(tmp_path)])
    (page,) = tmp_path.glob("*.md")
    assert "## first: held" in page.read_text(encoding="utf-8")
