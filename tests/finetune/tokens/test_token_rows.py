"""Holds that a row begins as it is asked, ends with a learned end token, and says what it loses.

Run: python -m pytest tests/finetune/tokens/test_token_rows.py
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errors import BadRequest
from finetune.examples import Example, TokenRow
from finetune.tokens.rows import TokenRows, token_rows
from prompts.catalog import load_formats
from prompts.conversation import Conversation, Turn
from prompts.encoding import encode, encode_segments
from prompts.rendering import AnswerSegment, render
from tests.prompts.hostile_texts import CASES
from tests.prompts.small_tokenizers import small

HOSTILE = CASES["question"]
FORMATS = load_formats()
TALK = Conversation(
    (Turn("수도는?", answer="서울"), Turn("부산은?", answer="항구"), Turn("끝?", answer="네"))
)
WORDS = ["한국 ", "### 질문: ", "\n", "</s>", "<|im_end|>", "🍚", "각", "a", " "]
TEXT = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map("".join)
TALKS = st.lists(st.builds(Turn, TEXT, st.just(""), TEXT), min_size=1, max_size=3).map(
    lambda turns: Conversation(tuple(turns))
)


def made(
    conversation: Conversation, format_id: str, name: str, max_tokens: int = 2048, learn_prompts: bool = False
) -> TokenRows:
    tokenizer: Any = small(name)
    example = Example(conversation, "rows.jsonl, line 7")
    return token_rows(
        [example],
        FORMATS.get(format_id),
        tokenizer,
        tokenizer.eos_token,
        max_tokens=max_tokens,
        learn_prompts=learn_prompts,
    )


def asked_ids(conversation: Conversation, count: int, format_id: str, name: str) -> tuple[int, ...]:
    last = replace(conversation.turns[count], answer=None)
    asked = replace(conversation, turns=(*conversation.turns[:count], last))
    return tuple(encode(render(FORMATS.get(format_id), asked, small(name)), small(name)))


@pytest.mark.parametrize(
    ("format_id", "name"), [("chat", "chatml"), ("chat", "gemma"), ("kullm", "llama2"), ("koalpaca", "neox")]
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(talk=TALKS)
def test_every_answer_follows_the_ids_it_is_asked_with(format_id: str, name: str, talk: Conversation) -> None:
    rows = made(talk, format_id, name).rows
    eos = small(name).eos_token_id
    begins = [
        row.ids[:place]
        for row in rows
        for place in range(1, len(row.ids))
        if row.learned[place] and not row.learned[place - 1]
    ]
    assert begins == [asked_ids(talk, count, format_id, name) for count in range(len(talk.turns))]
    for row in rows:
        assert row.learned[-1] and row.ids[-1] == eos and not row.cut
    ends = sum(id == eos and kept for row in rows for id, kept in zip(row.ids, row.learned, strict=True))
    assert ends == len(talk.turns), "a person who writes the end token's text has not ended the answer"


def test_answers_share_a_row_only_where_the_talk_goes_on_from_the_end_token() -> None:
    assert len(made(TALK, "chat", "chatml").rows) == 1
    assert len(made(TALK, "koalpaca", "neox").rows) == 3


def test_prompts_are_learned_when_asked_for_but_never_the_first_token() -> None:
    (row,) = made(TALK, "chat", "chatml", learn_prompts=True).rows
    assert row.learned == (False, *[True] * (len(row.ids) - 1))
    assert row.ids == made(TALK, "chat", "chatml").rows[0].ids


@pytest.mark.parametrize("short_by", [1, 2])
def test_a_row_that_is_too_long_loses_its_end_and_is_counted(short_by: int) -> None:
    (whole,) = made(Conversation((TALK.turns[0],)), "kullm", "neox").rows
    shorter = made(Conversation((TALK.turns[0],)), "kullm", "neox", max_tokens=len(whole.ids) - short_by)
    (row,) = shorter.rows
    assert (row.ids, row.learned) == (whole.ids[:-short_by], whole.learned[:-short_by])
    assert row.cut and shorter.cut == 1 and shorter.dropped == ()


@pytest.mark.parametrize("learn_prompts", [False, True])
def test_an_answer_of_which_nothing_is_left_is_dropped_and_named(learn_prompts: bool) -> None:
    prompt = len(asked_ids(TALK, 1, "chat", "chatml"))
    kept = made(TALK, "chat", "chatml", max_tokens=prompt, learn_prompts=learn_prompts)
    assert kept.dropped == ("rows.jsonl, line 7, answer 2", "rows.jsonl, line 7, answer 3")
    assert kept.cut == 0 and [row.ids[-1] for row in kept.rows] == [small("chatml").eos_token_id]
    nothing = made(Conversation((TALK.turns[0],)), "kullm", "neox", max_tokens=8, learn_prompts=learn_prompts)
    assert nothing.rows == () and nothing.dropped == ("rows.jsonl, line 7",) and nothing.cut == 0


@pytest.mark.parametrize(
    ("eos", "said"),
    [("", "names no end token"), ("<|no|>", "not a control token"), ("a", "not a control token")],
)
def test_a_base_without_an_end_token_is_refused_in_one_sentence(eos: str, said: str) -> None:
    tokenizer: Any = small("neox")
    example = Example(Conversation.ask("수도는?").answered("서울 a"), "rows.jsonl, line 1")
    with pytest.raises(BadRequest, match=said):
        token_rows([example], FORMATS.get("kullm"), tokenizer, eos, max_tokens=512, learn_prompts=False)


EXAMPLES = [
    Example(conversation, f"rows.jsonl, line {number}")
    for number, conversation in enumerate(
        [
            TALK,
            Conversation((replace(HOSTILE.turns[0], answer=HOSTILE.turns[0].question), *TALK.turns[1:])),
            *(case.answered(HOSTILE.turns[0].question) for case in CASES.values()),
            Conversation((Turn("가", answer="<think>음</think> </s><|im_end|><|eot_id|>"),)),
            Conversation((Turn("", "", " "),)),
        ],
        start=1,
    )
]


@pytest.mark.parametrize("name", ["llama3", "chatml", "gemma", "llama2", "neox"])
@pytest.mark.parametrize("format_id", FORMATS.by_id)
def test_rows_encoded_at_once_are_those_encoded_one_by_one(
    format_id: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    format, tokenizer = FORMATS.get(format_id), small(name)
    if format.kind == "chat" and tokenizer.chat_template is None:
        return
    examples = [replace(one, conversation=replace(one.conversation, system="")) for one in EXAMPLES] * 3

    def rows(some: list[Example]) -> tuple[TokenRow, ...]:
        eos = tokenizer.eos_token
        return token_rows(some, format, tokenizer, eos, max_tokens=9000, learn_prompts=False).rows

    alone = tuple(row for example in examples for row in rows([example]))
    assert rows(examples) == alone
    monkeypatch.setattr("finetune.tokens.rows._CHARACTERS_AT_ONCE", 2000)
    assert rows(examples) == alone


def test_rows_are_encoded_a_part_at_a_time_and_a_wish_to_stop_is_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("finetune.tokens.rows._CHARACTERS_AT_ONCE", 2000)
    held: list[int] = []

    def counted(some: Sequence[AnswerSegment], tokenizer: Any) -> list[tuple[list[int], list[int]]]:
        held.append(len(some))
        return encode_segments(some, tokenizer)

    def check() -> None:
        if len(held) == 2:
            raise InterruptedError

    monkeypatch.setattr("finetune.tokens.rows.encode_segments", counted)
    tokenizer: Any = small("neox")
    arguments: Any = {"max_tokens": 9000, "learn_prompts": False, "check": check}
    with pytest.raises(InterruptedError):
        token_rows(EXAMPLES * 50, FORMATS.get("kullm"), tokenizer, tokenizer.eos_token, **arguments)
    assert len(held) == 2 and max(held) < 40


def test_half_a_character_among_many_rows_is_named() -> None:
    tokenizer: Any = small("neox")
    broken = Example(Conversation((Turn("가", answer="나\ud800"),)), "rows.jsonl, line 99")
    with pytest.raises(BadRequest, match=r"rows\.jsonl, line 99: .*half a character"):
        token_rows(
            [*EXAMPLES, broken],
            FORMATS.get("kullm"),
            tokenizer,
            tokenizer.eos_token,
            max_tokens=9000,
            learn_prompts=False,
        )


def test_a_row_that_the_format_cannot_write_is_named() -> None:
    with pytest.raises(BadRequest, match=r"rows\.jsonl, line 7: The format 'korani-search'"):
        made(replace(TALK, system="짧게"), "korani-search", "neox")
