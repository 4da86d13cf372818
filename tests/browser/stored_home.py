"""A home in which everything that the pages show of what was done before lies already: answers of every kind,
a batch, trainings, files of models. Apart from the tests because asking for all of it would take minutes.

What is written holds no word of the other language, so whatever the pages add of one is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.page_conversation import markdown
from comparison.batch.cells import begin_batch
from comparison.questions import Question
from engines.base import Answer, AnswerRequest, FinishReason, GenerationSettings, Measures
from errors import Cause, LoadError
from finetune.jobs import SftSettings
from finetune.kinds import recorded
from finetune.run_folder import TrainingState, TrainingStatus, now, run_folder
from finetune.run_reports import Metric
from history.history import History
from history.records import THIS_MACHINE, MarkChange, RunHead, StoredAnswer, StoredState
from prompts.conversation import Conversation
from search.answer_extras import finish
from search.records import ROOM, Searched, SearchSource
from tests.browser.at_the_page import MODELS

RATES = {"rate-high": 0.0025, "rate-low": 0.0001}
"""Trainings and their learning rates."""
LONG_LINE = "x" * 80
FAR_TITLE = "Far away"
FAR_ENTRY = f"""\
[[model]]
id = "far"
title = "{FAR_TITLE}"
source = "people/tiny"
family = "own"
architecture = "gpt_neox"
parameters = 1_254_144
context_length = 512
license = {{ name = "apache-2.0", commercial = "yes" }}
prompt_format = "koalpaca"
"""
"""A model whose files lie on a hub."""


@dataclass(frozen=True)
class Words:
    """Of one language."""

    question: str
    following: str
    thought: str
    answer: str
    again: str
    note: str


WORDS = {
    "ko": Words(
        "수도는 어디인가요?",
        "그곳의 강은요?",
        "먼저 나라를 생각합니다.",
        "수도는 서울입니다.",
        "수도는 서울이에요.",
        "짧고 맞습니다",
    ),
    "en": Words(
        "Which city is it?",
        "And its river?",
        "First the land.",
        "It is this one.",
        "That one.",
        "Short and right",
    ),
}


def written() -> list[str]:
    """All that stands in it, the longest first."""
    return sorted({each for words in WORDS.values() for each in vars(words).values()}, key=len, reverse=True)


def conversation(home: Path, language: str) -> str:
    """A long turn, then one with thinking, formulas, code, a failure, attempts and marks; the run's id."""
    words, history = WORDS[language], History(home)
    asked = Conversation.ask(words.question)
    first, last = f"{language}-1", f"{language}-2"
    long = _in(language, markdown(4_000))
    _run(history, RunHead(first, THIS_MACHINE, datetime.now(UTC), _requests(asked)), [long] * len(MODELS))
    requests = _requests(asked.answered(long).go_on(words.following))
    head = RunHead(last, THIS_MACHINE, datetime.now(UTC), requests, first)
    formula = (
        f"{words.answer} $F(n) = n^2$\n\n$$\\sum_{{k=1}}^{{n}} k$$\n\n```python\nprint('{LONG_LINE}')\n```\n"
    )
    _run(history, head, [words.again, f"<think>\n{words.thought}\n</think>\n\n{words.answer}", formula])
    broken = LoadError("load-broke", model=MODELS[3], kind="OSError")
    failed = Answer(MODELS[3], "", FinishReason.FAILED, requests[3].settings, cause=broken.cause)
    history.store(last, _stored(3, 1, failed))
    history.begin_attempt(last, 0, 2, requests[0])
    history.store(last, _stored(0, 2, _answer(requests[0], words.answer)))
    history.mark(THIS_MACHINE, last, 0, MarkChange(better=True, rating="good", note=words.note))
    history.mark(THIS_MACHINE, last, 1, MarkChange(rating="bad"))
    history.close()
    return last


