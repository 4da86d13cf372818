"""search-latency and search-index: how fast a folder of generated pages is searched and indexed.

Knows: how to make Korean pages in any number, and what indexing costs with kiwi and bm25s alone.
Refuses to know: whether what is found is good; the pages say nothing.
"""

from __future__ import annotations

import json
import random
import re
import statistics
import tempfile
import time
from itertools import accumulate
from pathlib import Path

import bm25s

from benchmarks.rounds import Effort, Measured, Stopwatch, paired, processor_timed
from search.documents.index import DocumentsIndex
from search.documents.provider import SHIPPED
from search.passages import passages
from search.watch import SearchWatch
from search.words import content_words

_SENTENCES, _WORDS = 24, (6, 14)
"""Of a page, which has some thousand characters."""
_MADE_UP = 0.3
"""Share of the words that are made-up nouns, so that there are as many as in a large folder."""
_VOCABULARY = 30_000
_PARTICLES = ("은", "는", "이", "가", "을", "를", "에", "에서", "으로", "의", "도", "까지")
_PER_FOLDER = 1_000
_INDEXED = 0.02
"""Share of the pages that the ratio of two ways of indexing is measured on."""


def measure_latency(effort: Effort) -> Measured:
    """The median over the shipped questions, a value a round."""
    with tempfile.TemporaryDirectory(prefix="narani-search-") as place:
        folder, home = Path(place) / "pages", Path(place) / "home"
        characters = _write(folder, effort.pages)
        index = DocumentsIndex(folder, home)
        content_words("준비")
        begun = time.perf_counter()
        index.update(SearchWatch())
        built = time.perf_counter() - begun
        looked = processor_timed(lambda: index.update(SearchWatch()))()
        size = sum(file.stat().st_size for file in home.rglob("*") if file.is_file())
        questions = _questions()
        rounds = [[1e3 * _seconds(index, question) for question in questions] for _ in range(effort.rounds)]
    return Measured(
        tuple(map(statistics.median, rounds)),
        (),
        (
            f"{effort.pages:,} pages of {characters // effort.pages:,} characters indexed in {built:.0f} s, "
            f"{effort.pages / built:.0f} a second, {size / 1e6:.0f} MB; looked at again in {looked:.2f} s",
            f"fastest and slowest of {len(questions)} questions: {min(map(min, rounds)):.1f} ms, "
            f"{max(map(max, rounds)):.1f} ms",
        ),
    )


def measure_index(effort: Effort) -> Measured:
    """Processor time of a folder to its index, over kiwi and bm25s on the same passages in memory."""
    with tempfile.TemporaryDirectory(prefix="narani-search-") as place:
        folder = Path(place) / "pages"
        characters = _write(folder, max(5, int(effort.pages * _INDEXED)))
        cut = [
            passage for page in sorted(folder.rglob("*.txt")) for passage in passages(page.read_text("utf-8"))
        ]
        homes = iter(range(10**6))
        ours = Stopwatch(processor_timed(lambda: _index(folder, Path(place) / str(next(homes)))))
        theirs = Stopwatch(processor_timed(lambda: _index_in_memory(cut)))
        ratios = paired(ours, theirs, effort.rounds)
    return Measured(
        ratios,
        (),
        (
            f"characters a second: {characters / ours.median:,.0f} from files to the index, "
            f"{characters / theirs.median:,.0f} with kiwi and bm25s from {len(cut):,} passages",
        ),
    )


def _index(folder: Path, home: Path) -> None:
    DocumentsIndex(folder, home).update(SearchWatch())


def _index_in_memory(cut: list[str]) -> None:
    bm25s.BM25().index([content_words(passage) for passage in cut], show_progress=False)


def _seconds(index: DocumentsIndex, question: str) -> float:
    begun = time.perf_counter()
    index.search(question, 10)
    return time.perf_counter() - begun


def _questions() -> list[str]:
    lines = (SHIPPED.parent / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines]


def _write(folder: Path, pages: int) -> int:
    """Words of the shipped documents as often as they stand there, and made-up nouns, few of them frequent;
    how many characters there are."""
    chance = random.Random(7)
    real = [
        word
        for page in sorted(SHIPPED.glob("*.md"))
        for word in re.findall(r"[가-힣]+", page.read_text("utf-8"))
    ]
    syllables = [chr(code) for code in range(ord("가"), ord("힣"), 7)]
    nouns = ["".join(chance.choices(syllables, k=chance.choice((2, 2, 2, 3)))) for _ in range(_VOCABULARY)]
    weights = list(accumulate(1 / (place + 20) for place in range(len(nouns))))

    def sentence() -> str:
        count = chance.randint(*_WORDS)
        made_up = (
            noun + chance.choice(_PARTICLES) for noun in chance.choices(nouns, cum_weights=weights, k=count)
        )
        words = [new if chance.random() < _MADE_UP else chance.choice(real) for new in made_up]
        return " ".join(words) + chance.choice(("이다.", "한다.", "했다."))

    characters = 0
    for number in range(pages):
        page = folder / str(number // _PER_FOLDER) / f"{number}.txt"
        page.parent.mkdir(parents=True, exist_ok=True)
        text = "\n".join(sentence() for _ in range(_SENTENCES))
        characters += page.write_text(text, encoding="utf-8")
    return characters
