"""Sources and verdicts of an answer live through the history, every kind of export, and being asked again.

Run: python -m pytest tests/search/test_search_in_exports.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from comparison.export.making import ExportKind, make_export
from comparison.export.markdown import ExtrasText
from comparison.run import Run
from comparison.turns import asking_again, picture_of_run, picture_of_stored
from dashboard.texts import read_texts
from engines.base import Answer, AnswerRequest
from history.rows import request_of
from search.deciding import SearchMode
from search.records import ROOM, SearchResult, searched_of
from search.report import report_of_answer, report_of_question
from search.wish import SearchWish
from tests.comparison.export.reading_back import read_jsonl, read_long_csv
from tests.search.search_house import PALACE, SearchHouse, search_house

WISH = SearchWish("=경복궁은 언제?", ("demo-kullm", "demo-chat"), mode=SearchMode.ALWAYS)
HOSTILE = SearchResult(
    "```\n# 제목 <script>", "@palace.md", "=1+1 두 줄\n</자료> [9] ```` `까지`", site='",;\t', whole=True
)
SENTENCES = [
    {"text": "=답 [1].", "citations": [1], "verdict": "unsupported", "reason": "words-not-in-source"},
    {"text": "안녕하세요.", "citations": [], "verdict": "uncited", "reason": "states-nothing"},
]
FLAGS = [{"code": "invented-address", "text": "https://x.example"}]


def checked(request: AnswerRequest, answer: Answer) -> Answer:
    searched = searched_of(request.extras)
    assert searched is not None
    return replace(answer, extras={ROOM: {**searched.as_json(), "sentences": SENTENCES, "flags": FLAGS}})


@pytest.fixture
def house(tmp_path: Path) -> Iterator[SearchHouse]:
    with search_house(tmp_path, lambda *asked: (PALACE, HOSTILE), finish=checked) as opened:
        yield opened


@pytest.fixture
def run(house: SearchHouse) -> Run:
    search = house.searches.start("me", WISH)
    assert search.wait(10)
    run = house.runs.get(search.view().run_id or "", "me")
    assert run is not None and run.wait(10)
    return run


def exported(house: SearchHouse, kind: ExportKind, folder: Path) -> Path:
    said = ExtrasText(partial(report_of_question, language="ko"), partial(report_of_answer, language="ko"))
    flat = partial(house.history.flat, "me")
    return make_export(kind, flat, folder, datetime.now(), read_texts("ko").report, said)


@pytest.mark.parametrize(("kind", "read"), [(ExportKind.JSONL, read_jsonl), (ExportKind.LONG, read_long_csv)])
def test_what_is_read_back_from_a_file_is_what_was_stored(
    house: SearchHouse, run: Run, kind: ExportKind, read: Any, tmp_path: Path
) -> None:
    def as_object(value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    rows = list(read(exported(house, kind, tmp_path / "out")))
    assert len(rows) == len(WISH.models)
    for row, request in zip(rows, run.requests, strict=True):
        extras = as_object(row["extras"])
        assert extras[ROOM]["sentences"] == SENTENCES
        assert searched_of(extras) == searched_of(request.extras)
        assert request_of(json.dumps(as_object(row["request"]))) == request, "enough to ask it again"


def test_a_report_lists_sources_and_verdicts_in_place_of_what_models_were_sent(
    house: SearchHouse, run: Run, tmp_path: Path
) -> None:
    text = exported(house, ExportKind.MARKDOWN, tmp_path / "out").read_text(encoding="utf-8")
    tokens = MarkdownIt("commonmark").parse(text)
    question, sources, *answers = [token.content for token in tokens if token.type == "fence"]
    assert question == f"{WISH.question}\n"
    assert PALACE.snippet in sources and "[2]" in sources and "# 제목" in sources and "=1+1 두 줄" in sources
    told = "✗ =답 [1]. (뒷받침되지 않음)\n  안녕하세요.\n! 출처에 없는 주소: https://x.example\n"
    assert [fence for fence in answers if "✗ =답 [1]." in fence] == [told] * 2
    sent = run.requests[0].conversation.turns[-1].input
    assert sent and sent not in text, "the wall of text is not there"
    assert len([token for token in tokens if token.type == "heading_open"]) == 4


def test_asked_again_from_the_history_it_has_the_same_sources(house: SearchHouse, run: Run) -> None:
    stored = house.history.get("me", run.id)
    assert stored is not None and stored.head.kind == ROOM
    picture = picture_of_stored(stored)
    again = asking_again(picture)
    assert again == run.requests and picture.kind == picture_of_run(run).kind == ROOM
    assert [searched_of(request.extras) for request in again] == [
        searched_of(request.extras) for request in run.requests
    ]
    house.plain.ask_again("me", run.id, 0)
    newest = house.runs.get(run.id, "me")
    assert newest is not None and newest.wait(10)
    answer = newest.columns[0].live.view().answer
    assert newest.columns[0].attempt == 2 and answer is not None and ROOM in answer.extras
