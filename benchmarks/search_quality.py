"""search-quality: how much better the index finds the shipped documents than BM25 over words between spaces.

Knows: the questions that ship, with the documents that answer them, and what other terms would give.
Refuses to know: speed. Nothing here depends on time, so one value says it all.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.rounds import Effort, Measured
from search.documents.index import DocumentsIndex
from search.documents.provider import SHIPPED
from search.evaluation import CUT, RetrievalMeasures, measures
from search.passages import passages
from search.ranking import scores
from search.watch import SearchWatch
from search.words import bigrams, content_words

_OTHER_TERMS: dict[str, Callable[[str], list[str]]] = {
    "BM25 over words between spaces": str.split,
    "BM25 over content words": content_words,
    "BM25 over character bigrams": bigrams,
}
_SETS = SHIPPED.parent
Ranking = Mapping[str, Sequence[str]]
"""By question the documents, the best first."""


def measure(effort: Effort) -> Measured:
    """nDCG@10 of the index over that of words between spaces, as a difference."""
    rows = [json.loads(line) for line in _lines("questions.jsonl")]
    rows = rows[:: max(1, len(rows) // effort.questions)]
    relevant = {row["question"]: dict.fromkeys(row["documents"], 1) for row in rows}
    reworded = {row["question"]: relevant[row["question"]] for row in rows if row["phrasing"] == "other"}
    with tempfile.TemporaryDirectory(prefix="narani-search-") as home:
        index = DocumentsIndex(SHIPPED, Path(home))
        index.update(SearchWatch())
        rankings = {name: _ranked(relevant, terms) for name, terms in _OTHER_TERMS.items()}
        rankings["the index"] = {question: _found(index, question) for question in relevant}
        words = _lines("two_syllable_words.txt")[: effort.questions]
        missing = [word for word in words if not _holds(index, word)]
    got = {name: measures(ranking, relevant) for name, ranking in rankings.items()}
    first, *_, ours = got.values()
    return Measured(
        (ours.ndcg - first.ndcg,),
        tuple(f"'{word}' was not found" for word in missing),
        tuple(
            f"{name}: {_said(result)}; asked in other words: {_said(measures(rankings[name], reworded))}"
            for name, result in got.items()
        ),
    )


def _said(result: RetrievalMeasures) -> str:
    return f"nDCG@{CUT} {result.ndcg:.3f}, recall@{CUT} {result.recall:.3f}"


def _lines(name: str) -> list[str]:
    return (_SETS / name).read_text(encoding="utf-8").splitlines()


def _ranked(questions: Mapping[str, object], terms: Callable[[str], list[str]]) -> Ranking:
    """Over the same passages as the index, a document by its best one."""
    cut = [
        (page.name, f"{page.stem}\n{passage}")
        for page in sorted(SHIPPED.glob("*.md"))
        for passage in passages(page.read_text(encoding="utf-8").partition("\n")[2])
    ]
    texts = [terms(text) for _, text in cut]

    def ranking(question: str) -> list[str]:
        found = scores(terms(question), texts)
        order = sorted((at for at in range(len(cut)) if found[at] > 0), key=lambda at: -found[at])
        return list(dict.fromkeys(cut[at][0] for at in order))

    return {question: ranking(question) for question in questions}


def _found(index: DocumentsIndex, question: str) -> list[str]:
    return list(dict.fromkeys(passage.path for passage in index.search(question, 4 * CUT)))


def _holds(index: DocumentsIndex, word: str) -> bool:
    return any(word in f"{each.title} {each.text}" for each in index.search(word, CUT))
