"""A report in Markdown: whatever people and models wrote is text in it, to the character.

Run: python -m pytest tests/comparison/export/test_markdown_report.py
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from comparison.export.markdown import ExtrasText, write_markdown
from dashboard.texts import read_texts
from tests.comparison.export.flat_house import HOSTILE, in_pieces, row
from tests.dashboard.hostile_answers import HOSTILE as HOSTILE_MARKDOWN

WORDS = read_texts("ko").report
BREAKS_OUT = (
    "```\n# 제목이 되려는 답\n```",
    "~~~\n```` \n`````text\n<script>alert(1)</script>",
    "    ```\n- 목록",
    "`" * 40,
    "끝에 빈 줄\n\n",
    "줄\r```\r# 제목",
    "<!-- ",
)
TEXTS = [text for text in (*HOSTILE, *BREAKS_OUT, *HOSTILE_MARKDOWN) if text]


def report(folder: Path, *rows: dict[str, Any]) -> str:
    path = folder / "report.md"
    assert write_markdown(in_pieces(list(rows), 2), path, WORDS) > 0
    return path.read_bytes().decode()


def parsed(text: str) -> tuple[list[str], list[str], set[str]]:
    """As a reader that is not ours sees it: what stands in fences, the headings, and what else there is."""
    tokens = MarkdownIt("commonmark").parse(text)
    heads = [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"]
    return [token.content for token in tokens if token.type == "fence"], heads, {each.type for each in tokens}


def as_read(text: str) -> str:
    """CommonMark has one kind of line end and no NUL; half a character is in no file."""
    text = re.sub("\r\n?", "\n", text).replace("\0", "\ufffd")
    return text.encode("utf-8", "replace").decode() + "\n"


@pytest.mark.parametrize("at", range(len(TEXTS)))
def test_nothing_written_by_others_becomes_markdown(at: int, tmp_path: Path) -> None:
    text = TEXTS[at]
    made = row(question=text, input=text, system=text, text=text, error=text, model="demo-chat")
    fences, heads, kinds = parsed(report(tmp_path, made))
    assert fences == [as_read(text)] * 5
    assert heads == [WORDS["title"], WORDS["question"].format(number=1), "`demo-chat`"]
    assert not kinds & {"html_block", "code_block", "blockquote_open", "hr"}


def test_what_another_room_says_stands_in_fences_in_place_of_the_input(tmp_path: Path) -> None:
    said = ExtrasText(lambda extras: str(extras.get("q", "")), lambda extras: str(extras.get("a", "")))
    path = tmp_path / "report.md"
    for text in BREAKS_OUT:
        rows = [
            row(run_id="1", position=0, request=json.dumps({"extras": {"q": text}}), input="벽", text="답"),
            row(run_id="2", position=0, request=json.dumps({"extras": {}}), input="글", text="답"),
        ]
        rows[0]["extras"] = json.dumps({"a": text})
        assert write_markdown(in_pieces(rows, 2), path, WORDS, said) == 2
        fences, heads, kinds = parsed(path.read_bytes().decode())
        question = as_read(str(rows[0]["question"]))
        assert fences[:4] == [question, as_read(text), "답\n", as_read(text)]
        assert "벽\n" not in fences and "글\n" in fences, "only where there is something in its place"
        assert len(heads) == 5 and "html_block" not in kinds


def test_settings_that_others_wrote_stay_in_their_line(tmp_path: Path) -> None:
    hostile = json.dumps({"temperature": 0.7, "stop_strings": ["``\n# 제목", "<b>"]}, ensure_ascii=False)
    _, heads, kinds = parsed(report(tmp_path, row(settings=hostile, format="a`b", model="m`\n# x")))
    assert len(heads) == 3 and "html_block" not in kinds


def test_a_report_has_a_section_a_question_a_model_and_an_attempt(tmp_path: Path) -> None:
    turns = [{"question": "하나", "answer": "답", "answered_by": "demo-kullm"}, {"question": "둘"}]
    late = json.dumps({"conversation": {"turns": turns}})
    text = report(
        tmp_path,
        row(run_id="1", position=0, attempt=1, model="a", text="처음", tokens_out=3),
        row(run_id="1", position=0, attempt=2, model="a", text="", state="failed", error="메모리 부족"),
        row(run_id="1", position=0, attempt=3, model="a", text="다시", tokens_out=5),
        row(run_id="1", position=1, model="b", text="", request=late),
        row(run_id="2", position=0, model="a", text="", state="failed", error="메모리 부족"),
    )
    fences, heads, _ = parsed(text)
    asked = "`a` · 1번째 시도", "`a` · 3번째 시도", "`b`"
    assert heads == [WORDS["title"], "질문 1", *asked, "질문 2", "`a`"]
    question = "하늘은 왜 파란가요?\n"
    assert fences == [question, "처음\n", "다시\n", question, "메모리 부족\n"]
    assert text.index("tokens_out=3") < text.index("tokens_out=5"), "each with its own figures"
    assert "temperature=0.7" in text and "tokens_per_second=4.667" in text and "2026-11-21 09:30 UTC" in text
    assert WORDS["took_over"] + ": `demo-kullm`" in text and WORDS["empty"] in text


def test_a_mark_is_said_in_words_and_its_note_is_no_markdown(tmp_path: Path) -> None:
    text = report(tmp_path, row(mark="better, bad", note="`# 제목`\n- 목록"), row(position=1, note="메모"))
    assert "- 평가: 더 나음, 나쁨, `` `# 제목` - 목록 ``\n" in text and "- 평가: `메모`\n" in text
    assert WORDS["mark"] not in report(tmp_path, row())
