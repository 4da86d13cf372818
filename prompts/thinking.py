"""The thinking that a model writes before its answer, told apart from the answer.

A text is split as it was written or as far as it has grown; what is stored stays whole. Only thinking at the
very beginning counts, so an answer that talks about `<think>` is an answer.

Families write it in their own ways: Qwen3 between `<think>` marks; EXAONE Deep between `<thought>` marks;
DeepSeek R1, EXAONE 4 and others begin it in the prompt, so that only its end comes. HyperCLOVA X and gpt-oss
mark it by roles, whose control tokens are not part of a text: what is left of them are the names.
"""

from __future__ import annotations

from dataclasses import dataclass

_CLOSING = {"<think>": "</think>", "<thinking>": "</thinking>", "<thought>": "</thought>"}
_ROLES = {
    "<|start|>assistant": ("analysis", "assistantfinal"),
    "<|im_start|>assistant": ("/think", "assistant\n"),
}
"""By the end of the prompt: how a text that thinks begins after it, and what ends its thinking."""
_BEGUN_ROLE = {"assistant/think": "assistant\n", "<|channel|>analysis<|message|>": "assistantfinal"}


@dataclass(frozen=True)
class SplitAnswer:
    """A text in its two parts, without the marks."""

    thinking: str
    answer: str
    thinks: bool = False
    """Its thinking has not ended: it is still thinking, or was stopped while it did."""


def thinking_style(prompt: str) -> str:
    """What of a prompt's end tells how the text after it thinks; empty where nothing does."""
    end = prompt[-60:].rstrip()
    return next((style for style in (*_CLOSING, *_BEGUN_ROLE, *_ROLES) if end.endswith(style)), "")


def split_thinking(text: str, style: str = "", growing: bool = False) -> SplitAnswer:
    """`style` is that of its prompt. One that grows may end amid a mark, which is shown in neither part."""
    if growing and _may_become_a_mark(text):
        return SplitAnswer("", "", thinks=True)
    closing, rest = _entered(text, style)
    if not closing:
        return SplitAnswer("", text)
    begun = growing or not text.lstrip().startswith((*_CLOSING,)) or style in _CLOSING
    thoughts: list[str] = []
    while closing:
        thought, found, after = rest.partition(closing)
        if not found:
            return _unended(text, thoughts, rest, closing if growing else "", begun)
        thoughts.append(thought)
        closing, rest = _entered(after, "")
    return SplitAnswer(_joined(thoughts), "" if growing and _may_become_a_mark(rest) else rest.lstrip())


def _may_become_a_mark(text: str) -> bool:
    return bool(text.strip()) and any(mark.startswith(text.lstrip()) for mark in _CLOSING)


def thinking_and_answer(text: str, prompt: str) -> SplitAnswer:
    """The parts of a text that has ended."""
    return split_thinking(text, thinking_style(prompt))


def _entered(text: str, style: str) -> tuple[str, str]:
    """What will end the thinking that a text begins with, and the text without the mark of its beginning."""
    begun = text.lstrip()
    if closing := _CLOSING.get(style) or _BEGUN_ROLE.get(style):
        return closing, begun.removeprefix(style) if begun.startswith(style) else text
    if style in _ROLES and begun.startswith(_ROLES[style][0]):
        return _ROLES[style][1], begun.removeprefix(_ROLES[style][0])
    mark = next((mark for mark in _CLOSING if begun.startswith(mark)), "")
    return _CLOSING.get(mark, ""), begun.removeprefix(mark)


def _unended(text: str, thoughts: list[str], rest: str, closing: str, begun: bool) -> SplitAnswer:
    """A mark of the text that nothing ends counts only as models write it, with its line to itself:
    `<think>는 …` is an answer about it."""
    if not begun and rest.split("\n", 1)[0].strip():
        return SplitAnswer(_joined(thoughts), text if not thoughts else rest)
    cut = next((size for size in range(len(closing) - 1, 0, -1) if rest.endswith(closing[:size])), 0)
    return SplitAnswer(_joined([*thoughts, rest[: len(rest) - cut]]), "", thinks=True)


def _joined(thoughts: list[str]) -> str:
    return "\n\n".join(thought.strip() for thought in thoughts if thought.strip())
