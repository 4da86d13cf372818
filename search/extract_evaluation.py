"""How often the extractive answer holds the answer, and says that there is none; apart from how it is found.

`python -m benchmarks search-extracts` shows it on the questions that ship, over the documents that ship.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.documents.provider import SHIPPED, DocumentsProvider
from search.extract import extract
from search.records import SearchSource
from search.searching import MOST_RESULTS, numbered, without_repeats
from search.watch import SearchWatch
from search.wish import SearchWish
from search.words import squeezed

Rows = Sequence[Mapping[str, Any]]
"""Questions as they stand in the sets that ship."""
SourcesOf = Callable[[str], Sequence[SearchSource]]
"""What a search finds for a question."""


@dataclass(frozen=True)
class ExtractScore:
    """Shares; `in_sources` is what no extract can pass."""

    questions: int
    in_sources: float
    answered: float
    """The phrase that answers stands in the extract."""
    answered_same_words: float
    """The same share among the questions that are put in the page's own words."""
    refused: float
    """Nothing was answered though the documents hold it."""
    unanswerable: int
    abstained: float
    abstained_gate: float
    """The same share among those of which the documents say nothing at all."""


def evaluate_extracts(sources_of: SourcesOf, asked: Rows, lacking: Rows) -> ExtractScore:
    """On questions with an answer in the documents, and on questions without."""
    found = [(row, sources_of(row["question"])) for row in asked]
    extracts = [" ".join(each.text for each in extract(row["question"], sources)) for row, sources in found]
    hits = [squeezed(row["answer"]) in squeezed(text) for row, text in zip(asked, extracts, strict=True)]
    reachable = [
        any(squeezed(row["answer"]) in squeezed(source.passage) for source in sources)
        for row, sources in found
    ]
    same = [hit for row, hit in zip(asked, hits, strict=True) if row["phrasing"] == "same"]
    abstained = [not extract(row["question"], sources_of(row["question"])) for row in lacking]
    gate = [said for row, said in zip(lacking, abstained, strict=True) if row.get("gate")]
    return ExtractScore(
        len(asked),
        _share(reachable),
        _share(hits),
        _share(same),
        _share([not text for text in extracts]),
        len(lacking),
        _share(abstained),
        _share(gate),
    )


def shipped_sources(home: Path) -> SourcesOf:
    """What a search of the documents that ship finds, indexed below `home`."""
    provider, most = DocumentsProvider(SHIPPED, home), SearchWish("", ()).most_sources

    def sources_of(question: str) -> Sequence[SearchSource]:
        results = provider.search(question, MOST_RESULTS, SearchWatch())
        return numbered(without_repeats(results)[:most])

    return sources_of


def shipped_questions() -> tuple[Rows, Rows]:
    """The questions with an answer in the documents that ship, and those without."""
    folder = Path(__file__).parent / "sets"
    files = (folder / name for name in ("questions.jsonl", "unanswerable.jsonl"))
    asked, lacking = ([json.loads(line) for line in each.read_text("utf-8").splitlines()] for each in files)
    return asked, lacking


def _share(said: Sequence[bool]) -> float:
    return sum(said) / max(1, len(said))
