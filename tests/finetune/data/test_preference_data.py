"""Pairs, rankings, thumbs and questions are known by their columns and become the rows they stand for.

Run: python -m pytest tests/finetune/data/test_preference_data.py
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from finetune.data import DataRows, hold_out, read_examples, read_labeled, read_pairs, read_prompts
from finetune.data.shapes import TITLES
from finetune.examples import LabeledAnswer, PreferencePair, PromptOnly
from prompts.conversation import Conversation, Turn
from tests.finetune.data.data_files import array, lines, written

ROOT = Path(__file__).parents[3]
GA = Conversation.ask("가?")
LATER = Conversation((Turn("가?", answer="나"), Turn("다?")), "짧게")
PAIR = {"prompt": "가?", "chosen": "나", "rejected": "다"}
RANKED = {
    "prompt": "가?",
    "completion_0": "'나",
    "completion_1": "다",
    "completion_2": "라",
    "ranking": [1, 0, 2],
}
THUMB = {"prompt": "가?", "completion": "나", "label": True}


def said(**texts: str) -> dict[str, str]:
    ((speaker, text),) = texts.items()
    return {"role": speaker, "content": text}


TALK = [said(system="짧게"), said(user="가?"), said(assistant="나"), said(user="다?")]
ANSWERS = [said(assistant="라")], [said(assistant="마")]


def pair(conversation: Conversation, chosen: str = "라", rejected: str = "마") -> PreferencePair:
    return PreferencePair(conversation, chosen, rejected, "")


def bare(found: DataRows) -> list[object]:
    """The rows without their sources."""
    return [replace(row, source="") for row in found.rows]


SAME = [pair(GA, "나", "다")] * 2
PAIRS = [
    (lines(PAIR, PAIR), "pairs", SAME),
    (array(PAIR, PAIR), "pairs", SAME),
    ("\ufeff" + array(PAIR, PAIR), "pairs", SAME),
    ("prompt,chosen,rejected\n가?,나,다\n가?,나,다\n", "pairs", SAME),
    (
        lines(*[{"question": "가?", "input": "글", "system": "짧게", "chosen": "라", "rejected": "마"}] * 2),
        "pairs",
        [pair(Conversation.ask("가?", "글", "짧게"))] * 2,
    ),
    # The whole conversation twice, as on the hub; answers alone beside a prompt, as TRL writes them.
    (lines(*[{"chosen": TALK + ANSWERS[0], "rejected": TALK + ANSWERS[1]}] * 2), "pairs", [pair(LATER)] * 2),
    (
        lines(*[{"prompt": TALK, "chosen": ANSWERS[0], "rejected": ANSWERS[1]}] * 2),
        "pairs",
        [pair(LATER)] * 2,
    ),
    (
        lines(
            *[{"prompt": "다?", "messages": TALK, "chosen": TALK + ANSWERS[0], "rejected": TALK + ANSWERS[1]}]
            * 2
        ),
        "pairs",
        [pair(LATER)] * 2,
    ),
    (lines(*[{"prompt": TALK, "chosen": "라", "rejected": "마"}] * 2), "pairs", [pair(LATER)] * 2),
    (
        "\ufeff" + array(RANKED),
        "kochatgpt-rm",
        [pair(GA, "다", "나"), pair(GA, "나", "라"), pair(GA, "다", "라")],
    ),
    (
        'prompt,completion_0,completion_1,ranking\n가?,나,다,"[1, 0]"\n나?,나,다,"[0, 1]"\n',
        "kochatgpt-rm",
        [pair(GA, "다", "나"), pair(Conversation.ask("나?"), "나", "다")],
    ),
]


@pytest.mark.parametrize(("content", "shape", "pairs"), PAIRS)
def test_every_shape_of_pairs_is_known_by_its_content(
    tmp_path: Path, content: str, shape: str, pairs: list[PreferencePair]
) -> None:
    found = read_pairs([written(tmp_path, "a", content)])
    assert bare(found) == pairs
    assert found.files[0].shape == shape and shape in TITLES and found.files[0].rows == len(pairs)


def test_pairs_of_messages_are_read_from_parquet_too(tmp_path: Path) -> None:
    rows = [{"chosen": TALK + ANSWERS[0], "rejected": TALK + ANSWERS[1]}] * 2
    path = tmp_path / "train.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    assert bare(read_pairs([str(path)])) == [pair(LATER)] * 2


def test_a_pair_is_named_by_its_row_and_weights_count_pairs(tmp_path: Path) -> None:
    found = read_pairs([written(tmp_path, "a.json", array(RANKED)) + "*2"])
    assert [row.source for row in found.rows[:3]] == [f"a.json, row 1 (line 1), pair {n}" for n in (1, 2, 3)]
    assert len(found.rows) == 6 and found.files[0].rows == 3


def test_ties_and_equal_answers_are_skipped_and_counted_and_stray_quotes_go(tmp_path: Path) -> None:
    rows = [{**RANKED, "ranking": [0, 0, 1]}, {**RANKED, "completion_1": "라"}]
    found = read_pairs([written(tmp_path, "a.json", array(*rows))])
    assert bare(found) == [
        pair(GA, "나", "라"),
        pair(GA, "다", "라"),
        pair(GA, "라", "나"),
        pair(GA, "나", "라"),
    ]
    assert found.notes == (
        "a.json: a stray ' at the beginning of 2 answers was taken away.",
        "a.json: 1 pairs of answers that say the same were skipped.",
        "a.json: 1 pairs of answers with the same rank were skipped.",
    )


GOOD, BAD = LabeledAnswer(GA, "나", True, ""), LabeledAnswer(GA, "다", False, "")


@pytest.mark.parametrize(
    ("content", "shape", "answers"),
    [
        (lines(THUMB, {**THUMB, "completion": "다", "label": False}), "labeled", [GOOD, BAD]),
        ("question,answer,label\n가?,나,True\n가?,다,false\n", "labeled", [GOOD, BAD]),
        ("질문,답변,label\n가?,나,1\n가?,다,0\n", "labeled", [GOOD, BAD]),
        (
            lines({"prompt": TALK, "completion": ANSWERS[0], "label": 1}),
            "labeled",
            [LabeledAnswer(LATER, "라", True, "")],
        ),
        (
            lines({"messages": TALK + ANSWERS[0], "label": False}),
            "labeled",
            [LabeledAnswer(LATER, "라", False, "")],
        ),
        (lines(PAIR), "pairs", [GOOD, BAD]),
        (array(RANKED), "kochatgpt-rm", [replace(GOOD, answer="다"), replace(BAD, answer="라")]),
    ],
)
def test_every_shape_of_labeled_answers_is_known_by_its_content(
    tmp_path: Path, content: str, shape: str, answers: list[LabeledAnswer]
) -> None:
    found = read_labeled([written(tmp_path, "a", content)])
    assert sorted(map(str, bare(found))) == sorted(map(str, answers))
    assert found.files[0].shape == shape and shape in TITLES


@pytest.mark.parametrize(
    ("content", "shape", "prompts"),
    [
        (array({"prompt": "가?"}), "prompts", [PromptOnly(GA, "")]),
        (
            lines({"id": "r-1", "question": "가?", "input": "글", "expected": "55"}, {"question": "나?"})[
                :-1
            ],
            "prompts",
            [PromptOnly(Conversation.ask("가?", "글"), "", "55"), PromptOnly(Conversation.ask("나?"), "")],
        ),
        ("question\n가?\n", "prompts", [PromptOnly(GA, "")]),
        ("\ufeff가?\n\n나?\n", "prompts", [PromptOnly(GA, ""), PromptOnly(Conversation.ask("나?"), "")]),
        (lines({"prompt": TALK}), "prompts", [PromptOnly(LATER, "")]),
        (lines({"messages": TALK}), "messages", [PromptOnly(LATER, "")]),
        (lines({"messages": TALK + ANSWERS[0]}), "messages", [PromptOnly(LATER, "", "라")]),
        (lines({"instruction": "가?", "input": "", "output": "나"}), "alpaca", [PromptOnly(GA, "", "나")]),
        (lines(PAIR), "pairs", [PromptOnly(GA, "", "나")]),
        (array(RANKED), "kochatgpt-rm", [PromptOnly(GA, "", "다")]),
        (lines(THUMB, {**THUMB, "label": False}), "labeled", [PromptOnly(GA, "", "나"), PromptOnly(GA, "")]),
    ],
)
def test_questions_are_read_from_rows_of_any_kind(
    tmp_path: Path, content: str, shape: str, prompts: list[PromptOnly]
) -> None:
    found = read_prompts([written(tmp_path, "a", content)])
    assert bare(found) == prompts
    assert found.files[0].shape == shape and shape in TITLES


def test_question_sets_that_ship_are_questions_with_what_is_expected() -> None:
    path = ROOT / "comparison" / "question_sets" / "reasoning.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    asked = [
        PromptOnly(Conversation.ask(row["question"], row.get("input", "")), "", row.get("expected", ""))
        for row in rows
    ]
    assert bare(read_prompts([str(path)])) == asked and asked[0].expected == "55"


def test_a_topic_in_a_column_label_does_not_keep_rows_from_being_learned(tmp_path: Path) -> None:
    found = read_examples([written(tmp_path, "a.csv", "question,answer,label\n가?,나,2\n가?,다,0\n")])
    assert len(found.rows) == 2 and "nothing is made of the columns 'label'" in found.notes[0]


@pytest.mark.parametrize("of", ["pairs", "labeled", "prompts"])
def test_no_question_stands_on_both_sides_whatever_the_rows_are(of: str) -> None:
    pairs = [
        pair(
            replace(LATER, turns=(LATER.turns[0], Turn(f"{'  ' * (number % 2)}{number % 20}번?"))),
            f"{number}",
        )
        for number in range(60)
    ]
    rows: dict[str, list] = {
        "pairs": pairs,
        "labeled": [LabeledAnswer(each.conversation, each.chosen, True, "") for each in pairs],
        "prompts": [PromptOnly(each.conversation, each.chosen) for each in pairs],
    }
    learned, held = hold_out(rows[of], 0.2, 7)
    asked = [{row.conversation.turns[1].question.strip() for row in side} for side in (learned, held)]
    assert asked[0].isdisjoint(asked[1]) and len(asked[1]) == 4
    # The first question is the same throughout; were it compared alone, nothing could be held out.
    assert len(learned) == 48 and len(held) == 12


def test_the_pairs_that_ship_are_what_the_demo_questions_hold() -> None:
    found = read_pairs([str(ROOT / "finetune" / "recipes" / "demo-pairs.jsonl")])
    text = (ROOT / "model_registry" / "demo" / "questions.jsonl").read_text(encoding="utf-8")
    first = [json.loads(line)["turns"][0] for line in text.splitlines()]
    assert len(found.rows) == 268 and found.notes == ()
    assert bare(found) == [
        pair(Conversation.ask(turn["question"], turn["input"]), turn["banmal"], turn["answer"])
        for turn in first
    ]
