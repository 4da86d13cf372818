"""A folder becomes an index that follows it, whatever happens to its files.

Run: python -m pytest tests/search/documents/test_documents_index.py
"""

from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from errors import Stopped
from search.documents import updating
from search.documents.index import DocumentsIndex
from search.documents.reading import documents_in
from search.documents.store import IndexStore
from search.documents.terms import Terms, terms_of
from search.problems import SearchProblem
from search.watch import SearchWatch
from tests.search.documents.document_folders import DocumentFolder, held
from tests.search.extraction.small_pdfs import pdf_of

BANK = "# 은행\n\n한국은행은 기준금리를 정한다. 물가가 오르면 금리를 올린다."
ISLAND = "제주도에서는 감귤이 자란다. 돌하르방이 마을 어귀에 서 있다."
PAGE = """<html><head><title>한라산</title></head><body><p style="display:none">비밀번호는 1234이다.</p>
<article><h1>한라산</h1><p>한라산은 높이가 1,947m로, 한국에서 가장 높은 산이다. 꼭대기에는 백록담이 있고,
많은 사람이 해마다 이 산을 오른다. 겨울에는 눈이 많이 쌓여 경치가 아름답다.</p></article></body></html>"""
LINES = [
    {"_id": "7", "title": "도서관", "text": "도서관은 월요일에 쉰다.", "metadata": {}},
    {
        "id": 8,
        "제목": "박물관",
        "내용": "박물관은 무료이다.",
        "url": "https://museum.example/",
        "date": "2024-05-01",
    },
]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are read while a test runs."""
    names: list[str] = []

    def watched(folder: Path, path: str, after: int = 0) -> object:
        names.append(path)
        return documents_in(folder, path, after)

    monkeypatch.setattr(updating, "documents_in", watched)
    return names


def test_each_kind_of_file_is_found_with_its_title_and_where_it_lies(folder: DocumentFolder) -> None:
    folder.write("법/은행.md", BANK)
    folder.write("제주.txt", ISLAND)
    folder.write("모음.jsonl", "\n".join(json.dumps(line, ensure_ascii=False) for line in LINES))
    folder.write("지리.HTM", PAGE)
    folder.write("보고서.pdf", pdf_of("첫 쪽이다.", "반도체 수출이 늘었다.", title="무역 보고서"))
    assert folder.update() == ()
    bank, island, library, museum = (
        folder.found(query)[0] for query in ("기준금리", "돌하르방", "도서관 쉬는 날", "박물관 입장료")
    )
    (mountain,), report = folder.found("한라산 높이", 1), folder.found("반도체")[0]
    assert (mountain.path, mountain.title, "1,947m" in mountain.text) == ("지리.HTM", "한라산", True)
    assert (report.path, report.title, report.page) == ("보고서.pdf", "무역 보고서", 2)
    assert folder.found("비밀번호") == []
    assert (bank.path, bank.title, bank.text) == ("법/은행.md", "은행", BANK.partition("\n\n")[2])
    assert (island.path, island.title) == ("제주.txt", "")
    assert (library.path, library.name, library.title) == ("모음.jsonl", "7", "도서관")
    assert (museum.name, museum.url, museum.date) == ("8", "https://museum.example/", "2024-05-01")


def test_only_what_changed_is_read_again(folder: DocumentFolder, read: list[str]) -> None:
    folder.write("은행.md", BANK)
    folder.write("제주.txt", ISLAND)
    folder.update()
    assert read == ["은행.md", "제주.txt"]
    read.clear()
    folder.update()
    os.utime(folder.path / "은행.md", ns=(1, 1))
    folder.update()
    assert read == []
    folder.write("제주.txt", "제주도에는 말이 많다.")
    folder.update()
    assert read == ["제주.txt"]
    assert folder.paths("돌하르방") == []
    assert folder.paths("말이 많은 섬") == ["제주.txt"]


def test_a_file_under_another_name_is_found_there_and_not_read_again(
    folder: DocumentFolder, read: list[str]
) -> None:
    folder.write("은행.md", BANK)
    folder.update()
    (folder.path / "은행.md").rename(folder.path / "금리.md")
    folder.update()
    assert (read, folder.paths("기준금리")) == (["은행.md"], ["금리.md"])
    (folder.path / "금리.md").rename(folder.path / "금리.txt")
    folder.update()
    assert read == ["은행.md", "금리.txt"], "as a text it is another document"


def test_a_copy_is_read_and_found_once(folder: DocumentFolder, read: list[str]) -> None:
    folder.write("은행.md", BANK)
    folder.write("사본.md", BANK)
    folder.update()
    assert len(read) == 1
    assert folder.paths("기준금리") == ["사본.md"]
    (folder.path / "사본.md").unlink()
    folder.update()
    assert folder.paths("기준금리") == ["은행.md"]


def test_what_is_removed_is_not_found_and_leaves_nothing_behind(folder: DocumentFolder) -> None:
    folder.write("은행.md", BANK)
    folder.update()
    (folder.path / "은행.md").unlink()
    folder.update()
    assert folder.found("기준금리") == []
    assert all(rows == [] for rows in held(folder.database).values())


def test_whatever_happens_to_files_the_index_is_that_of_the_folder(
    folder: DocumentFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updating, "_BATCH_PASSAGES", 2)
    chance = random.Random(7)
    names = [f"{number}{suffix}" for number in range(4) for suffix in (".txt", ".md", ".jsonl")]
    for _ in range(12):
        for name in chance.sample(names, 4):
            file = folder.path / name
            match chance.choice(("write", "write", "remove", "rename")):
                case "write":
                    lines = (
                        json.dumps({"text": f"{word} 이야기. {ISLAND}"})
                        for word in chance.sample("산강들별꽃", 3)
                    )
                    folder.write(name, "\n".join(lines))
                case "remove":
                    file.unlink(missing_ok=True)
                case "rename" if file.exists():
                    file.rename(folder.path / chance.choice(names))
        folder.update()
    at_once = replace(folder, home=tmp_path / "another home")
    at_once.update()
    assert held(folder.database) == held(at_once.database)
    assert folder.found("꽃 이야기")


def test_an_index_of_another_narani_or_damaged_is_made_anew(
    folder: DocumentFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("은행.md", BANK)
    folder.update()
    monkeypatch.setattr("search.documents.store._MADE", 999)
    assert folder.found("기준금리") == []
    folder.update()
    assert folder.paths("기준금리") == ["은행.md"]
    folder.database.write_bytes(b"garbage " * 1000)
    with pytest.raises(SearchProblem) as problem:
        folder.found("기준금리")
    assert problem.value.code == "search-index-broken"
    folder.update()
    assert folder.paths("기준금리") == ["은행.md"]


def test_a_stopped_pass_keeps_what_it_read_and_the_next_goes_on(
    folder: DocumentFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (json.dumps({"_id": str(number), "text": f"문서 {number}번. {ISLAND}"}) for number in range(20))
    folder.write("모음.jsonl", "\n".join(lines))
    watch = _StopsAt(7)
    with pytest.raises(Stopped):
        folder.index.update(watch)
    assert watch.progress.done == 7
    assert watch.progress.total == 20
    seen: list[str] = []

    def watched(title: str, text: str) -> Terms:
        seen.append(text.partition("번")[0])
        return terms_of(title, text)

    monkeypatch.setattr(updating, "terms_of", watched)
    folder.update()
    assert seen == [f"문서 {number}" for number in range(7, 20)]
    assert {found.name for found in folder.found("제주도 감귤", limit=20)} == {
        str(each) for each in range(20)
    }


def test_a_folder_that_is_not_there_is_told_and_its_index_kept(folder: DocumentFolder) -> None:
    folder.write("은행.md", BANK)
    folder.update()
    folder.path.rename(folder.path.with_name("away"))
    with pytest.raises(SearchProblem, match="cannot be read"):
        folder.update()
    assert folder.paths("기준금리") == ["은행.md"]


def test_a_full_disk_is_told_and_the_pass_goes_on_once_there_is_room(
    folder: DocumentFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("은행.md", BANK)
    folder.update()
    folder.write("제주.txt", "\n".join(f"{ISLAND} {number}번째 이야기이다." for number in range(300)))
    made = IndexStore.__init__

    def full(store: IndexStore, path: Path) -> None:
        made(store, path)
        store._database.execute("PRAGMA max_page_count = 40")

    monkeypatch.setattr(IndexStore, "__init__", full)
    with pytest.raises(SearchProblem, match="cannot be written: No space left on device"):
        folder.update()
    assert folder.paths("기준금리") == ["은행.md"]
    monkeypatch.setattr(IndexStore, "__init__", made)
    folder.update()
    assert folder.paths("돌하르방")[0] == "제주.txt"


def test_a_home_that_cannot_be_written_is_told(folder: DocumentFolder) -> None:
    folder.home.write_text("a file", encoding="utf-8")
    with pytest.raises(SearchProblem) as problem:
        folder.update()
    assert problem.value.code == "search-index-unwritable"


def test_each_folder_has_an_index_of_its_own(folder: DocumentFolder, tmp_path: Path) -> None:
    folder.write("은행.md", BANK)
    other = tmp_path / "other"
    other.mkdir()
    folder.update()
    DocumentsIndex(other, folder.home).update(SearchWatch())
    assert DocumentsIndex(other, folder.home).search("기준금리", 5) == []
    assert folder.paths("기준금리") == ["은행.md"]


class _StopsAt(SearchWatch):
    """Asked to stop when so many documents are done."""

    def __init__(self, done: int) -> None:
        super().__init__()
        self._stops_at = done

    def report(self, stage: str, done: int = 0, total: int | None = None) -> None:
        super().report(stage, done, total)
        if stage == "indexing" and done == self._stops_at:
            self.stop()
