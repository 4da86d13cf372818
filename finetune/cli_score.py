"""`python -m finetune score`: how good a reward model finds an answer alone, or each answer of a file."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from command_line import unwinding
from errors import BadRequest


@dataclass(frozen=True, kw_only=True)
class Score:
    """Score an answer with a reward model: the higher, the better it is by what the model learned."""

    model: str
    """A reward model of the registry, as the training of one enters it."""
    question: str = ""
    """The question that is answered."""
    answer: str = ""
    """The answer to be scored; it is taken to have ended."""
    input: str = ""
    """The text that the question is about, where it has one."""
    data: tuple[str, ...] = ()
    """Instead: files of questions and answers, or hub dataset ids; the last answer of each row is scored."""
    json: bool = False
    """Write JSON, a line for each answer."""


def run(options: Score, home: Path) -> int:
    from finetune.data import read_examples
    from finetune.examples import Example
    from finetune.preference.reward_model import answer_scores
    from prompts.conversation import Conversation

    if bool(options.data) == bool(options.question and options.answer):
        raise BadRequest("score-what", name="answer")
    asked = Conversation.ask(options.question, options.input).answered(options.answer)
    rows = read_examples(options.data).rows if options.data else (Example(asked, ""),)
    with unwinding():
        scores = answer_scores(options.model, rows, home)
    for row, score in zip(rows, scores, strict=True):
        place = {"source": row.source} if options.data else {}
        line = json.dumps({**place, "score": score}, ensure_ascii=False)
        plain = f"{score:.4f}" + (f"  {row.source}" if options.data else "")
        sys.stdout.write((line if options.json else plain) + "\n")
    return 0
