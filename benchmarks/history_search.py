"""history-search: milliseconds of one page of the history by a Korean word, among a million answers.

Knows: how to fill a database with short Korean texts quickly, and the words to look for.
Refuses to know: how words are found. It is an absolute figure: a line of sanity, not a ratio.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import accumulate, islice
from pathlib import Path

from benchmarks.rounds import Effort, Measured
from engines.base import AnswerRequest, GenerationSettings
from history.history import History
from history.records import HistoryFilter
from history.rows import request_json, settings_json
from history.word_index import document, tokens
from prompts.conversation import Conversation

_WORDS = 50
_MODELS = 4
_VOCABULARY = 20_000
_AT_ONCE = 2_000
_OWNER = "me"
_MOMENT = "2026-01-01T00:00:00.000000+00:00"
_PARTICLES = ("은", "는", "이", "가", "을", "를", "에", "에서", "으로", "의", "도", "까지", "부터", "")
_ENDINGS = ("입니다.", "합니다.", "했어요.", "있습니다.", "없어요.", "알려 주세요.", "바랍니다.", "인가요?")
_RUNS = """INSERT INTO runs(number, id, owner, created, begun, turn, question, input, system)
    VALUES (?, ?, 1, ?, 1, 1, ?, '', '')"""
_ANSWERS = """INSERT INTO answers(run, position, attempt, newest, owner, state, model, temperature, format,
        quantization, finish_reason, started, ended, tokens_out, settings, text, prompt, request)
    VALUES (?, ?, 1, 1, 1, 'done', ?, 0, 'demo', 'none', 'eos', ?, ?, 20, ?, ?, '', ?)"""
_DOCUMENTS = "INSERT INTO words(rowid, body) VALUES (?, ?)"
Run = tuple[int, str, list[str]]
"""Its number, its question and its answers."""


def measure(effort: Effort) -> Measured:
    """The median over fifty words, a value a round."""
    with tempfile.TemporaryDirectory(prefix="narani-history-") as folder:
        home = Path(folder)
        chance = random.Random(7)
        vocabulary = _vocabulary(chance)
        words = chance.sample(vocabulary, _WORDS)
        started = time.perf_counter()
        _fill(home, _runs(chance, vocabulary, words, effort.answers))
        built = time.perf_counter() - started
        with closing(History(home)) as history:
            missing = [word for word in words if not history.page(_OWNER, HistoryFilter(words=word)).runs]
            rounds = [[_milliseconds(history, word) for word in words] for _ in range(effort.rounds)]
        size = (home / "narani.db").stat().st_size
    return Measured(
        tuple(map(statistics.median, rounds)),
        tuple(f"'{word}' was not found" for word in missing),
        (
            f"{effort.answers:,} answers in {size / 1e6:,.0f} MB, written in {built:.0f} s",
            f"fastest and slowest of {_WORDS} words: {min(map(min, rounds)):.1f} ms, "
            f"{max(map(max, rounds)):.1f} ms",
        ),
    )


def _milliseconds(history: History, word: str) -> float:
    started = time.perf_counter()
    history.page(_OWNER, HistoryFilter(words=word))
    return (time.perf_counter() - started) * 1e3


def _vocabulary(chance: random.Random) -> list[str]:
    """Made-up nouns, most of two syllables as in Korean."""
    syllables = [chr(code) for code in range(ord("가"), ord("힣"), 7)]
    return sorted(
        {"".join(chance.choices(syllables, k=chance.choice((2, 2, 2, 3)))) for _ in range(_VOCABULARY)}
    )


def _runs(chance: random.Random, vocabulary: list[str], words: list[str], answers: int) -> Iterator[Run]:
    """Few words are frequent and many are rare; each that is looked for stands in a question at least."""
    nouns = chance.sample(vocabulary, len(vocabulary))
    weights = list(accumulate(1 / (rank + 20) for rank in range(len(nouns))))

    def sentence(length: int) -> str:
        picked = chance.choices(nouns, cum_weights=weights, k=length)
        return " ".join(noun + chance.choice(_PARTICLES) for noun in picked) + chance.choice(_ENDINGS)

    for number in range(1, answers // _MODELS + 1):
        planted = words[number - 1] if number <= len(words) else ""
        yield number, f"{sentence(3)} {planted}".strip(), [sentence(8) for _ in range(_MODELS)]


def _fill(home: Path, runs: Iterator[Run]) -> None:
    """Past the history's own door, which takes one answer at a time and waits for the disk."""
    with closing(History(home)) as history:
        history.prefer(_OWNER, seed=None)  # makes the owner known, as number 1
    with closing(sqlite3.connect(home / "narani.db", isolation_level=None)) as connection:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -400000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        while some := list(islice(runs, _AT_ONCE)):
            _insert(connection, some)
        connection.execute("COMMIT")


def _insert(connection: sqlite3.Connection, runs: list[Run]) -> None:
    settings = GenerationSettings()
    requests = [AnswerRequest(f"model-{at}", Conversation.ask("물음"), settings) for at in range(_MODELS)]
    asked = [(request.model_id, request_json(request)) for request in requests]
    how = settings_json(settings)
    connection.executemany(
        _RUNS, ((number, f"run-{number}", _MOMENT, question) for number, question, _ in runs)
    )
    connection.executemany(
        _ANSWERS,
        (
            (number, at, asked[at][0], _MOMENT, _MOMENT, how, text, asked[at][1])
            for number, _, texts in runs
            for at, text in enumerate(texts)
        ),
    )
    connection.executemany(_DOCUMENTS, _documents(runs))


def _documents(runs: list[Run]) -> Iterator[tuple[int, str]]:
    for number, question, texts in runs:
        asked = tokens(f"{question}\n")
        yield document(1, number, 0), asked
        for at, text in enumerate(texts):
            yield document(1, number, at + 1), f"{asked} {tokens(text)}"
