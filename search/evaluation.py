"""How well documents are found: the measures of retrieval, on folders as BEIR lays them out.

Knows: corpus.jsonl, queries.jsonl and qrels/test.tsv; nDCG, recall and reciprocal rank as trec_eval has them.
Refuses to know: how anything is found.
"""

from __future__ import annotations

import csv
import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from errors import BadEntry, BadRequest
from search.documents.dense import dense_passages
from search.documents.index import DocumentsIndex
from search.watch import SearchWatch
from search.words import content_words
from text_files import open_text
from text_rows import json_line_rows

CUT = 10
"""The measures look at so many documents of a ranking."""
CORPUS = "corpus.jsonl"
_PASSAGES = 4 * CUT
"""Asked for, so that there are enough documents among them."""

Relevant = Mapping[str, Mapping[str, int]]
"""The documents that were judged for each query, each with its grade; 0 is not relevant."""


@dataclass(frozen=True)
class JudgedQueries:
    """Queries with the documents that answer them; those without any are left out."""

    queries: Mapping[str, str]
    relevant: Relevant


@dataclass(frozen=True)
class RetrievalMeasures:
    """Means over all queries."""

    ndcg: float
    recall: float
    mrr: float


@dataclass(frozen=True)
class RetrievalResult:
    """What came of a folder."""

    measures: RetrievalMeasures
    queries: int
    documents: int
    index_seconds: float
    query_ms_median: float

    def as_json(self) -> dict[str, float]:
        return {
            f"ndcg@{CUT}": self.measures.ndcg,
            f"recall@{CUT}": self.measures.recall,
            f"mrr@{CUT}": self.measures.mrr,
            "queries": self.queries,
            "documents": self.documents,
            "index_seconds": self.index_seconds,
            "query_ms_median": self.query_ms_median,
        }


def measures(rankings: Mapping[str, Sequence[str]], relevant: Relevant) -> RetrievalMeasures:
    """The measures of one ranking of documents a query, the best first; a query without one found nothing."""
    each = [_measured(rankings.get(query, ())[:CUT], grades) for query, grades in relevant.items()]
    return RetrievalMeasures(*(fmean(values) for values in zip(*each, strict=True)))


def _measured(ranking: Sequence[str], grades: Mapping[str, int]) -> tuple[float, float, float]:
    wanted = sorted((grade for grade in grades.values() if grade > 0), reverse=True)
    had = [max(0, grades.get(document, 0)) for document in ranking]
    first = next((place for place, grade in enumerate(had, start=1) if grade > 0), None)
    found = sum(grade > 0 for grade in had)
    return _gain(had) / _gain(wanted[:CUT]), found / len(wanted), 1 / first if first else 0.0


def _gain(grades: Sequence[int]) -> float:
    return sum(grade / math.log2(place + 1) for place, grade in enumerate(grades, start=1))


def read_judged(folder: Path) -> JudgedQueries:
    """The queries of a folder and their judgments; the corpus is not read here."""
    with open_text(folder / "queries.jsonl") as file:
        rows = [row.cells for row in json_line_rows(file) if not row.fault]
    texts = {str(row["_id"]): str(row["text"]) for row in rows if "_id" in row and "text" in row}
    relevant = {
        query: grades
        for query, grades in _grades(folder / "qrels" / "test.tsv").items()
        if query in texts and any(grade > 0 for grade in grades.values())
    }
    if not relevant:
        raise BadRequest("search-eval-no-queries", folder=folder.name)
    return JudgedQueries({query: texts[query] for query in relevant}, relevant)


def _grades(path: Path) -> dict[str, dict[str, int]]:
    """Query, document and grade between tabs, below a header."""
    grades: dict[str, dict[str, int]] = {}
    with open_text(path) as file:
        lines = csv.reader((line for _, line in file.lines()), delimiter="\t", quoting=csv.QUOTE_NONE)
        for number, cells in enumerate(lines, start=1):
            if number == 1 or not cells:
                continue
            if len(cells) != 3 or not cells[2].lstrip("-").isdecimal():
                raise BadEntry("search-eval-grade-unreadable", file=path.name, line=number)
            grades.setdefault(cells[0], {})[cells[1]] = int(cells[2])
    return grades


def evaluate(folder: Path, watch: SearchWatch, dense: str | None = None) -> RetrievalResult:
    """Index the corpus anew, ask every query, and measure. `dense`: a model whose vectors help."""
    judged = read_judged(folder)
    with tempfile.TemporaryDirectory(prefix="narani-eval-", ignore_cleanup_errors=True) as home:
        index = DocumentsIndex(folder, Path(home), CORPUS, dense_passages(dense))
        content_words("준비")  # the analyzer is loaded before anything is timed
        begun = time.perf_counter()
        index.update(watch)
        index_seconds = time.perf_counter() - begun
        rankings: dict[str, list[str]] = {}
        seconds = []
        for done, (query, text) in enumerate(judged.queries.items()):
            watch.report("searching", done, len(judged.queries))
            watch.check()
            begun = time.perf_counter()
            found = index.search(text, _PASSAGES)
            seconds.append(time.perf_counter() - begun)
            rankings[query] = list(dict.fromkeys(passage.name for passage in found))
        documents = index.documents()
    return RetrievalResult(
        measures(rankings, judged.relevant),
        len(judged.queries),
        documents,
        index_seconds,
        1000 * median(seconds),
    )
