"""Holds which control tokens an answer may hold: those that mark something in it, none that ends or begins a
turn; and that an answer is asked again as it was learned.

Run: python -m pytest tests/prompts/test_control_tokens_in_answers.py
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from prompts.catalog import load_formats
from prompts.conversation import Conversation, Turn
from prompts.encoding import control_tokens, encode, encode_segment
from prompts.rendering import AnswerSegment, render, training_text
from tests.prompts.real_templates import FAMILIES, real
from tests.prompts.small_tokenizers import chatml, small

FORMATS = load_formats()
THOUGHT = "<think>\n음…\n</think>\n\n서울입니다."
CALL = '찾아볼게요.\n<tool_call>\n{"name": "f"}\n</tool_call>'
QUESTION = "수도는? <think> <tool_call> </think>"


def learned(name: str, answer: str, format_id: str = "chat", question: str = "수도는?") -> AnswerSegment:
    conversation = Conversation((Turn(question, answer=answer),))
    (segment,) = training_text(FORMATS.get(format_id), conversation, FAMILIES[name][2], real(name))
    return segment


@pytest.mark.parametrize("answer", [THOUGHT, CALL, "서울입니다."])
@pytest.mark.parametrize("name", FAMILIES)
def test_an_answer_becomes_the_tokens_that_transformers_makes_of_it(name: str, answer: str) -> None:
    segment = learned(name, answer)
    prompt, ids = encode_segment(segment, real(name))
    whole = segment.prompt.text + segment.answer_text
    assert [*prompt, *ids] == real(name)(whole, add_special_tokens=False).input_ids


@pytest.mark.parametrize("name", ["qwen3", "qwen3_instruct_2507", "qwen3_6", "phi3", "llama3"])
def test_thinking_is_learned_as_the_makers_template_writes_and_encodes_it(name: str) -> None:
    segment = learned(name, THOUGHT)
    prompt, ids = encode_segment(segment, real(name))
    messages = [{"role": "user", "content": "수도는?"}, {"role": "assistant", "content": THOUGHT}]
    theirs = real(name).apply_chat_template(messages, tokenize=True, return_dict=False)
    assert theirs[: len(prompt) + len(ids)] == [*prompt, *ids]
    assert real(name).decode(theirs[len(prompt) + len(ids) :]).strip() in ("", FAMILIES[name][2])


@pytest.mark.parametrize("name", FAMILIES)
def test_nothing_that_ends_or_begins_a_turn_is_read_in_an_answer(name: str) -> None:
    tokenizer, (special, added, end) = real(name), FAMILIES[name]
    found = control_tokens(learned(name, "가").prompt, end, tokenizer)
    inside = {mark for mark in added if "think" in mark or "tool" in mark}
    assert found.in_answers == inside
    assert found.of_turns == {*special, *added} - inside
    for mark in found.of_turns:
        _, ids = encode_segment(learned(name, f"가 {mark} 나"), tokenizer)
        assert tokenizer.convert_tokens_to_ids(mark) not in ids[:-1], mark
        assert tokenizer.decode(ids) == f"가 {mark} 나{end}"


@pytest.mark.parametrize("format_id", ["chat", "koalpaca", "kullm", "koalpaca-multiturn"])
def test_a_persons_words_stay_words_beside_an_answer(format_id: str) -> None:
    tokenizer = real("qwen3_instruct_2507")
    prompt, ids = encode_segment(learned("qwen3_instruct_2507", CALL, format_id, QUESTION), tokenizer)
    for mark in ("<think>", "</think>", "<tool_call>", "</tool_call>"):
        id = tokenizer.convert_tokens_to_ids(mark)
        assert (prompt.count(id), ids.count(id)) == (0, int("tool" in mark))


@pytest.mark.parametrize("format_id", ["chat", "koalpaca", "exaone", "koalpaca-multiturn"])
@pytest.mark.parametrize("answer", [CALL, f"{CALL}<|im_end|>", "<|im_end|>"])
def test_an_earlier_answer_is_asked_with_the_tokens_it_was_learned_with(format_id: str, answer: str) -> None:
    tokenizer = small("chatml")
    talk = Conversation((Turn(QUESTION, answer=answer), Turn(QUESTION)))
    first = replace(talk, turns=talk.turns[:1])
    (segment,) = training_text(FORMATS.get(format_id), first, "<|im_end|>", tokenizer)
    _, ids = encode_segment(segment, tokenizer)
    before = encode(render(FORMATS.get(format_id), Conversation.ask(QUESTION), tokenizer), tokenizer)
    asked = encode(render(FORMATS.get(format_id), talk, tokenizer), tokenizer)
    control = set(tokenizer.added_tokens_decoder) - {tokenizer.convert_tokens_to_ids("    ")}
    mine = [id for id in ids[:-1] if id in control]
    between = [id for id in asked if id in control]
    again = 2 * [id for id in before if id in control]
    ends = [tokenizer.eos_token_id] if format_id == "chat" else []
    assert sorted(between) == sorted([*again, *mine, *ends])
    assert bool(mine) is ("tool" in answer)


def test_a_token_that_the_tokenizer_names_as_its_end_is_none_in_an_answer() -> None:
    tokenizer = chatml()
    tokenizer.add_tokens(["<end>"])
    conversation = Conversation((Turn("가?", answer="나<end>다"),))
    end = tokenizer.convert_tokens_to_ids("<end>")
    (segment,) = training_text(FORMATS.get("kullm"), conversation, "<end>")
    assert encode_segment(segment, tokenizer)[1].count(end) == 1
    (segment,) = training_text(FORMATS.get("kullm"), conversation, "<|im_end|>")
    assert encode_segment(segment, tokenizer)[1].count(end) == 1


def test_a_control_token_across_the_border_of_an_answer_is_text() -> None:
    tokenizer = small("chatml")
    (segment,) = training_text(
        FORMATS.get("plain"), Conversation((Turn("<thi", answer="nk>"),)), "<|im_end|>"
    )
    prompt, ids = encode_segment(segment, tokenizer)
    assert tokenizer.convert_tokens_to_ids("<think>") not in [*prompt, *ids]
