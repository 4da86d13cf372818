"""`python -m comparison ask`: one question to several models, side by side.

It is asked as on a page, and stands in the same history from before its first token.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from threading import Event
from typing import Any

import tyro

from command_line import EXIT_INTERRUPTED, on_interrupt
from comparison.asking import AskingService, SentQuestion, requests_for
from comparison.run import Run, check_requests
from comparison.runs import LiveRuns
from comparison.scoring import PROBLEM, REWARD
from comparison.terminal.history import HistoryOfMachine
from comparison.terminal.options import SharedOptions, how_of, picked
from comparison.terminal.wiring import Wiring
from engines.base import Answer, FinishReason
from errors import Cause
from history.records import THIS_MACHINE

EXIT_SOME_FAILED = 3
TOYS = "Demo models are toys that learned a small set of questions by heart; beyond it they talk nonsense."
_SECONDS_PER_TICK = 0.1


@dataclass(frozen=True, kw_only=True)
class AskOptions(SharedOptions):
    """Ask several models one question. Ends with 0 when all answered, 3 when some failed, 130 on Ctrl-C,
    2 when it cannot be asked so or the answers cannot be printed."""

    question: tyro.conf.Positional[str]
    """What is asked."""
    input: str = ""
    """A text that the question is about."""
    system: str = ""
    """What the model is told before the question."""
    json: bool = False
    """Print JSON, and nothing else."""
    history: bool = True
    """Keep question and answers in the history that the page of this machine shows."""


def ask(options: AskOptions, wiring: Wiring) -> int:
    models = picked(options.models, wiring)
    how = how_of(options, models, wiring, options.system)
    sent = SentQuestion(options.question, options.input, models, how)
    check_requests(requests_for(models, sent.alone, how, wiring.recommended))

    def lacking(problem: Cause) -> Cause:
        return Cause("answers-not-in-history", problem=problem)

    with HistoryOfMachine(wiring.open_history if options.history else None, lacking) as kept:
        engine = wiring.build_engine()
        try:
            asking = AskingService(engine, wiring.recommended, kept.history, LiveRuns())
            run = asking.ask(THIS_MACHINE, sent)
            with on_interrupt() as interrupted:
                _show(run, _ticks(run, interrupted), as_json=options.json)
                if not options.json and any(wiring.models[model_id].is_demo for model_id in models):
                    sys.stdout.write(f"\n{TOYS}\n")
        finally:
            engine.close()
    if interrupted.is_set():
        return EXIT_INTERRUPTED
    some_failed = any(answer.finish_reason is FinishReason.FAILED for answer in _answers(run))
    return EXIT_SOME_FAILED if some_failed else 0


def _ticks(run: Run, interrupted: Event) -> Iterator[None]:
    """One for each moment to draw, until the run has ended; Ctrl-C stops all its columns."""
    while not run.wait(_SECONDS_PER_TICK):
        if interrupted.is_set():
            run.stop_all()
        yield


def _show(run: Run, ticks: Iterator[None], as_json: bool) -> None:
    if as_json:
        _pass(ticks)
        question = run.requests[0].conversation.turns[-1].question
        everything = {"question": question, "answers": [answer_json(answer) for answer in _answers(run)]}
        sys.stdout.write(json.dumps(everything, ensure_ascii=False, indent=2) + "\n")
        return
    from rich.console import Console

    from comparison.terminal import panels

    console = Console()
    if console.is_terminal:
        panels.show(run, console, ticks)
    else:
        _pass(ticks)
        sys.stdout.write(panels.plain(run))


def _pass(ticks: Iterator[None]) -> None:
    for _ in ticks:
        pass


def answer_json(answer: Answer) -> dict[str, Any]:
    """The answer as `--json` prints it; measures stand beside the text, not below it."""
    return {
        "model": answer.model_id,
        "text": answer.text,
        "finish_reason": str(answer.finish_reason),
        "error": answer.error,
        "error_code": answer.error_code,
        "error_facts": answer.cause.as_json() if answer.cause else None,
        "prompt": answer.prompt,
        **asdict(answer.measures),
        "format": answer.format_id,
        "revision": answer.revision,
        "quantization": answer.quantization,
        "settings": asdict(answer.settings),
        **{name: answer.extras[name] for name in (REWARD, PROBLEM) if name in answer.extras},
    }


def _answers(run: Run) -> list[Answer]:
    return [view.answer for view in (live.view() for live in run.answers) if view.answer is not None]
