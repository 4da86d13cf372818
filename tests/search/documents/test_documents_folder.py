"""Files that are no good are left out with a reason that names them, and cost no other file anything.

Run: python -m pytest tests/search/documents/test_documents_folder.py
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from search.documents import reading
from search.documents.index import DocumentsIndex
from search.problems import SearchProblem
from search.watch import SearchWatch
from tests.search.documents.document_folders import DocumentFolder

GOOD = "한국은행은 기준금리를 정한다."


def _link(folder: DocumentFolder) -> None:
    outside = folder.home.parent / "secret.txt"
    outside.write_text("비밀번호", encoding="utf-8")
    (folder.path / "link.txt").symlink_to(outside)


def _link_to_folder(folder: DocumentFolder) -> None:
    outside = folder.home.parent / "private"
    outside.mkdir()
    (outside / "secret.txt").write_text("비밀번호", encoding="utf-8")
    (folder.path / "link").symlink_to(outside)


def _large(folder: DocumentFolder) -> None:
    folder.write("large.txt", "")
    os.truncate(folder.path / "large.txt", 200 * 2**20)


def _broken_name(folder: DocumentFolder) -> None:
    name = os.fsencode(folder.path) + b"/\xff.txt"
    try:
        Path(os.fsdecode(name)).write_text("비밀번호", encoding="utf-8")
    except OSError:
        pytest.skip("this system has no such names")


FAULTS: dict[str, tuple[Callable[[DocumentFolder], object], str]] = {
    "unknown encoding": (lambda folder: folder.write("a.txt", b"\x81\xff\xfe\x00\xd8"), "a.txt is neither"),
    "empty": (lambda folder: folder.write("sub/a.md", ""), "sub/a.md is empty"),
    "only space": (lambda folder: folder.write("a.txt", " \n\t\n"), "no text was found"),
    "NUL": (lambda folder: folder.write("a.txt", "비밀\0번호"), "NUL"),
    "empty lines of JSON": (lambda folder: folder.write("a.jsonl", "\n\n"), "no text was found"),
    "a link to outside": (_link, "'link.txt' was left out because it is a link"),
    "a link to a folder outside": (_link_to_folder, "'link' was left out because it is a link"),
    "a broken PDF": (lambda folder: folder.write("sub/a.pdf", b"%PDF-1.7 nothing"), "sub/a.pdf is not a PDF"),
    "a page without text": (lambda folder: folder.write("sub/a.html", "<p></p>"), "sub/a.html has no text"),
    "invisible characters": (lambda folder: folder.write("a.txt", "\u200b\u2060"), "no text was found"),
    "too large": (_large, "'large.txt' was left out because it is larger than 64 MB"),
    "a name that is no text": (_broken_name, "'?.txt'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_is_no_good_is_named_and_costs_no_other(folder: DocumentFolder, fault: str) -> None:
    make, sentence = FAULTS[fault]
    folder.write("z.txt", GOOD)
    make(folder)
    for _ in range(2):
        (problem,) = folder.update()
        assert sentence in str(problem)
    assert folder.paths("기준금리") == ["z.txt"]
    assert folder.found("비밀번호") == []


def test_lines_that_cannot_be_read_are_counted_and_the_others_found(folder: DocumentFolder) -> None:
    lines = [
        '{"text": ',
        "[1, 2]",
        '{"title": "제목만"}',
        json.dumps({"text": GOOD}),
        '{"text": {"a": 1}}',
        "{}" * 3,
    ]
    folder.write("a.jsonl", "\n".join(lines))
    (problem,) = folder.update()
    assert problem.facts == {"file": "a.jsonl", "lines": (1, 2, 3, 5, 6), "count": 5}
    assert folder.paths("기준금리") == ["a.jsonl"]


def test_a_file_that_breaks_off_keeps_what_came_before(folder: DocumentFolder) -> None:
    folder.write("a.jsonl", json.dumps({"text": GOOD}) + "\n" + '{"text": "\0"}\n')
    (problem,) = folder.update()
    assert problem.code == "line-with-nul"
    assert folder.paths("기준금리") == ["a.jsonl"]


def test_a_problem_is_told_under_the_name_that_the_file_has_now(folder: DocumentFolder) -> None:
    folder.write("a.txt", "비밀\0번호")
    folder.update()
    (folder.path / "a.txt").rename(folder.path / "b.txt")
    (problem,) = folder.update()
    assert problem.facts["file"] == "b.txt"
    (folder.path / "b.txt").unlink()
    assert folder.update() == ()


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.jsonl"])
def test_of_a_long_text_nothing_is_lost_and_no_piece_takes_long(
    folder: DocumentFolder, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LONGEST", 300)
    lines = [f"문서의 {number}째 줄에는 낱말{number}이 있다." for number in range(100)]
    text = "# 긴 글\n\n" + "\n".join(lines)
    folder.write(name, json.dumps({"title": "긴 글", "text": text}) if name.endswith("jsonl") else text)
    assert folder.update() == ()
    pieces = [
        each for each in reading.documents_in(folder.path, name) if isinstance(each, reading.DocumentText)
    ]
    texts = [text for piece in pieces for text, _ in piece.parts]
    assert max(map(len, texts)) < 700
    assert "".join(texts).splitlines()[-100:] == lines
    assert {getattr(piece, "title", None) for piece in pieces} == {"" if name == "a.txt" else "긴 글"}
    assert list(reading.documents_in(folder.path, name, 3)) == pieces[3:]
    assert "낱말77" in folder.found("낱말77")[0].text


@pytest.mark.parametrize("name", [".hidden.txt", ".git/a.txt", "a.png", "noending", "a.TXT.bak"])
def test_what_is_no_document_is_passed_over_in_silence(folder: DocumentFolder, name: str) -> None:
    folder.write(name, GOOD)
    assert folder.update() == ()
    assert folder.found("기준금리") == []


def test_links_within_the_folder_lead_nowhere_new(folder: DocumentFolder) -> None:
    folder.write("sub/a.txt", GOOD)
    (folder.path / "link.txt").symlink_to(folder.path / "sub/a.txt")
    (folder.path / "sub/up").symlink_to(folder.path)
    (folder.path / "self.txt").symlink_to(folder.path / "self.txt")
    assert folder.update() == ()
    assert folder.paths("기준금리") == ["sub/a.txt"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
def test_text_is_read_however_it_is_encoded(folder: DocumentFolder, encoding: str) -> None:
    folder.write("a.TXT", GOOD.encode(encoding))
    folder.write("b.MD", f"# 은행의 일\n\n{GOOD}".encode(encoding))
    assert folder.update() == ()
    assert {(found.path, found.title) for found in folder.found("기준금리")} == {
        ("a.TXT", ""),
        ("b.MD", "은행의 일"),
    }
    assert all(found.text == GOOD for found in folder.found("기준금리"))


def test_marks_of_markdown_stand_in_no_passage(folder: DocumentFolder) -> None:
    written = (
        f"# **은행**의 일\n{GOOD}\n## 기준금리 ##\n물가가 **오르면** 올린다. 2 ** 3 ** 4\n```\n# 코드\n```"
    )
    folder.write("a.md", written)
    folder.write("b.txt", f"## {GOOD}")
    assert folder.update() == ()
    texts = {found.path: (found.title, found.text) for found in folder.found("기준금리")}
    read = f"{GOOD}\n\n기준금리\n\n물가가 오르면 올린다. 2 ** 3 ** 4\n```\n# 코드\n```"
    assert texts == {"a.md": ("은행의 일", read), "b.txt": ("", f"## {GOOD}")}


@pytest.mark.parametrize("name", ["~nobody-is-called-so/문서", "a\0b", "x" * 300, "no/such/folder"])
def test_a_folder_that_cannot_be_is_a_problem_in_words(tmp_path: Path, name: str) -> None:
    with pytest.raises(SearchProblem) as problem:
        DocumentsIndex(Path(name), tmp_path).update(SearchWatch())
    assert problem.value.code == "search-folder-unreadable"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_pipe_is_not_waited_for(folder: DocumentFolder) -> None:
    os.mkfifo(folder.path / "pipe.txt")
    assert folder.update() == ()
