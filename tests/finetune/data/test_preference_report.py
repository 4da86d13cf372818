"""What is found out about preferences is counted right, for a terminal and before every kind of training.

Run: python -m pytest tests/finetune/data/test_preference_report.py
"""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from statistics import fmean, median

import pytest
from rich.console import Console

from errors import BadEntry
from finetune.cli_data import Data, run
from finetune.data import read_pairs
from finetune.data.base_reading import base_reading
from finetune.data.drawing import print_report
from finetune.data.report import DataReport, inspect
from finetune.job_check import checked
from finetune.kinds import KINDS
from finetune.preference.rows import pair_rows
from finetune.run_settings import RunSettings
from model_registry.registry import Registry, load_registry
from tests.finetune.data.data_files import alpaca, lines, written

DEMO = str(Path(__file__).parents[3] / "finetune" / "recipes" / "demo-pairs.jsonl")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def demo(registry: Registry) -> DataReport:
    return inspect([DEMO], None, "demo-koalpaca", registry, max_tokens=60)


def drawn(report: DataReport) -> str:
    stream = StringIO()
    print_report(report, Console(file=stream, width=120, highlight=False))
    return " ".join(stream.getvalue().split())


def test_pairs_are_counted_and_measured_as_they_are_learned(demo: DataReport, registry: Registry) -> None:
    reading = base_reading(registry, None, "demo-koalpaca")
    assert reading.tokenizer is not None and demo.lengths is not None
    pairs = read_pairs([DEMO]).rows
    rows = pair_rows(pairs, reading.format, reading.tokenizer, reading.eos, max_tokens=60)
    every = pair_rows(pairs, reading.format, reading.tokenizer, reading.eos, max_tokens=1024).rows
    assert (demo.use, demo.rows, demo.answers, demo.questions) == ("pairs", 268, 536, 268)
    assert demo.lengths.cut == len(rows.too_long) > 0 and demo.lengths.dropped == 0
    assert demo.lengths.learned == sum(len(row.chosen) + len(row.rejected) for row in every)
    assert demo.lengths.longest == max(max(len(row.chosen_ids), len(row.rejected_ids)) for row in every)
    measured = {part.part: (part.median, part.mean, part.longest) for part in demo.parts}
    for name in ("prompt", "chosen", "rejected"):
        lengths = [len(getattr(row, name)) for row in every]
        assert measured[name] == (round(median(lengths)), fmean(lengths), max(lengths))
    assert demo.length_bias is not None and demo.length_bias.chosen_longer == sum(
        len(row.chosen) > len(row.rejected) for row in every
    )
    text = drawn(demo)
    assert "268 pairs of answers to 268 questions, read as koalpaca by demo-koalpaca." in text
    assert f"{len(rows.too_long)} rows are longer than 60 tokens and would be left out." in text


def test_samples_show_both_answers_and_mark_the_better_one(demo: DataReport) -> None:
    assert [sample.what for sample in demo.samples] == ["chosen", "rejected"] * 5
    better, worse = demo.samples[:2]
    assert better.source == worse.source and [part.learned for part in better.parts] == [False, True]
    assert len(worse.parts) == 1 and not worse.parts[0].learned
    assert f"{better.source}, chosen" in drawn(demo) and "⟦" not in worse.parts[0].text


@pytest.mark.parametrize("base", [None, "demo-koalpaca"])
@pytest.mark.parametrize(
    ("long", "short", "says"), [(14, 6, "70% of the pairs"), (6, 14, "70%"), (11, 9, ""), (14, 5, "")]
)
def test_a_length_that_tells_the_better_answer_is_worth_a_warning(
    tmp_path: Path, registry: Registry, base: str | None, long: int, short: int, says: str
) -> None:
    answers = [("길고 긴 답이에요", "답")] * long + [("답", "길고 긴 답이에요")] * short
    rows = [
        {"prompt": f"{n}번?", "chosen": chosen, "rejected": rejected}
        for n, (chosen, rejected) in enumerate(answers)
    ]
    report = inspect([written(tmp_path, "a.jsonl", lines(*rows))], "koalpaca", base, registry)
    assert report.length_bias is not None
    assert (report.length_bias.chosen_longer, report.length_bias.rejected_longer) == (long, short)
    text = drawn(report)
    assert (says in text) and ("length alone" in text) == bool(says)
    if says:
        assert f"the chosen answer is the {'longer' if long > short else 'shorter'} one" in text


