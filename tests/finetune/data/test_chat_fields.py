"""What chat data carries besides text is honoured, counted or refused, never lost without a word.

Run: python -m pytest tests/finetune/data
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from errors import BadEntry
from finetune.data.base_reading import BaseReading
from finetune.data.report import report_on
from finetune.tokens.rows import token_rows
from prompts.catalog import load_formats
from tests.finetune.data.data_files import lines, read, talk
from tests.prompts.small_tokenizers import small

FORMATS = load_formats()


def messages(*answers: dict[str, Any], **columns: Any) -> dict[str, Any]:
    turns: list[dict[str, Any]] = []
    for number, answer in enumerate(answers):
        turns += [{"role": "user", "content": f"{number}?"}, {"role": "assistant", **answer}]
    return {"messages": turns, **columns}


@pytest.mark.parametrize(
    ("no", "yes"),
    [
        ({"weight": 0}, {"weight": 1}),
        ({"weight": 0.0}, {}),
        ({"train": False}, {"train": True}),
        ({"training": False}, {"training": None}),
        ({"loss": False}, {"loss": True}),
    ],
)
def test_an_answer_of_weight_0_is_read_and_not_learned(
    tmp_path: Path, no: dict[str, Any], yes: dict[str, Any]
) -> None:
    row = messages({"content": "나쁜 답", **no}, {"content": "좋은 답", **yes}, {"content": "끝", **no})
    examples = read(tmp_path, "a.jsonl", lines(row))
    (example,) = examples.rows
    assert example.conversation == talk("0?", "나쁜 답", "1?", "좋은 답")
    assert example.not_learned == {0}
    assert examples.notes == (
        "a.jsonl: 2 answers have weight 0; they are read before later answers and not learned.",
    )


def test_sharegpt_turns_have_weights_too(tmp_path: Path) -> None:
    said = [
        {"from": "system", "value": "짧게", "weight": None},
        {"from": "human", "value": "가?", "weight": 0},
        {"from": "gpt", "value": "나", "weight": 0},
        {"from": "human", "value": "다?", "weight": 1},
        {"from": "gpt", "value": "라", "weight": 1},
    ]
    examples = read(tmp_path, "a.jsonl", lines({"conversations": said}))
    assert examples.rows[0].not_learned == {0}
    assert any("the field 'weight' of 1 turns was left out" in note for note in examples.notes)


@pytest.mark.parametrize("format_id", ["chat", "koalpaca", "koalpaca-multiturn", "kullm"])
@pytest.mark.parametrize("learn_prompts", [False, True])
def test_only_answers_with_a_weight_are_learned(tmp_path: Path, format_id: str, learn_prompts: bool) -> None:
    whole = messages({"content": "첫째 답"}, {"content": "둘째 답"}, {"content": "셋째 답"})
    weighed = messages({"content": "첫째 답"}, {"content": "둘째 답", "weight": 0}, {"content": "셋째 답"})
    tokenizer: Any = small("chatml")

    def learned(row: dict[str, Any], prompts_too: bool) -> str:
        examples = read(tmp_path, "a.jsonl", lines(row)).rows
        made = token_rows(
            examples,
            FORMATS.get(format_id),
            tokenizer,
            "<|im_end|>",
            max_tokens=512,
            learn_prompts=prompts_too,
        )
        kept = [id for r in made.rows for id, on in zip(r.ids, r.learned, strict=True) if on]
        return str(tokenizer.decode(kept))

    lead = FORMATS.get(format_id).answer_lead
    assert learned(weighed, learn_prompts) == learned(whole, False).replace(f"{lead}둘째 답<|im_end|>", "", 1)
    assert "둘째" not in learned(weighed, learn_prompts)


def test_the_report_counts_what_is_learned(tmp_path: Path) -> None:
    rows = [messages({"content": "나", "weight": 0}, {"content": "다"}), messages({"content": "라"})]
    rows.append(messages({"content": "마", "weight": 0}))
    tokenizer: Any = small("chatml")
    reading = BaseReading(FORMATS.get("chat"), "tiny", tokenizer, "<|im_end|>")
    report = report_on(read(tmp_path, "a.jsonl", lines(*rows)), reading, max_tokens=512)
    assert (report.rows, report.answers) == (2, 2)
    assert "a.jsonl: 1 conversations have weight 0 throughout; they were left out." in report.notes


def test_data_of_which_nothing_is_learned_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadEntry, match="nothing to learn.*weight 0 throughout"):
        read(tmp_path, "a.jsonl", lines(messages({"content": "나", "weight": 0})))


def test_reasoning_and_unknown_fields_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [
        messages(
            {"content": "나", "reasoning_content": "음", "name": "봇", "refusal": None, "tool_calls": []}
        ),
        messages({"content": "다", "reasoning_content": "흠", "audio": None, "loss": 2.5, "{x}": "y"}),
        messages({"content": "라", "thinking": "", "text": "다른 글"}, tools=[{"type": "function"}]),
    ]
    examples = read(tmp_path, "a.jsonl", lines(*rows))
    assert [row.conversation for row in examples.rows] == [talk("0?", a) for a in "나다라"]
    assert set(examples.notes) == {
        "a.jsonl: the reasoning of 2 answers ('reasoning_content') was left out.",
        "a.jsonl: the field 'name' of 1 turns was left out.",
        "a.jsonl: the field 'loss' of 1 turns was left out.",
        "a.jsonl: the field '{x}' of 1 turns was left out.",
        "a.jsonl: the field 'text' of 1 turns was left out.",
        "a.jsonl: 1 rows offer tools that none of their answers uses; the tools were left out.",
    }


def test_text_in_parts_and_a_developers_text_are_read(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "나"}, {"type": "text", "text": "다"}]
    row = messages({"content": parts})
    row["messages"].insert(0, {"role": "developer", "content": "짧게"})
    (example,) = read(tmp_path, "a.jsonl", lines(row)).rows
    assert example.conversation == talk("0?", "나다", system="짧게")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"content": "나", "tool_calls": [{"id": "1"}]}, "an answer calls a tool \\('tool_calls'\\)"),
        ({"content": None, "tool_calls": [{"id": "1"}]}, "an answer calls a tool"),
        ({"content": None, "function_call": {"name": "f"}}, "an answer calls a tool \\('function_call'\\)"),
        ({"content": "나", "audio": {"id": "1"}}, "not text \\('audio'\\)"),
        ({"content": None, "refusal": "싫어요"}, "an answer was refused"),
        ({"content": [{"type": "image_url", "image_url": {"url": "x"}}]}, "not text \\('image_url'\\)"),
        ({"content": [{"type": "refusal", "refusal": "싫어요"}]}, "not text \\('refusal'\\)"),
        ({"content": ["나"]}, "'content' is not text"),
        ({"content": "나", "weight": 0.5}, "the weight 0.5 of a turn is neither 0 nor 1"),
        ({"content": "나", "weight": "0"}, "the weight '0' of a turn is neither 0 nor 1"),
        ({"role": "tool", "content": "{}"}, "a tool speaks in it"),
        ({"role": "function", "name": "f", "content": "{}"}, "a tool speaks in it"),
    ],
)
def test_what_an_answer_would_mean_something_else_without_is_refused(
    tmp_path: Path, answer: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadEntry, match=f"line 1: .*{says}"):
        read(tmp_path, "a.jsonl", lines(messages(answer)))


@pytest.mark.parametrize("row", [messages({"content": "나"}), {"instruction": "이 그림은?", "output": "나"}])
def test_a_row_about_a_picture_is_refused(tmp_path: Path, row: dict[str, Any]) -> None:
    with pytest.raises(BadEntry, match="not text \\('images'\\)"):
        read(tmp_path, "a.jsonl", lines({**row, "images": ["a.png"]}))
    assert read(tmp_path, "b.jsonl", lines({**row, "images": []})).rows


def test_weights_in_our_own_shape(tmp_path: Path) -> None:
    turns = [
        {"question": "가?", "answer": "나", "weight": 0},
        {"question": "다?", "answer": "라", "mood": "x"},
    ]
    examples = read(tmp_path, "a.jsonl", lines({"turns": turns}))
    assert examples.rows[0].not_learned == {0}
    assert any("'mood' of 1 turns" in note for note in examples.notes)
