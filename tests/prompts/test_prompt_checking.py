"""Holds that a template format is compared with the tokenizer's own chat template token for token.

Run: python -m pytest tests/prompts/test_prompt_checking.py
"""

from __future__ import annotations

from prompts.catalog import load_formats
from prompts.checking import compare_with_chat_template
from prompts.format import PromptFormat
from tests.prompts.small_tokenizers import chatml, small

FORMATS = load_formats()
OURS = PromptFormat.model_validate(
    {
        "id": "im",
        "title": "ChatML by hand",
        "kind": "template",
        "system": "<|im_start|>system\n{system}<|im_end|>\n",
        "question": "<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n",
        "turn_end": "<|im_end|>\n",
        "multi_turn": "native",
    }
)


def test_equal_formats_show_no_difference() -> None:
    assert compare_with_chat_template(OURS, small("chatml")) == []


def test_each_difference_names_its_conversation_and_token() -> None:
    without_newline = OURS.model_copy(update={"turn_end": "<|im_end|>"})
    (difference,) = compare_with_chat_template(without_newline, small("chatml"))
    assert difference.startswith("two turns: from token ") and "'<|im_start|>user" in difference


def test_a_wrong_format_differs_everywhere() -> None:
    assert len(compare_with_chat_template(FORMATS.get("koalpaca"), small("chatml"))) == 3


def test_a_prompt_cut_short_differs() -> None:
    tokenizer = chatml()
    tokenizer.chat_template += "{{ '<think>' }}"
    assert compare_with_chat_template(OURS, tokenizer)[0].endswith(
        "writes nothing, the chat template '<think>'"
    )


def test_a_refusal_of_either_is_said() -> None:
    no_system = OURS.model_copy(update={"system": ()})
    (said,) = compare_with_chat_template(no_system, small("chatml"))
    assert said.startswith("a system text: the format refuses it")
    assert any(
        "the chat template refuses it" in said for said in compare_with_chat_template(OURS, small("gemma"))
    )


def test_nothing_to_compare_is_no_difference() -> None:
    assert compare_with_chat_template(FORMATS.get("chat"), small("chatml")) == []
    assert compare_with_chat_template(OURS, small("neox")) == []
