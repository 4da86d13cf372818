"""All that a page draws of an answer, put together as one text of Markdown."""

from __future__ import annotations

import re

from dashboard.shared.markdown_reading import TooTangled
from dashboard.shared.safe_markdown import CodeBlock, safe_blocks
from dashboard.shared.safe_text import whole_characters


def safe_markdown(text: str) -> str:
    try:
        blocks = safe_blocks(text)
    except TooTangled:
        return fenced(CodeBlock(whole_characters(text), None))
    return "\n\n".join(block if isinstance(block, str) else fenced(block) for block in blocks)


def fenced(code: CodeBlock) -> str:
    ticks = max(["``", *re.findall("`+", code.text)], key=len) + "`"
    return "\n".join([ticks + (code.language or ""), code.text.removesuffix("\n"), ticks])
