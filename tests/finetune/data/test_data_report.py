"""What is found out about data is counted right, and drawn so that a terminal shows what is learned.

Run: python -m pytest tests/finetune/data
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from errors import BadRequest, NaraniError, UnknownName
from finetune import cli_data
from finetune.cli_data import Data, run
from finetune.data import read_examples
from finetune.data.base_reading import BaseReading, base_reading
from finetune.data.drawing import print_report
from finetune.data.report import DataReport, inspect, report_on
from finetune.tokens.rows import token_rows
from model_registry.registry import Registry, load_registry
from prompts.catalog import load_formats
from tests.finetune.data.data_files import alpaca, lines, written

ROOT = Path(__file__).parents[3]
DEMO = str(ROOT / "model_registry" / "demo" / "questions.jsonl")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def demo(registry: Registry) -> DataReport:
    return inspect([DEMO], None, "demo-kullm", registry, max_tokens=70)


def drawn(report: DataReport, **options: object) -> str:
    stream = StringIO()
    print_report(report, Console(file=stream, width=120, highlight=False, **options))  # type: ignore[arg-type]
    return stream.getvalue()


def test_the_demo_set_is_known_and_counted(demo: DataReport) -> None:
    assert (demo.format_id, demo.base, demo.rows, demo.answers) == ("kullm", "demo-kullm", 268, 303)
    assert [(file.shape, file.bad) for file in demo.files] == [("turns", 0)]
    assert (demo.duplicates.rows, demo.empty_answers, demo.refused.rows) == (0, 0, 0)
    assert demo.markers == () and demo.end_tokens == ()


def test_lengths_are_those_of_the_tokens_that_are_learned(demo: DataReport, registry: Registry) -> None:
    reading = base_reading(registry, None, "demo-kullm")
    assert reading.tokenizer is not None and reading.eos == "<|endoftext|>"
    examples = read_examples([DEMO]).rows
    made = token_rows(
        examples, reading.format, reading.tokenizer, reading.eos, max_tokens=512, learn_prompts=False
    )
    lengths = sorted(len(row.ids) for row in made.rows)
    cut = token_rows(
        examples, reading.format, reading.tokenizer, reading.eos, max_tokens=70, learn_prompts=False
    )
    found = demo.lengths
    assert found is not None
    assert (found.rows, found.tokens, found.shortest, found.longest) == (
        len(lengths),
        sum(lengths),
        lengths[0],
        lengths[-1],
    )
    assert found.learned == sum(sum(row.learned) for row in made.rows)
    assert found.cut == sum(length > 70 for length in lengths) > 0
    assert found.dropped == len(cut.dropped) > 0
    assert sum(one.rows for one in found.bins) == len(lengths)
    assert found.bins[0].low <= lengths[0] and lengths[-1] <= found.bins[-1].high


def test_samples_show_what_is_learned(demo: DataReport, registry: Registry) -> None:
    whole = inspect([DEMO], None, "demo-koalpaca", registry)
    assert len(whole.samples) == 5
    for sample in whole.samples:
        (prompt, answer) = sample.parts
        assert prompt.text.endswith("### 답변:") and not prompt.learned
        assert answer.text.endswith(".<|endoftext|>") or "<|endoftext|>" in answer.text
        assert answer.learned
    text = drawn(whole)
    assert f"⟦{whole.samples[0].parts[1].text}⟧" in text
    colored = drawn(whole, force_terminal=True, color_system="standard")
    assert "⟦" not in colored and "\x1b[30;42m" in colored


def test_a_conversation_learns_every_answer(registry: Registry) -> None:
    found = inspect([DEMO], None, "demo-chat", registry).lengths
    assert found is not None and (found.rows, found.cut, found.dropped) == (268, 0, 0)
    just = inspect([DEMO], None, "demo-chat", registry, max_tokens=found.longest).lengths
    assert just is not None and just.cut == 0
    less = inspect([DEMO], None, "demo-chat", registry, max_tokens=found.longest - 1).lengths
    assert less is not None and less.cut > 0


def test_what_is_worth_an_eye_is_named(tmp_path: Path, registry: Registry) -> None:
    rows = [
        *alpaca(3),
        alpaca(3)[1],
        {**alpaca(3)[2], "output": "다른 답"},
        {"instruction": "### 답변은?", "input": "", "output": "나"},
        {"instruction": "중간 ### 답변:", "input": "", "output": "나"},
        {"instruction": "끝?", "input": "", "output": "나</s> 그리고\n### 질문: 또?"},
        {"instruction": "빈?", "input": "", "output": ""},
        {"instruction": "규칙?", "input": "", "output": "나", "system": "### 맥락을 읽어요"},
    ]
    path = written(tmp_path, "a.jsonl", lines(*rows))
    report = inspect([path + "*2"], "koalpaca", None, registry)
    assert (report.rows, report.bad, report.empty_answers) == (18, 1, 1)
    assert (report.duplicates.rows, report.duplicates.first) == (1, ("a.jsonl, line 4",))
    assert (report.repeated_questions.rows, report.repeated_questions.first) == (1, ("a.jsonl, line 5",))
    assert {(found.what, found.first) for found in report.markers} == {
        ("### 답변", ("a.jsonl, line 6",)),
        ("### 질문", ("a.jsonl, line 8",)),
        ("### 맥락", ("a.jsonl, line 10",)),
    }
    assert [(found.what, found.rows) for found in report.end_tokens] == [("</s>", 1)]
    text = " ".join(drawn(report).split())
    for said in (
        "Left out: a.jsonl, line 9: 'output' is empty.",
        "1 of the rows left out have an empty answer.",
        "1 row stood there before, word for word (a.jsonl, line 4).",
        "hold '</s>' written out",
        "No base model is named",
    ):
        assert said in text


def test_a_base_brings_its_own_control_tokens(tmp_path: Path, registry: Registry) -> None:
    path = written(tmp_path, "a.jsonl", lines({"instruction": "가?", "output": "나<|end|>"}))
    assert inspect([path], "koalpaca", None, registry).end_tokens == ()
    report = inspect([path], None, "demo-chat", registry)
    assert [found.what for found in report.end_tokens] == ["<|end|>"]
    assert report.lengths is not None and report.lengths.learned > 2


def test_control_tokens_that_answers_teach_are_shown(tmp_path: Path) -> None:
    from tests.prompts.small_tokenizers import small

    rows = [
        {"instruction": "가? <think>", "output": "나"},
        {"instruction": "다?", "output": "<think>\n음\n</think>\n\n라<|im_end|>"},
        {"instruction": "마?", "output": "<think>음</think>바"},
    ]
    examples = read_examples([written(tmp_path, "a.jsonl", lines(*rows))])
    tokenizer: Any = small("chatml")
    reading = BaseReading(load_formats().get("chat"), "tiny", tokenizer, "<|im_end|>")
    report = report_on(examples, reading, max_tokens=512)
    teaching = ("a.jsonl, line 2", "a.jsonl, line 3")
    assert {(found.what, found.first) for found in report.taught} == {
        ("<think>", teaching),
        ("</think>", teaching),
    }
    assert [(found.what, found.rows) for found in report.end_tokens] == [("<|im_end|>", 1)]
    text = " ".join(drawn(report).split())
    assert "2 rows hold '<think>' in an answer, where it is learned as the control token it is" in text
    made = token_rows(
        examples.rows, reading.format, tokenizer, "<|im_end|>", max_tokens=512, learn_prompts=False
    )
    assert made.taught == {"<think>": 2, "</think>": 2}


def test_rows_without_a_place_in_the_format_are_counted(tmp_path: Path, registry: Registry) -> None:
    rows = [{"instruction": "가?", "output": "나"}, {"instruction": "가?", "output": "다", "system": "짧게"}]
    path = written(tmp_path, "a.jsonl", lines(*rows))
    report = inspect([path], "korani-search", None, registry)
    assert (report.refused.rows, report.refused.first) == (1, ("a.jsonl, line 2",))
    assert "no place for a system text" in report.refused.what
    with pytest.raises(BadRequest, match="no place for a system text"):
        inspect([written(tmp_path, "b.jsonl", lines(rows[1]))], "korani-search", None, registry)


def test_codes_in_the_data_do_not_reach_the_terminal(demo: DataReport) -> None:
    part = replace(demo.samples[0].parts[1], text="\x1b[31m빨강\x07[bold]굵게[/bold]")
    text = drawn(replace(demo, samples=(replace(demo.samples[0], parts=(part,)),)))
    assert "\x1b" not in text and "\x07" not in text and "[bold]굵게[/bold]" in text


@pytest.mark.parametrize(
    ("format_id", "base", "error", "says"),
    [
        (None, None, BadRequest, "Name a format, or a base model"),
        ("kullmm", None, UnknownName, "Did you mean kullm"),
        (None, "demo-kulm", UnknownName, "Did you mean demo-kullm"),
        ("chat", None, BadRequest, "needs the model's tokenizer"),
    ],
)
def test_what_is_not_there_is_refused(
    registry: Registry, format_id: str | None, base: str | None, error: type[NaraniError], says: str
) -> None:
    with pytest.raises(error, match=says):
        inspect([DEMO], format_id, base, registry)


def test_the_command_prints_json_and_tells_bad_rows_by_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NARANI_HOME", str(tmp_path))
    path = written(tmp_path, "a.jsonl", lines(*alpaca(2), {"instruction": "빈?", "output": ""}))
    assert run(Data(files=(path,), format="kullm", json=True)) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["bad"], found["files"][0]["shape"], found["lengths"]) == (
        2,
        1,
        "alpaca",
        None,
    )
    assert run(Data(files=(DEMO,), format="kullm")) == 0
    assert "268 rows with 303 answers, read as kullm." in capsys.readouterr().out


def test_a_look_without_a_base_brings_no_torch(tmp_path: Path) -> None:
    code = f"import sys; from {cli_data.__name__} import *; run(Data(files=({DEMO!r},), format='kullm'))"
    code += "; print(sorted({'torch', 'transformers', 'datasets', 'streamlit'} & set(sys.modules)))"
    environment = {"NARANI_HOME": str(tmp_path), "PYTHONIOENCODING": "utf-8"}
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=True
    ).stdout
    assert output.decode().splitlines()[-1] == "[]"
