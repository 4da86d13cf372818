"""Holds that pairs and judged answers become the ids that supervised tuning makes of them, or nothing.

Run: python -m pytest tests/finetune/preference/test_pair_rows.py
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engines.loading.tokenizing import load_tokenizer
from errors import BadRequest
from finetune.base import base_for, learned_end
from finetune.examples import Example, LabeledAnswer, PreferencePair
from finetune.preference.rows import PairRows, labeled_rows, own_pad_id, pair_rows
from finetune.tokens.rows import token_rows
from model_registry.registry import load_registry
from prompts.catalog import load_formats
from prompts.conversation import Conversation
from tests.engines.tiny_models import make_tokenizer
from tests.prompts.hostile_texts import CASES, QUESTION
from tests.prompts.small_tokenizers import small

FORMATS = load_formats()
EVERYWHERE = [("koalpaca", "neox"), ("kullm", "llama2"), ("chat", "chatml"), ("chat", "llama3")]
PAIRS = [
    PreferencePair(conversation, QUESTION, "몰라.", f"pairs.jsonl, line {number}")
    for number, conversation in enumerate(CASES.values(), start=1)
]


def made(format_id: str, name: str, pairs: list[PreferencePair], max_tokens: int = 4096) -> PairRows:
    tokenizer: Any = small(name)
    eos = tokenizer.eos_token
    return pair_rows(pairs, FORMATS.get(format_id), tokenizer, eos, max_tokens=max_tokens)


@pytest.mark.parametrize(("format_id", "name"), EVERYWHERE)
def test_both_answers_follow_one_prompt_as_supervised_tuning_has_them(format_id: str, name: str) -> None:
    tokenizer: Any = small(name)
    rows = made(format_id, name, PAIRS).rows
    assert [row.source for row in rows] == [pair.source for pair in PAIRS]
    for pair, row in zip(PAIRS, rows, strict=True):
        for answer, ids in ((pair.chosen, row.chosen_ids), (pair.rejected, row.rejected_ids)):
            earlier = frozenset(range(len(pair.conversation.turns) - 1))
            example = Example(pair.conversation.answered(answer), "", earlier)
            alone = token_rows(
                [example],
                FORMATS.get(format_id),
                tokenizer,
                tokenizer.eos_token,
                max_tokens=4096,
                learn_prompts=False,
            )
            assert ids == list(alone.rows[-1].ids)
        assert row.chosen.count(tokenizer.eos_token_id) == 1, "a person ends no answer"
        assert row.chosen[-1] == row.rejected[-1] == tokenizer.eos_token_id


def test_a_pair_that_is_too_long_is_left_out_whole_and_named() -> None:
    short = replace(PAIRS[0], conversation=Conversation.ask("수도는?"), chosen="서울", rejected="부산 항구")
    whole = made("koalpaca", "neox", [short]).rows[0]
    longest = max(len(whole.chosen_ids), len(whole.rejected_ids))
    assert made("koalpaca", "neox", [short], longest).rows == (whole,)
    cut = made("koalpaca", "neox", [short, replace(short, source="pairs.jsonl, line 9")], longest - 1)
    assert (cut.rows, cut.too_long) == ((), (short.source, "pairs.jsonl, line 9"))


def test_a_pair_of_the_same_answer_is_left_out_and_named() -> None:
    same = replace(PAIRS[0], rejected=PAIRS[0].chosen, source="pairs.jsonl, line 7")
    found = made("koalpaca", "neox", [same, PAIRS[0]])
    assert found.equal == ("pairs.jsonl, line 7",)
    assert [row.source for row in found.rows] == [PAIRS[0].source]


def test_judged_answers_become_the_ids_that_they_have_in_a_pair() -> None:
    tokenizer: Any = small("neox")
    pair = made("koalpaca", "neox", PAIRS[:1]).rows[0]
    answers = [
        LabeledAnswer(PAIRS[0].conversation, PAIRS[0].chosen, True, "a"),
        LabeledAnswer(PAIRS[0].conversation, PAIRS[0].rejected, False, "b"),
    ]
    format = FORMATS.get("koalpaca")
    found = labeled_rows(answers, format, tokenizer, tokenizer.eos_token, max_tokens=4096)
    assert [(one.prompt, one.answer, one.good) for one in found.rows] == [
        (pair.prompt, pair.chosen, True),
        (pair.prompt, pair.rejected, False),
    ]
    few = len(pair.prompt) + len(pair.rejected)
    short = labeled_rows(answers, format, tokenizer, tokenizer.eos_token, max_tokens=few)
    assert (len(short.rows), short.too_long) == (1, ("a",))


def test_a_base_without_an_end_token_is_refused() -> None:
    tokenizer: Any = small("neox")
    with pytest.raises(BadRequest, match="names no end token"):
        pair_rows(PAIRS, FORMATS.get("koalpaca"), tokenizer, "", max_tokens=512)


@pytest.mark.parametrize(
    ("model_id", "expected"),
    [("demo-koalpaca", 0), ("demo-kullm", 0), ("demo-korwkv", 1), ("demo-chat", 0)],
)
def test_padding_is_no_token_that_ends_an_answer(model_id: str, expected: int) -> None:
    base = base_for(model_id, load_registry())
    assert base.folder is not None
    tokenizer: Any = load_tokenizer(base.folder, base.spec)
    ends = base.spec.local.eos_token_ids or (tokenizer.eos_token_id,)
    rows = len(tokenizer)
    assert own_pad_id(tokenizer, rows, ends) == expected
    assert own_pad_id(tokenizer, rows + 77, ends) == rows, "a row that no token has is the best"
    learned = tokenizer.backend_tokenizer.token_to_id(learned_end(base, tokenizer))
    assert expected != learned


def test_padding_is_the_end_token_only_where_there_is_no_other() -> None:
    tokenizer = make_tokenizer("rwkv")
    every = tuple(tokenizer.backend_tokenizer.get_added_tokens_decoder())
    assert own_pad_id(tokenizer, len(tokenizer), every) == min(every)
