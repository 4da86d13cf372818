"""What a person types finds what they mean, and never reaches the language of the index.

Run: python -m pytest tests/search/documents/test_documents_search.py
"""

from __future__ import annotations

import json

import pytest

from search.documents.provider import SHIPPED, DocumentsProvider
from search.documents.terms import MOST_POSTINGS, expression
from search.problems import SearchProblem
from search.records import SearchResult
from search.watch import SearchWatch
from tests.search.documents.document_folders import DocumentFolder


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> DocumentFolder:
    folder = DocumentFolder(SHIPPED, tmp_path_factory.mktemp("home"))
    assert folder.update() == ()
    return folder


MARKS = [
    '"',
    '""',
    "'",
    "AND",
    "NEAR(",
    "*",
    "-",
    "^",
    ":",
    "(",
    "col:x",
    "words : x",
    "\0",
    "{a b}",
    "은행 OR",
]
MARKS += [
    "은행?",
    "은행-금리",
    '은행" OR "금리',
    "은행*",
    "NOT 은행",
    "은행\0금리",
    "",
    " ",
    "?!",
    "\ud800은행",
]


@pytest.mark.parametrize("query", MARKS)
def test_no_mark_is_understood_as_more_than_text(folder: DocumentFolder, query: str) -> None:
    folder.write("은행.txt", "은행에서 금리를 묻는다. 금리는 매달 바뀐다.")
    folder.update()
    assert folder.paths(query) == (["은행.txt"] if "은행" in query else [])


@pytest.mark.parametrize("word", ["c++", "3.5", "node.js", "GPT-4o", "漢字", "a_b"])
def test_a_word_with_marks_is_found_as_it_is_written(folder: DocumentFolder, word: str) -> None:
    folder.write("a.txt", f"이 글은 {word} 이야기이다.")
    folder.write("b.txt", "다른 글이다.")
    folder.update()
    assert folder.paths(word) == ["a.txt"]


def test_every_word_of_two_syllables_is_found(shipped: DocumentFolder) -> None:
    words = (SHIPPED.parent / "two_syllable_words.txt").read_text(encoding="utf-8").split()
    found = {word: [each.title + each.text for each in shipped.found(word)] for word in words}
    assert [word for word in words if not any(word in text for text in found[word])] == []


def test_common_terms_are_left_out_when_they_cost_more_than_a_query_may() -> None:
    words = {("words", "제주도"): MOST_POSTINGS // 2, ("words", "감귤"): MOST_POSTINGS}
    asked = expression("제주도 감귤", words)
    assert 'words : "제주도"' in asked
    assert 'words : "감귤"' not in asked
    assert 'bigrams : "감귤"' in asked
    only = expression("감", {("words", "감"): 10 * MOST_POSTINGS, ("bigrams", "감"): 10 * MOST_POSTINGS})
    assert only, "something is always asked"


def test_the_provider_gives_whole_passages_and_follows_the_folder(folder: DocumentFolder) -> None:
    provider = DocumentsProvider(folder.path, folder.home)
    assert provider.name == "documents"
    with pytest.raises(SearchProblem) as empty:
        provider.search("기준금리", 5, SearchWatch())
    assert empty.value.code == "search-folder-empty"
    folder.write("법/은행.md", "# 한국은행\n\n기준금리를 정한다.")
    folder.write("empty.txt", "")
    lines = [
        {"_id": "a1", "text": "박물관은 무료이다."},
        {"url": "https://x.example", "text": "도서관은 월요일에 쉰다."},
    ]
    folder.write("모음.jsonl", "\n".join(map(json.dumps, lines)))
    assert provider.search("기준금리", 5, _patient(provider)) == [
        SearchResult("한국은행", "법/은행.md", "기준금리를 정한다.", whole=True)
    ]
    assert [problem.code for problem in provider.problems] == ["file-empty"]
    assert [result.url for result in provider.search("박물관 도서관", 5, SearchWatch())] == [
        "모음.jsonl#a1",
        "https://x.example",
    ]
    assert provider.search("박물관", 5, SearchWatch())[0].title == "모음"


def test_the_shipped_documents_are_read_where_they_lie(shipped: DocumentFolder) -> None:
    assert shipped.paths("한라산은 얼마나 높아?")[0] == "한라산.md"
    assert not [path for path in SHIPPED.parent.rglob("*.db*") if path.is_file()]


def _patient(provider: DocumentsProvider) -> SearchWatch:
    provider._look_again = 0.0
    return SearchWatch()
