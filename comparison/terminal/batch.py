"""`python -m comparison batch`: a file of questions to several models, answers into a CSV file as they come.

It is a batch of the history, too, which the pages show. The file alone decides what is still to be asked.
"""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import tyro

from command_line import EXIT_INTERRUPTED, on_interrupt
from comparison.asking import ANY_QUESTION, requests_for
from comparison.batch.cells import BatchPlan, plan_of
from comparison.batch.job import BatchJob
from comparison.batch.progress import BatchProgress, BatchState, BatchView
from comparison.question_source import without_repeats
from comparison.questions import read_questions
from comparison.terminal.answer_file import AnswerFile
from comparison.terminal.answers_in_file import AnswersInFile
from comparison.terminal.ask import EXIT_SOME_FAILED
from comparison.terminal.history import HistoryOfMachine
from comparison.terminal.options import SharedOptions, how_of, picked
from comparison.terminal.progress import lines_for
from comparison.terminal.wiring import Wiring
from errors import BadRequest, Cause, NaraniError, wording
from settings import terminal_language

TICK = 0.1
"""Seconds between two looks at the batch."""


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
    history: bool = True
    """Keep the batch in the history that the pages of this machine show, too."""


def batch(options: BatchOptions, wiring: Wiring) -> int:
    read = read_questions(options.file, options.column)
    models = picked(options.models, wiring)
    asked = requests_for(models, ANY_QUESTION, how_of(options, models, wiring), wiring.recommended)
    with closing(AnswerFile(options.out)) as file:
        answers = AnswersInFile(file, without_repeats(read.questions), asked)
        plan = plan_of(answers.cells(), options.retry_failed)
        kept = plan.done.total()
        held = [f"{file.name} holds {kept} of these answers already."] if kept else []
        for note in (*read.notes, *file.notes, *held):
            _say(note)

        def lacking(problem: Cause) -> Cause:
            return Cause("batch-not-in-history-yet", problem=problem, file=file.name)

        with HistoryOfMachine(wiring.open_history if options.history else None, lacking) as machine:
            _keep_beside(answers, machine, options.file.name)
            view = _worked_on(answers, plan, options.retry_failed, wiring)
    return _told(view, file.name)


def _keep_beside(answers: AnswersInFile, machine: HistoryOfMachine, name: str) -> None:
    if machine.history is not None:
        try:
            answers.keep_in(machine.history, name)
        except BadRequest:
            raise
        except NaraniError as error:
            machine.say(error)


def _worked_on(answers: AnswersInFile, plan: BatchPlan, retry_failed: bool, wiring: Wiring) -> BatchView:
    """How it ended."""
    progress = BatchProgress()
    progress.begin(plan.wanted, plan.done, plan.failures)
    if not plan.left and next(iter(answers.unscored()), None) is None:
        answers.close()
        return progress.view(BatchState.DONE)
    engine = wiring.build_engine()
    try:
        job = BatchJob(engine, answers, progress, wiring.rows_per_model, retry_failed)
        with closing(lines_for(job.view())) as lines, on_interrupt() as interrupted:
            job.start()
            while not job.wait(TICK):
                if interrupted.is_set():
                    job.stop()
                lines.show(job.view())
            lines.show(job.view())
    finally:
        engine.close()
    return job.view()


def _told(view: BatchView, name: str) -> int:
    """Say how it ended, and what to do next; the exit code of that."""
    if view.problem is not None:
        language = terminal_language()
        again = wording(Cause("run-command-again"), language)
        _say(f"{wording(view.problem, language)} {again}")
        return EXIT_SOME_FAILED
    if view.state is BatchState.STOPPED:
        _say(f"Stopped. Everything answered is in {name}; the same command again goes on from here.")
        return EXIT_INTERRUPTED
    if view.failed:
        _say(f"{view.failed} failed; the other answers are in {name}. --retry-failed asks those again.")
        return EXIT_SOME_FAILED
    _say(f"All answers are in {name}.")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
