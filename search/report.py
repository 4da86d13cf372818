"""What was searched and what was checked as plain text: for the terminal and for reports that people export.

Knows: the few words it takes in each language, and how what stands in extras is read.
Refuses to know: Markdown, terminals, and how a sentence is checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from errors import wording
from search.answer_extras import INVENTED_ADDRESS, NOT_CHECKED, checked_answer_of
from search.citations.verdicts import Verdict
from search.records import Searched, SearchSource, searched_of

_MARKS = {Verdict.SUPPORTED: "✓", Verdict.WEAK: "△", Verdict.UNSUPPORTED: "✗", Verdict.UNCITED: "·"}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "why": "Search",
        "queries": "Queries",
        "sources": "Sources",
        "none": "No source was found.",
        "problem": "Not read",
        "page": "p. {page}",
        "supported": "supported",
        "weak": "supported in part",
        "unsupported": "not supported",
        "uncited": "no source named",
        INVENTED_ADDRESS: "in no source",
        NOT_CHECKED: "The sentences could not be checked.",
    },
    "ko": {
        "why": "검색",
        "queries": "검색어",
        "sources": "출처",
        "none": "출처를 찾지 못했습니다.",
        "problem": "읽지 못한 곳",
        "page": "{page}쪽",
        "supported": "뒷받침됨",
        "weak": "일부만 뒷받침됨",
        "unsupported": "뒷받침되지 않음",
        "uncited": "출처 표시 없음",
        INVENTED_ADDRESS: "출처에 없는 주소",
        NOT_CHECKED: "문장을 확인하지 못했습니다.",
    },
}


def report_of_question(extras: Mapping[str, object], language: str) -> str:
    """Why it was searched, with which queries, and the sources; empty where the question was a plain one."""
    searched = searched_of(extras)
    return "" if searched is None else "\n".join(searched_lines(searched, language))


def report_of_answer(extras: Mapping[str, object], language: str) -> str:
    """The sentences of an answer, each with its verdict; empty where none was checked."""
    return "\n".join(checked_lines(extras, language))


def searched_lines(searched: Searched, language: str, longest: int | None = None) -> Iterator[str]:
    """`longest`: of each passage only so many characters, in one line."""
    words = _WORDS[language]
    yield f"{words['why']}: {wording(searched.why, language)}"
    if not searched.searched:
        return
    yield f"{words['queries']}: {', '.join(searched.queries)}"
    for problem in searched.problems:
        yield f"{words['problem']}: {wording(problem, language)}"
    yield f"{words['sources']}:" if searched.sources else words["none"]
    for source in searched.sources:
        yield from _source_lines(source, words, longest)


def checked_lines(extras: Mapping[str, object], language: str) -> Iterator[str]:
    """A line a sentence with its mark and verdict, and what a reader should know of the whole answer. A
    sentence that states nothing, as a greeting, has no verdict."""
    words, checked = _WORDS[language], checked_answer_of(extras)
    for sentence in checked.sentences if checked else ():
        text = " ".join(sentence.text.split())
        said = f"{_MARKS[sentence.verdict]} {text} ({words[sentence.verdict]})"
        yield said if sentence.states else f"  {text}"
    for flag in checked.flags if checked else ():
        yield ": ".join(filter(None, (f"! {words.get(flag.code, flag.code)}", flag.text)))


def _source_lines(source: SearchSource, words: Mapping[str, str], longest: int | None) -> Iterator[str]:
    page = words["page"].format(page=source.page) if source.page is not None else ""
    where = ", ".join(filter(None, (source.site, source.date, page)))
    yield f"[{source.n}] {source.title}" + (f" ({where})" if where else "")
    if source.url:
        yield f"    {source.url}"
    lines = source.passage.splitlines() if longest is None else [_shortened(source.passage, longest)]
    yield from (f"    {line}" for line in lines)


def _shortened(passage: str, longest: int) -> str:
    line = " ".join(passage.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