def search(home: Path, language: str) -> str:
    """An answer of which one sentence stands in its source, and one nowhere."""
    words, history, run = WORDS[language], History(home), f"{language}-search"
    source = SearchSource(1, words.note, "https://example.com/a", "example.com", "", words.answer)
    searched = Searched(
        words.question, True, Cause("search-why-always"), "wikipedia", (words.question,), (source,)
    )
    extras = {ROOM: searched.as_json()}
    requests = tuple(replace(each, extras=extras) for each in _requests(Conversation.ask(words.question))[:2])
    history.begin(RunHead(run, THIS_MACHINE, datetime.now(UTC), requests, kind=ROOM))
    for position, request in enumerate(requests):
        said = _answer(request, f"{words.answer[:-1]} [1]. {words.following[:-1]} 98,765 [1].")
        history.store(run, _stored(position, 1, finish(request, said)))
    history.close()
    return run


def batch(home: Path, language: str) -> str:
    words, history = WORDS[language], History(home)
    asked = _requests(Conversation.ask(words.question))
    questions = [Question("1", words.question), Question("2", words.following)]
    stored = begin_batch(history, THIS_MACHINE, words.question, questions, asked, f"batch-{language}")
    for run in list(history.batch_runs(THIS_MACHINE, stored.head.id)):
        for position, request in enumerate(run.head.requests):
            answer = _answer(request, words.answer * (position + 1))
            history.store(run.head.id, _stored(position, 1, answer))
    history.end_batch(stored.head.id)
    history.close()
    return stored.head.id


def trainings(home: Path) -> None:
    for name, rate in RATES.items():
        run = run_folder(home, name)
        run.path.mkdir(parents=True)
        settings = SftSettings(base_model="demo-chat", data=("questions.jsonl",), learning_rate=rate)
        run.write("manifest.json", {"started": now(), **recorded(settings)})
        held = {when: {"loss": 2.0, "perplexity": 7.4} for when in ("before", "after")}
        run.write("report.json", {"held_out": held})
        for step in range(1, 9):
            run.add_metric(Metric(now(), step, 0.1, loss=2 / step + rate, held_out_loss=2 / step))
        run.set_status(TrainingStatus(TrainingState.DONE, total_steps=8))


def own_model_and_files(home: Path, cache: Path) -> None:
    """An own entry, of whose files a part was fetched."""
    (home / "models").mkdir(parents=True)
    (home / "models" / "far.toml").write_text(FAR_ENTRY, encoding="utf-8")
    blobs = cache / "models--people--tiny" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "a.incomplete").write_bytes(b"0" * 1_200_000)


def _in(language: str, text: str) -> str:
    return text if language == "ko" else "".join("a" if "가" <= each <= "힣" else each for each in text)


def _requests(asked: Conversation) -> tuple[AnswerRequest, ...]:
    usual = GenerationSettings(temperature=0.7, max_new_tokens=1)
    settings = [*[usual] * (len(MODELS) - 1), replace(usual, top_p=0.9)]
    return tuple(AnswerRequest(model, asked, each) for model, each in zip(MODELS, settings, strict=True))


def _run(history: History, head: RunHead, texts: Sequence[str]) -> None:
    history.begin(head)
    for position, text in enumerate(texts):
        history.store(head.id, _stored(position, 1, _answer(head.requests[position], text)))


def _answer(request: AnswerRequest, text: str) -> Answer:
    measures = Measures(
        12,
        len(text),
        load_seconds=0.5,
        seconds_to_first_text=5.2,
        answering_seconds=2.0,
        tokens_per_second=12.5,
        waiting_seconds=4.4,
        own_seconds_to_first_text=0.3,
    )
    return Answer(
        request.model_id,
        text,
        FinishReason.EOS,
        request.settings,
        prompt=text,
        format_id="koalpaca",
        measures=measures,
    )


def _stored(position: int, attempt: int, answer: Answer) -> StoredAnswer:
    at = datetime.now(UTC)
    return StoredAnswer(position, attempt, StoredState(answer.finish_reason.state), answer, at, at)
