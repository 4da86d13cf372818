"""A model's thinking is told apart from its answer however its family writes it, whole or as it grows.

Run: python -m pytest tests/prompts/test_thinking.py
"""

from __future__ import annotations

import pytest

from prompts.catalog import load_formats
from prompts.conversation import Conversation
from prompts.rendering import render
from prompts.thinking import SplitAnswer, split_thinking, thinking_and_answer, thinking_style
from tests.prompts.real_templates import real

IM = "<|im_start|>user\n왜?<|im_end|>\n<|im_start|>assistant\n"

WRITTEN = {
    "marks": ("<think>\n음, 17은…\n</think>\n\n17은 소수입니다.", IM, "음, 17은…", "17은 소수입니다."),
    "another mark": ("<thought>음</thought>답", "[|assistant|]", "음", "답"),
    "begun in the prompt": ("음\n</think>\n\n답", f"{IM}<think>\n", "음", "답"),
    "begun there and again": ("<think>\n음</think>답", f"{IM}<think>\n", "음", "답"),
    "begun by EXAONE Deep": ("음</thought>\n\n답", "[|assistant|]<thought>\n", "음", "답"),
    "several": ("<think>가</think>\n<think>나</think>\n답", IM, "가\n\n나", "답"),
    "empty": ("<think>\n\n</think>\n\n답", IM, "", "답"),
    "closed in the prompt": ("답", f"{IM}<think>\n\n</think>\n\n", "", "답"),
    "HyperCLOVA X": ("/think\n음\nassistant\n답", "<|im_start|>assistant", "음", "답"),
    "HyperCLOVA X, begun": ("음\nassistant\n답", "<|im_start|>assistant/think\n", "음", "답"),
    "gpt-oss": ("analysis음assistantfinal답", "<|start|>assistant", "음", "답"),
    "an end of its own": ("<think>음</think>`</think>`로 닫습니다.", IM, "음", "`</think>`로 닫습니다."),
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_thinking_and_answer_are_told_apart(written: tuple[str, str, str, str]) -> None:
    text, prompt, thinking, answer = written
    assert thinking_and_answer(text, prompt) == SplitAnswer(thinking, answer)


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_what_a_growing_text_shows_stays_true(written: tuple[str, str, str, str]) -> None:
    text, prompt, thinking, answer = written
    style = thinking_style(prompt)
    for size in range(len(text) + 1):
        part = split_thinking(text[:size], style, growing=True)
        if text.startswith(("/think", "analysis")) and size < len("analysis"):
            continue  # a role's name is told from an answer only once it is whole
        assert thinking.startswith(part.thinking.strip())
        assert answer.startswith(part.answer)
        assert not (part.thinks and part.answer)


@pytest.mark.parametrize(
    "text",
    [
        "모델은 <think>와 </think> 사이에 생각을 씁니다.",
        "`<think>`는 생각을 여는 표시입니다.",
        "<think>는 생각을 여는 표시입니다.",
        "답입니다.\n<think>\n덧붙임\n</think>",
        "답</think>",
        "<thin",
        "<b>굵게</b>",
        "analysis는 분석입니다. assistantfinal",
        "",
        "  \n 들여 쓴 답",
    ],
)
def test_an_answer_that_talks_of_thinking_is_an_answer(text: str) -> None:
    assert thinking_and_answer(text, IM) == SplitAnswer("", text)


def test_thinking_that_never_ends_is_no_answer() -> None:
    assert thinking_and_answer("<think>\n음", IM) == SplitAnswer("음", "", thinks=True)
    assert thinking_and_answer("음", f"{IM}<think>\n") == SplitAnswer("음", "", thinks=True)
    assert thinking_and_answer("<think>가</think><think>\n나", IM) == SplitAnswer("가\n\n나", "", thinks=True)


@pytest.mark.parametrize(
    ("family", "style"),
    [("deepseek_r1_distill", "<think>"), ("qwen3", "<|im_start|>assistant"), ("llama3", "")],
)
def test_the_style_is_read_from_the_prompt_of_the_makers_template(family: str, style: str) -> None:
    prompt = render(load_formats().get("chat"), Conversation.ask("왜?"), real(family))
    assert thinking_style(prompt.text) == style
