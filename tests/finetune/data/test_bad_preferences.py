"""Preferences that cannot be learned from are refused in a sentence: data of another kind, and bad rows.

Run: python -m pytest tests/finetune/data/test_bad_preferences.py
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from errors import BadEntry, BadRequest, NaraniError
from finetune.data import DataRows, read_examples, read_labeled, read_pairs, read_prompts
from finetune.data.holding_out import hold_out
from tests.finetune.data.data_files import array, lines, written
from tests.finetune.data.test_preference_data import ANSWERS, PAIR, RANKED, TALK, THUMB, said

Reader = Callable[..., DataRows]
ANSWERED, ASKED = {"prompt": "가?", "completion": "나"}, {"prompt": "가?"}


@pytest.mark.parametrize(
    ("reader", "row", "says"),
    [
        (read_examples, PAIR, "preference data.*finetune dpo` or `reward`.*needed are a question and its"),
        (read_examples, RANKED, "preference data.*finetune dpo` or `reward`"),
        (read_examples, THUMB, "found good or bad.*finetune kto`"),
        (read_examples, ASKED, "questions but none of answers.*finetune grpo` or `ppo`.*found: 'prompt'"),
        (read_pairs, ANSWERED, "one answer each.*finetune sft`.*needed are pairs"),
        (read_pairs, THUMB, "found good or bad.*finetune kto`.*needed are pairs"),
        (read_pairs, ASKED, "none of answers.*finetune grpo`.*needed are pairs"),
        (read_labeled, ANSWERED, "one answer each.*finetune sft`.*needed are answers with a label"),
        (read_labeled, ASKED, "none of answers.*finetune grpo`.*needed are answers with a label"),
        (read_prompts, {"a": "가?"}, "judged answers.*or questions alone.*found: 'a'"),
        (read_pairs, {"a": "가?", "b": "나"}, "not known as training data.*found: 'a', 'b'"),
        (read_pairs, {**RANKED, "ranking": None}, "'ranking' is not a list of whole numbers"),
        (read_pairs, {key: RANKED[key] for key in list(RANKED)[:-1]}, "not their order.*'ranking'"),
    ],
)
def test_data_of_another_kind_is_refused_with_the_command_it_is_for(
    tmp_path: Path, reader: Reader, row: dict[str, object], says: str
) -> None:
    with pytest.raises(NaraniError, match=f"^a.*{says}"):
        reader([written(tmp_path, "a", array(row))])


@pytest.mark.parametrize(
    ("reader", "good", "bad", "says"),
    [
        (read_pairs, PAIR, {**PAIR, "rejected": " 나 "}, "'chosen' and 'rejected' are equal"),
        (read_pairs, PAIR, {**PAIR, "chosen": ""}, "'chosen' is empty"),
        (read_pairs, PAIR, {**PAIR, "rejected": None}, "'rejected' is empty"),
        (read_pairs, PAIR, {**PAIR, "prompt": " "}, "'prompt' is empty"),
        (read_pairs, PAIR, {**PAIR, "chosen": 1.5}, "'chosen' is not text"),
        (read_pairs, PAIR, {**PAIR, "chosen": TALK}, "one conversation up to their last answer"),
        (read_pairs, PAIR, {**PAIR, "prompt": TALK[:3]}, "must end with what the person asks"),
        (
            read_pairs,
            PAIR,
            {**PAIR, "chosen": [said(user="다?"), *ANSWERS[0]], "rejected": [said(user="라?"), *ANSWERS[1]]},
            "one conversation up to their last answer",
        ),
        (read_pairs, RANKED, {**RANKED, "ranking": [1, 1, 1]}, "'ranking' finds no answer better"),
        (read_labeled, RANKED, {**RANKED, "ranking": [1, 1, 1]}, "'ranking' finds no answer better"),
        (read_pairs, RANKED, {**RANKED, "ranking": [0, 1]}, "'ranking' has 2 ranks, but there are 3"),
        (read_pairs, RANKED, {**RANKED, "ranking": [0, 1.5, 2]}, "not a list of whole numbers"),
        (read_pairs, RANKED, {**RANKED, "ranking": "[0, 1"}, "not a list of whole numbers"),
        (read_pairs, RANKED, {**RANKED, "completion_2": ""}, "'completion_2' is empty"),
        (read_labeled, THUMB, {**THUMB, "label": "maybe"}, "must be true or false, not maybe"),
        (read_labeled, THUMB, {**THUMB, "label": 2}, "must be true or false, not 2"),
        (read_labeled, THUMB, {**THUMB, "completion": ""}, "'completion' is empty"),
        (read_labeled, THUMB, {**THUMB, "completion": TALK}, "must hold one answer and nothing else"),
        (read_prompts, ASKED, {"prompt": ""}, "'prompt' is empty"),
        (read_prompts, ASKED, {"prompt": TALK[:3]}, "must end with what the person asks"),
    ],
)
def test_a_bad_row_is_named_by_its_line_or_left_out_and_counted(
    tmp_path: Path, reader: Reader, good: dict[str, object], bad: dict[str, object], says: str
) -> None:
    path = written(tmp_path, "a.jsonl", lines(good, bad, good))
    with pytest.raises(BadEntry, match=f"^a.jsonl, line 2: .*{says}.*--skip-bad"):
        reader([path])
    found = reader([path], skip_bad=True)
    assert {row.source.split(",")[1] for row in found.rows} == {" line 1", " line 3"}
    assert found.files[0].bad == 1 and found.files[0].empty_answers == (
        "is empty" in says and "prompt" not in says
    )


def test_messages_without_a_question_or_a_prompt_are_no_pair(tmp_path: Path) -> None:
    row = {"chosen": ANSWERS[0], "rejected": ANSWERS[1]}
    with pytest.raises(BadEntry, match="'chosen' holds only an answer, and no column holds its question"):
        read_pairs([written(tmp_path, "a.jsonl", lines(row))])


def test_one_pair_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadEntry, match="^a.jsonl, line 1: this is the only pair.*Add more pairs"):
        read_pairs([written(tmp_path, "a.jsonl", lines(PAIR))])


def test_one_pair_read_as_judged_answers_is_counted_as_them(tmp_path: Path) -> None:
    found = read_labeled([written(tmp_path, "a.jsonl", lines(PAIR))])
    with pytest.raises(BadRequest, match="^Judged answers: 2, different questions: 1. 8 answers"):
        hold_out(found.rows, 0.1, 42)


def test_a_table_of_unknown_columns_is_no_list_of_questions(tmp_path: Path) -> None:
    with pytest.raises(BadEntry, match="not known as training data.*found: 'a', 'b'"):
        read_prompts([written(tmp_path, "a", "a,b\n1,2\n")])