def test_what_repeats_contradicts_or_is_held_out_is_named(tmp_path: Path, registry: Registry) -> None:
    pair = {"prompt": "가?", "chosen": "나", "rejected": "다"}
    other = {"prompt": "라?", "chosen": "나", "rejected": "다"}
    rows = [
        pair,
        pair,
        {"prompt": "가?", "chosen": "다", "rejected": "나"},
        other,
        {**other, "prompt": "마?"},
    ]
    report = inspect(
        [written(tmp_path, "a.jsonl", lines(*rows))],
        "koalpaca",
        None,
        registry,
        held_out=[
            written(tmp_path, "b.jsonl", lines({**other, "prompt": " 라? "}, {**other, "prompt": "바?"}))
        ],
    )
    assert (report.duplicates.first, report.contradicted.first, report.held_out_too.first) == (
        ("a.jsonl, line 2",),
        ("a.jsonl, line 3",),
        ("a.jsonl, line 4",),
    )
    assert report.questions == 3 and report.repeated_questions.rows == 0
    text = drawn(report)
    assert "the other way round: what was better is worse here (a.jsonl, line 3)" in text
    assert "ask a question of the held-out data, and are not learned (a.jsonl, line 4)" in text


def test_thumbs_and_questions_are_counted_too(tmp_path: Path, registry: Registry) -> None:
    thumbs = [{"prompt": "가?", "completion": "나", "label": label} for label in (True, True, False)]
    report = inspect([written(tmp_path, "a.jsonl", lines(*thumbs))], None, "demo-koalpaca", registry)
    assert (report.use, report.rows, report.good, report.questions) == ("labeled", 3, 2, 1)
    assert (report.duplicates.rows, report.contradicted.rows) == (1, 1)
    assert {part.part: part.rows for part in report.parts} == {"prompt": 3, "good": 2, "bad": 1}
    assert "3 answers to 1 questions, 2 of them good" in drawn(report)

    asked = [{"prompt": "가?"}, {"prompt": "나?", "expected": "다"}, {"prompt": "나?", "expected": "라"}]
    report = inspect([written(tmp_path, "b.jsonl", lines(*asked))], None, "demo-koalpaca", registry)
    assert (report.use, report.rows, report.answers, report.good, report.questions) == ("prompts", 3, 0, 2, 2)
    assert report.repeated_questions.first == ("b.jsonl, line 3",)
    assert report.lengths is not None and report.lengths.learned == 0
    assert report.samples[0].parts[0].text.endswith("### 답변:") and len(report.samples[0].parts) == 1
    text = drawn(report)
    assert "3 rows that ask 2 questions, 2 with what is expected" in text and "As it is asked:" in text


def test_marks_and_end_tokens_are_found_in_both_answers(tmp_path: Path, registry: Registry) -> None:
    rows = [
        {"prompt": "가?", "chosen": "나", "rejected": "다</s>"},
        {"prompt": "나?", "chosen": "### 답변: 라", "rejected": "마"},
    ]
    report = inspect([written(tmp_path, "a.jsonl", lines(*rows))], "koalpaca", None, registry)
    assert [(found.what, found.first) for found in report.end_tokens] == [("</s>", ("a.jsonl, line 1",))]
    assert [(found.what, found.first) for found in report.markers] == [("### 답변", ("a.jsonl, line 2",))]


def test_the_command_reads_a_file_as_the_kind_that_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NARANI_HOME", str(tmp_path))
    assert run(Data(files=(DEMO,), format="koalpaca", json=True)) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["use"], found["files"][0]["shape"], found["lengths"]) == ("pairs", "pairs", None)
    assert run(Data(files=(DEMO,), format="koalpaca", kind="kto", json=True)) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["use"], found["rows"], found["good"], found["questions"]) == ("labeled", 536, 268, 268)
    with pytest.raises(BadEntry, match="preference data.*finetune dpo`"):
        run(Data(files=(DEMO,), format="koalpaca", kind="sft"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_data_checked_and_its_steps_counted(tmp_path: Path, kind: str) -> None:
    settings = KINDS[kind].settings
    data = written(tmp_path, "a.jsonl", lines(*alpaca(100))) if settings.reads == "examples" else DEMO
    # Where the model answers by itself, a question leaves room for the answer.
    longest = 60 + getattr(settings, "max_new_tokens", 0)
    made = settings(base_model="demo-koalpaca", data=(data,), batch=8, epochs=1.0, max_tokens=longest)
    found = checked(made, tmp_path)
    assert found.data is not None and found.data["use"] == settings.reads and found.data_error is None
    lengths = found.data["lengths"]
    rows = round((lengths["rows"] - lengths["cut"]) * 0.9)
    assert lengths["max_tokens"] == 60 and (lengths["cut"] > 0 or settings.reads == "examples")
    answers = getattr(made, "group", 1)
    assert found.steps is not None and found.steps["epochs"] == 1.0
    # Supervised rows are packed into blocks, so there are fewer of them.
    assert kind == "sft" or found.steps["steps"] == -(-rows * answers // 8)


def test_data_of_another_kind_is_an_error_of_the_check(tmp_path: Path) -> None:
    settings: RunSettings = KINDS["dpo"].settings(
        base_model="demo-koalpaca", data=(written(tmp_path, "a.jsonl", lines(*alpaca(20))),)
    )
    found = checked(settings, tmp_path)
    assert found.data is None and found.steps is None and found.data_error is not None
    assert found.data_error["facts"]["reason"]["code"] == "rows-are-examples"
