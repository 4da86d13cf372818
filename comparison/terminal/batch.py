"""`python -m comparison batch`: a file of questions to several models, answers into a CSV file as they come.

Knows: the order of things: read, lock, plan, ask, tell; and the exit codes.
Refuses to know: how options are parsed, how an engine is built, and how rows lie on disk.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import tyro

from command_line import EXIT_INTERRUPTED, on_interrupt
from comparison.batch.queue import QueueOutcome, RequestQueue
from comparison.questions import Question, read_questions
from comparison.terminal.answer_file import AnswerFile
from comparison.terminal.ask import EXIT_SOME_FAILED
from comparison.terminal.options import SharedOptions, requests_of
from comparison.terminal.progress import progress_for
from comparison.terminal.resume import Cell, answer_row, still_to_ask
from comparison.terminal.wiring import Wiring
from engines.base import Answer
from prompts.conversation import Conversation


@dataclass(frozen=True, kw_only=True)
class BatchOptions(SharedOptions):
    """Ask several models every question of a file. The same command again goes on where it stopped.
    Ends with 0 when all are answered, 3 when some failed, 130 on Ctrl-C; what was answered is kept."""

    file: tyro.conf.Positional[Path]
    """The questions: one a line, or in a column question, instruction, prompt, 질문, 명령어 or 지시문."""
    out: Path
    """The CSV file that the answers are added to."""
    column: str | None = None
    """The column that holds the questions."""
    retry_failed: bool = False
    """Ask again what failed the last time."""


def batch(options: BatchOptions, wiring: Wiring) -> int:
    read = read_questions(options.file, options.column)
    cells = _cells(read.questions, options, wiring)
    with closing(AnswerFile(options.out)) as file:
        left = still_to_ask(cells, file.rows, file.name, options.retry_failed)
        kept = {cell.key for cell in cells} - {cell.key for cell in left}
        failed_before = sum(file.rows[key].failed for key in kept)
        for note in (*read.notes, *file.notes):
            _say(note)
        if kept:
            _say(f"{file.name} holds {len(kept)} of these answers already.")
        if not left:
            return _told(QueueOutcome(failed=failed_before), file.name)
        outcome = _ask(left, file, wiring)
    return _told(replace(outcome, failed=outcome.failed + failed_before), file.name)


def _cells(questions: Sequence[Question], options: BatchOptions, wiring: Wiring) -> list[Cell]:
    requests = requests_of(options, wiring, _conversation(questions[0]))
    return [
        Cell(question, replace(request, conversation=_conversation(question)))
        for question in questions
        for request in requests
    ]


def _conversation(question: Question) -> Conversation:
    return Conversation.ask(question.text, question.input, question.system)


def _ask(cells: Sequence[Cell], file: AnswerFile, wiring: Wiring) -> QueueOutcome:
    def store(at: int, answer: Answer, asked_at: datetime) -> None:
        file.append(answer_row(cells[at], answer, asked_at))

    engine = wiring.build_engine()
    try:
        with closing(progress_for(Counter(cell.request.model_id for cell in cells))) as progress:
            asking = RequestQueue(
                engine,
                [cell.request for cell in cells],
                store=store,
                report=lambda at, answer: progress.answered(answer),
                rows_per_model=wiring.rows_per_model,
            )
            with on_interrupt(asking.stop):
                return asking.run()
    finally:
        engine.close()


def _told(outcome: QueueOutcome, name: str) -> int:
    """Say how it ended, and what to do next; the exit code of that."""
    if outcome.not_kept is not None:
        _say(f"{outcome.not_kept} Then run the same command again.")
        return EXIT_SOME_FAILED
    if outcome.stopped:
        _say(f"Stopped. Everything answered is in {name}; the same command again goes on from here.")
        return EXIT_INTERRUPTED
    if outcome.failed:
        _say(f"{outcome.failed} failed; the other answers are in {name}. --retry-failed asks those again.")
        return EXIT_SOME_FAILED
    _say(f"All answers are in {name}.")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
