"""`python -m comparison formats`: what it costs to ask a model in another format than its own.

Questions with known answers are asked of every model in every format, and the exact answers are counted.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from command_line import EXIT_INTERRUPTED, on_interrupt
from comparison.batch.progress import BatchFailure, BatchProgress, BatchState
from comparison.batch.queue import RequestQueue
from comparison.questions import jsonl_rows
from comparison.terminal.options import formats_named, picked
from comparison.terminal.progress import lines_for
from comparison.terminal.wiring import Wiring
from engines.base import Answer, AnswerRequest, FinishReason, GenerationSettings
from errors import BadEntry
from prompts.conversation import Conversation
from prompts.thinking import thinking_and_answer
from text_files import open_text

_Cell = tuple[str, str]
"""A model and a format."""

_MANNERS = ("answer", "banmal")
"""The answers that count as exact: polite, and the same among friends."""


@dataclass(frozen=True, kw_only=True)
class FormatsOptions:
    """Ask each model the same questions in each format, and count the answers that are exact."""

    models: str = ""
    """Model ids with commas between them; otherwise the demo models."""
    formats: str = ""
    """Format ids with commas between them; otherwise the models' own."""
    questions: Path | None = None
    """A .jsonl file with question, input and answer in each row; otherwise the demo set."""
    max_new_tokens: int = 128
    """The longest an answer may be."""
    json: bool = False
    """Print JSON, and nothing else."""


@dataclass(frozen=True)
class Counted:
    """Exact answers of so many questions; a cell is None where the model could not be asked that way."""

    questions: int
    own_formats: dict[str, str]
    exact: dict[_Cell, int | None]


def formats(options: FormatsOptions, wiring: Wiring) -> int:
    models = picked(options.models or _demo_models(wiring), wiring)
    own = {model_id: wiring.models[model_id].format_id for model_id in models}
    columns = formats_named(options.formats or ",".join(dict.fromkeys(own.values())), wiring)
    exam = read_exam(options.questions or wiring.demo_questions)
    settings = GenerationSettings(max_new_tokens=options.max_new_tokens)
    cells = [(model_id, format_id) for model_id in models for format_id in columns]
    exact = _count(cells, exam, settings, wiring)
    if exact is None:
        return EXIT_INTERRUPTED
    counted = Counted(len(exam), own, exact)
    _print_json(counted) if options.json else _print_table(counted, columns)
    return 0


def _demo_models(wiring: Wiring) -> str:
    return ",".join(model_id for model_id, facts in wiring.models.items() if facts.is_demo)


def _count(
    cells: Sequence[_Cell], exam: Sequence[ExamQuestion], settings: GenerationSettings, wiring: Wiring
) -> dict[_Cell, int | None] | None:
    """None where it was interrupted."""
    asked = [(cell, question) for cell in cells for question in exam]
    exact: Counter[_Cell] = Counter()
    failed: Counter[_Cell] = Counter()

    def report(at: int, answer: Answer) -> None:
        cell, question = asked[at]
        exact[cell] += question.is_exact(thinking_and_answer(answer.text, answer.prompt).answer)
        failed[cell] += answer.finish_reason is FinishReason.FAILED
        fault = BatchFailure("", answer.model_id, answer.cause) if answer.cause else None
        progress.answered(answer.model_id, fault)
        lines.show(progress.view(BatchState.RUNNING))

    requests = [
        AnswerRequest(model_id, question.conversation, settings, format_id)
        for (model_id, format_id), question in asked
    ]
    engine = wiring.build_engine()
    progress = BatchProgress()
    progress.begin(Counter(request.model_id for request in requests), Counter(), ())
    lines = lines_for(progress.view(BatchState.RUNNING))
    batch = RequestQueue(engine, requests, _forget, report, wiring.rows_per_model)
    try:
        with on_interrupt(batch.stop) as interrupted:
            outcome = batch.run()
    finally:
        lines.close()
        engine.close()
    if outcome.not_kept is not None:
        raise outcome.not_kept
    if interrupted.is_set():
        return None
    return {cell: None if failed[cell] == len(exam) else exact[cell] for cell in cells}


def _forget(at: int, answer: Answer, asked_at: datetime) -> None:
    """Only the count is of use here."""


def _print_json(counted: Counted) -> None:
    rows = [
        {
            "model": model_id,
            "own_format": own,
            "exact": {
                format_id: count for (asked, format_id), count in counted.exact.items() if asked == model_id
            },
        }
        for model_id, own in counted.own_formats.items()
    ]
    text = json.dumps({"questions": counted.questions, "rows": rows}, ensure_ascii=False, indent=2)
    sys.stdout.write(f"{text}\n")


def _print_table(counted: Counted, columns: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("model")
    for format_id in columns:
        table.add_column(format_id, justify="right")
    for model_id, own in counted.own_formats.items():
        counts = (counted.exact[model_id, format_id] for format_id in columns)
        shown = ("–" if count is None else str(count) for count in counts)
        marked = (f"*{count}" if name == own else count for name, count in zip(columns, shown, strict=True))
        table.add_row(model_id, *marked)
    console = Console(highlight=False)
    with console.capture() as captured:
        console.print(f"Exact answers of {counted.questions}, by the format the model was asked in:")
        console.print(table)
        console.print(what_it_shows(counted), markup=False)
    sys.stdout.write(captured.get())


def what_it_shows(counted: Counted) -> str:
    """The widest gap between a model's own format and another, in words."""
    gaps = []
    for (model_id, format_id), count in counted.exact.items():
        own = counted.exact.get((model_id, counted.own_formats[model_id]))
        if own is not None and count is not None:
            gaps.append((own - count, model_id, format_id, own, count))
    legend = "* the model's own format."
    if None in counted.exact.values():
        legend += " – cannot be asked that way."
    widest = max(gaps, default=(0, "", "", 0, 0))
    if widest[0] <= 0:
        return f"{legend} No model lost by being asked in another format."
    _, model_id, format_id, own, count = widest
    return (
        f"{legend} Asked in its own format, {model_id} gives {own} of {counted.questions} answers exactly; "
        f"the same weights asked in {format_id} give {count}."
    )


@dataclass(frozen=True)
class ExamQuestion:
    """What is asked, and every text that is an exact answer."""

    conversation: Conversation
    answers: frozenset[str]

    def is_exact(self, text: str) -> bool:
        return text.strip() in self.answers


def read_exam(path: Path) -> list[ExamQuestion]:
    """The first question of each row: `turns` as in the demo set, or `question`, `input` and `answer`."""
    with open_text(path) as file:
        exam = [_question(row, f"{file.name}, line {number}") for number, row in jsonl_rows(file)]
    if not exam:
        raise BadEntry("no-questions", file=path.name)
    return exam


def _question(row: Mapping[str, Any], where: str) -> ExamQuestion:
    try:
        turn = row["turns"][0] if "turns" in row else row
        conversation = Conversation.ask(_text(turn["question"]), _text(turn.get("input", "")))
        _text(turn["answer"])
        answers = frozenset(_text(turn[manner]).strip() for manner in _MANNERS if turn.get(manner))
    except (KeyError, IndexError, TypeError, AttributeError):
        raise BadEntry("exam-row-incomplete", where=where) from None
    return ExamQuestion(conversation, answers)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
