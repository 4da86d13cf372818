"""The beginning of a long answer: whole blocks and items, that read as they do in the whole.

Run: python -m pytest tests/dashboard/test_markdown_beginning.py
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from benchmarks.page_conversation import markdown
from dashboard.shared.answer_column import pieces
from dashboard.shared.markdown_reading import beginning
from dashboard.shared.safe_markdown import CodeBlock, safe_blocks

ABOUT = 300
_WORDS = "나란히 놓고 **보면** 어느 `답`이 나은지 한눈에 보입니다. "
_PARTS = st.sampled_from(
    [
        lambda size: _WORDS * size,
        lambda size: "\n".join(f"- {_WORDS}{at}" for at in range(size)),
        lambda size: "\n".join(f"{at}. {_WORDS}\n\n   이어서 {at}\n" for at in range(1, size + 1)),
        lambda size: "| 가 | 나 |\n|---|---|\n" + "\n".join(f"| {at} | **나** |" for at in range(size)),
        lambda size: "```python\n" + "\n".join(f"x = {at}  # {_WORDS}\n" for at in range(size)) + "\n```",
        lambda size: "\n".join(f"    indented {at}" for at in range(size)),
        lambda size: "\n".join(f"> {_WORDS}" for _ in range(size)),
        lambda size: f"## 제목 {size}",
        lambda size: "<div>\n" * size,
        lambda size: "- 가\n  ```\n  코드\n\n  코드\n  ```\n- 나" * size,
    ]
)


def documents(largest: int) -> st.SearchStrategy[str]:
    parts = st.lists(st.tuples(_PARTS, st.integers(1, largest)), min_size=1, max_size=9)
    return parts.map(lambda each: "\n\n".join(part(size) for part, size in each))


WHOLE = {"fence", "code_block", "table_open", "list_item_open"}


def torn(text: str, shown: int) -> set[str]:
    """The kinds of blocks of which so many lines of the text show a part."""
    lines = text.split("\n")
    kinds = set()
    for each in MarkdownIt("commonmark").enable("table").parse(text):
        if each.map:
            first, end = each.map
            length = len("\n".join(lines[first:end]).rstrip().split("\n"))
            kinds |= {each.type} if first < shown < first + length else set()
    return kinds


@settings(max_examples=150, deadline=None)
@given(documents(largest=3))
def test_no_code_table_or_item_is_torn(text: str) -> None:
    start = beginning(text, ABOUT)
    assert text.startswith(start)
    assert start == text or ABOUT // 4 < len(start) <= 3 * ABOUT // 2
    assert not torn(text, start.count("\n") + 1) & WHOLE


@settings(max_examples=100, deadline=None)
@given(documents(largest=12))
def test_what_is_shown_reads_as_it_does_in_the_whole(text: str) -> None:
    start = beginning(text, ABOUT)
    assert len(start) <= 3 * ABOUT // 2
    shown, whole = _read(start), _read(text)
    assert whole.startswith(shown[: max(0, len(shown) - 40)]), "but for where a block was closed early"


def _read(text: str) -> str:
    blocks = [block.text if isinstance(block, CodeBlock) else block for block in safe_blocks(text)]
    return "\n".join(line.strip() for block in blocks for line in block.split("\n") if line.strip())


@pytest.mark.parametrize(
    "text",
    [
        "가" * 5000,
        "가나다 " * 2000,
        "```\n" + "x = 1\n" * 2000,
        "가\n" * 4000,
        "\n" * 5000 + "가",
        "- 가 " * 2000,
    ],
    ids=["a word", "a line", "code", "lines", "nothing", "dashes"],
)
def test_one_block_that_is_longer_than_all_is_cut_all_the_same(text: str) -> None:
    start = beginning(text, ABOUT)
    assert text.startswith(start) and len(start) <= ABOUT


def test_a_usual_answer_is_cut_near_where_it_should_be() -> None:
    assert 1_500 < len(beginning(markdown(15_000), 2_000)) <= 2_000


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["가나다 ", "긴낱말" * 300, "\n", "\n\n- 항목", "끝."]), max_size=400))
def test_pieces_of_a_growing_text_stand_still_once_full(parts: list[str]) -> None:
    text = ""
    before: list[str] = []
    for part in parts:
        text += part
        full, end = pieces(text)
        assert "".join(full) + end == text and len(end) <= 2_400 and all(map(len, full))
        assert full[: len(before)] == before
        before = full
