"""`python -m search ask`: sources for a question, and answers from them, every sentence checked.

It is asked as on the page, and stands in the same history. Without a model the answer is an extract.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

import tyro

from command_line import EXIT_INTERRUPTED, EXIT_REFUSED, on_interrupt
from comparison.asking import AskingService
from comparison.run import Run
from comparison.runs import LiveRuns
from comparison.terminal.ask import EXIT_SOME_FAILED, TOYS
from comparison.terminal.history import HistoryOfMachine
from comparison.terminal.options import SharedOptions, how_of, picked
from comparison.terminal.panels import printable
from comparison.terminal.wiring import ModelFacts, Wiring
from engines.base import Answer, AnswerRequest, Engine, FinishReason, LiveAnswer
from errors import BadRequest, Cause, wording
from history.records import THIS_MACHINE
from model_registry.registry import load_registry
from search.answer_extras import checked_answer_of, finish
from search.asking import told_without_sources
from search.deciding import SearchMode
from search.extractive import ExtractiveEngine
from search.live_search import LiveSearch, LiveSearches, SearchState, SearchView
from search.providers.catalog import DOCUMENTS
from search.records import Searched
from search.report import checked_lines, searched_lines
from search.wiring import search_asking
from search.wish import EXTRACTIVE, SearchWish
from settings import environment_key, read_settings, terminal_language

_SECONDS_PER_TICK = 0.05
_LONGEST_PASSAGE = 200
"""Characters by which a reader of the terminal recognizes a passage; JSON and the page have all of it."""


@dataclass(frozen=True, kw_only=True)
class SearchAskOptions(SharedOptions):
    """Answer a question from sources. Ends with 0 when all answered, 3 when some failed or nothing was found,
    130 on Ctrl-C, 2 when it cannot be asked so, could not be searched or the answers cannot be printed."""

    question: tyro.conf.Positional[str]
    """What is asked. A `/` before it: search in any case."""
    models: str = EXTRACTIVE
    """Model ids with commas between them; 'extractive' quotes the sources without any model."""
    mode: SearchMode = SearchMode.ALWAYS
    """Whether it is searched; auto: where the question needs it."""
    provider: str | None = None
    """Where it is searched: documents, searxng, naver, naver-old, google, brave, tavily or ddgs."""
    documents: Path | None = None
    """A folder of txt, md, html, pdf and jsonl files; those that ship where none is named."""
    sources: int = 5
    """The most sources that are shown to the models."""
    system: str = ""
    """What the model is told before the question."""
    json: bool = False
    """Print JSON, and nothing else."""
    history: bool = True
    """Keep question, sources and answers in the history that the page of this machine shows."""


def search_ask(options: SearchAskOptions, wiring: Wiring) -> int:
    settings = read_settings()
    of_any = ModelFacts(quantizations=("none", "int8", "nf4"))
    wiring = replace(wiring, models={**wiring.models, EXTRACTIVE: of_any})
    models = picked(options.models, wiring)
    if options.documents and options.provider not in (None, DOCUMENTS):
        raise BadRequest("search-folder-of-provider", provider=options.provider)
    wish = SearchWish(
        options.question,
        models,
        how_of(options, models, wiring, options.system),
        options.mode,
        options.provider or (DOCUMENTS if options.documents else settings.search_provider),
        str(options.documents or ""),
        options.sources,
    )

    def lacking(problem: Cause) -> Cause:
        return Cause("answers-not-in-history", problem=problem)

    with HistoryOfMachine(wiring.open_history if options.history else None, lacking) as kept:
        engine = ExtractiveEngine(_BuiltWhenAsked(wiring.build_engine))
        try:
            runs = LiveRuns()
            recommended = wiring.recommended
            asking = AskingService(engine, recommended, kept.history, runs, finish, told_without_sources)
            registry = load_registry(settings.own_models)
            searching = search_asking(asking, engine, registry, recommended, settings, environment_key)
            with on_interrupt() as interrupted:
                search = LiveSearches(searching).start(THIS_MACHINE, wish)
                code = _answer(search, runs, interrupted, options)
                if not options.json and any(wiring.models[model_id].is_demo for model_id in models):
                    sys.stdout.write(f"\n{TOYS}\n")
                return code
        finally:
            engine.close()


class _BuiltWhenAsked:
    """An engine that is built for the first question that a model is asked; a search that was stopped or an
    extract needs none."""

    def __init__(self, build: Callable[[], Engine]) -> None:
        self._build = build
        self._built: Engine | None = None

    def submit(self, request: AnswerRequest, live: LiveAnswer) -> None:
        if self._built is None:
            self._built = self._build()
        self._built.submit(request, live)

    def close(self) -> None:
        if self._built is not None:
            self._built.close()


def _answer(search: LiveSearch, runs: LiveRuns, interrupted: Event, options: SearchAskOptions) -> int:
    view = _watched(search, interrupted)
    if view.state is SearchState.STOPPED or view.searched is None or view.problem is not None:
        stopped = view.state is SearchState.STOPPED
        problem = Cause("search-stopped") if stopped or view.problem is None else view.problem
        sys.stderr.write(f"{wording(problem, terminal_language())}\n")
        return EXIT_INTERRUPTED if stopped else EXIT_REFUSED
    run = runs.get(view.run_id or "", THIS_MACHINE)
    if not options.json:
        lines = searched_lines(view.searched, terminal_language(), _LONGEST_PASSAGE)
        sys.stdout.write(printable("\n".join(lines)) + "\n")
    answers = []
    for answer in _answers(run, interrupted) if run else ():
        answers.append(answer)
        if not options.json:
            sys.stdout.write(_told(answer))
    if options.json:
        everything = as_json(view.searched, answers)
        sys.stdout.write(json.dumps(everything, ensure_ascii=False, indent=2) + "\n")
    if interrupted.is_set():
        return EXIT_INTERRUPTED
    failed = any(answer.finish_reason is FinishReason.FAILED for answer in answers)
    return EXIT_SOME_FAILED if failed or not answers else 0


def _watched(search: LiveSearch, interrupted: Event) -> SearchView:
    """The search once it has ended; on a terminal one line says how far it is."""
    said = ""
    shown = sys.stderr.isatty()
    while not search.wait(_SECONDS_PER_TICK):
        if interrupted.is_set():
            search.stop()
        view = search.view()
        line = view.state if view.total is None else f"{view.state} {view.done}/{view.total}"
        if shown and line != said:
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()
            said = line
    if said:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
    return search.view()


def _answers(run: Run, interrupted: Event) -> Iterator[Answer]:
    """Each as it ends, in the order of the models; Ctrl-C stops them all."""
    for live in run.answers:
        while not live.wait(_SECONDS_PER_TICK):
            if interrupted.is_set():
                run.stop_all()
        answer = live.view().answer
        if answer is not None:
            yield answer


def as_json(searched: Searched, answers: list[Answer]) -> dict[str, Any]:
    """`why` and errors are sentences in the terminal's language."""
    return {
        "question": searched.question,
        "searched": searched.searched,
        "why": wording(searched.why, terminal_language()),
        "queries": list(searched.queries),
        "sources": [
            {"n": source.n, "title": source.title, "url": source.url, "passage": source.passage}
            for source in searched.sources
        ],
        "answers": [_answer_json(answer) for answer in answers],
    }


def _answer_json(answer: Answer) -> dict[str, Any]:
    checked = checked_answer_of(answer.extras)
    return {
        "model": None if answer.model_id == EXTRACTIVE else answer.model_id,
        "text": answer.text,
        "sentences": [
            {"text": each.text, "citations": list(each.citations), "verdict": str(each.verdict)}
            for each in (checked.sentences if checked else ())
        ],
        "error": wording(answer.cause, terminal_language()) if answer.cause else None,
    }


def _told(answer: Answer) -> str:
    """The answer with a mark before each sentence that was checked."""
    language = terminal_language()
    text = "\n".join(checked_lines(answer.extras, language)) or answer.text
    problem = f"\n({wording(answer.cause, language)})" if answer.cause else ""
    return printable(f"\n{answer.model_id}\n{text}{problem}\n")
