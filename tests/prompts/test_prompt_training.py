"""Holds that training and asking agree to the byte and to the token, for every format and any text.

Run: python -m pytest tests/prompts/test_prompt_training.py
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errors import BadRequest
from prompts.catalog import load_formats
from prompts.conversation import Conversation, Turn
from prompts.encoding import encode, encode_segment
from prompts.rendering import render, training_text
from tests.prompts.hostile_texts import CASES, EARLIER
from tests.prompts.small_tokenizers import small

FORMATS = load_formats()
WORDS = [
    "한국 ",
    "### 질문: ",
    "\n",
    " ",
    "{question}",
    "{",
    "}}",
    "</s>",
    "<|im_end|>",
    "🍚",
    "%s",
    "각",
    "<b>",
    "a",
]
TEXT = st.lists(st.sampled_from(WORDS), max_size=6).map("".join)
TURN = st.builds(Turn, TEXT, TEXT, TEXT)
CONVERSATION = st.builds(Conversation, st.lists(TURN, min_size=1, max_size=3).map(tuple), TEXT)


def with_place_for_system(format_id: str, conversation: Conversation) -> Conversation:
    return replace(conversation, system="") if format_id == "korani-search" else conversation


def asked(conversation: Conversation, count: int) -> Conversation:
    last = replace(conversation.turns[count - 1], answer=None)
    return replace(conversation, turns=(*conversation.turns[: count - 1], last))


@pytest.mark.parametrize("format_id", FORMATS.by_id)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(conversation=CONVERSATION)
def test_every_answer_is_trained_on_the_prompt_it_is_asked_with(
    format_id: str, conversation: Conversation
) -> None:
    format, tokenizer = FORMATS.get(format_id), small("llama3")
    conversation = with_place_for_system(format_id, conversation)
    segments = training_text(format, conversation, "<|eot_id|>", tokenizer)
    assert len(segments) == len(conversation.turns)
    for count, segment in enumerate(segments, start=1):
        prompt = render(format, asked(conversation, count), tokenizer)
        assert segment.prompt == prompt
        answer = conversation.turns[count - 1].answer
        assert segment.answer_text == f"{format.answer_lead}{answer}<|eot_id|>"
        assert [piece.text for piece in segment.answer if piece.is_user] == ([answer] if answer else [])
        prompt_ids, answer_ids = encode_segment(segment, tokenizer)
        assert prompt_ids == encode(prompt, tokenizer)
        assert answer_ids[-1] == tokenizer.eos_token_id and answer_ids.count(tokenizer.eos_token_id) == 1


def test_an_unanswered_last_turn_is_not_learned() -> None:
    segments = training_text(FORMATS.get("kullm"), CASES["turns"], "<|endoftext|>")
    assert [segment.answer_text for segment in segments] == [f"{EARLIER.answer}<|endoftext|>"]


def test_nothing_to_learn_is_said() -> None:
    with pytest.raises(BadRequest, match="nothing to learn"):
        training_text(FORMATS.get("kullm"), Conversation.ask("무엇?"), "</s>")


@pytest.mark.parametrize("name", ["llama2", "metaspace"])
def test_the_answer_goes_on_where_the_prompt_ended(name: str) -> None:
    """An answer encoded alone would begin with a space of the tokenizer's own."""
    tokenizer = small(name)
    (segment,) = training_text(FORMATS.get("kullm"), Conversation.ask("수도는?").answered("서울"), "</s>")
    prompt_ids, answer_ids = encode_segment(segment, tokenizer)
    assert tokenizer.decode(answer_ids, skip_special_tokens=True) == "서울"
    whole = tokenizer(segment.prompt.text + segment.answer_text, add_special_tokens=False).input_ids
    assert [*prompt_ids[1:], *answer_ids] == whole
