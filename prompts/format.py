"""The shape of one prompt format: fixed text with named places for what a person wrote.

Knows: the pieces a format is made of, which fields each must name, and which pieces contradict each other.
Refuses to know: where formats are kept, conversations, tokens, and models.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


@dataclass(frozen=True)
class TemplatePart:
    """Fixed text, or (where `field` is named) a place for a person's text."""

    text: str = ""
    field: str = ""


Template = tuple[TemplatePart, ...]


def parse_template(value: Any, fields: tuple[str, ...]) -> Template:
    """Cut `value` at its {fields} once, so that no text of a person is ever read as a template."""
    if isinstance(value, tuple):
        return value
    if not isinstance(value, str):
        raise ValueError("must be text")
    parts: list[TemplatePart] = []
    for text, name, specification, conversion in Formatter().parse(value):
        if text:
            parts.append(TemplatePart(text=text))
        if name is None:
            continue
        if name not in fields or specification or conversion:
            allowed = ", ".join(f"{{{field}}}" for field in fields)
            raise ValueError(
                f"holds {{{name}}}, but only {allowed} may stand here; write a plain brace as {{{{ or }}}}"
            )
        parts.append(TemplatePart(field=name))
    missing = [field for field in fields if all(part.field != field for part in parts)]
    if missing:
        raise ValueError(f"does not name {{{missing[0]}}}, so that text would be lost")
    return tuple(parts)


def _naming(*fields: str) -> BeforeValidator:
    return BeforeValidator(partial(parse_template, fields=fields))


class FormatReference(BaseModel):
    """Where a piece of the format was read, and how sure it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    where: str
    sure: bool = True


class PromptFormat(BaseModel):
    """One way of speaking to a model. All texts count to the byte: spaces and newlines too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1)
    title: str
    kind: Literal["template", "chat"]
    """chat: the tokenizer's own template, so no pieces here."""
    question: Annotated[Template, _naming("question")] = ()
    """The question to be answered, up to where the answer begins."""
    question_with_input: Annotated[Template, _naming("question", "input")] = ()
    """The same with an input; where absent, the input stands below the question, or above it."""
    context: Annotated[Template, _naming("input")] = ()
    """For formats that put the inputs of all turns before everything else."""
    system: Annotated[Template, _naming("system")] = ()
    """The system text, before the first turn."""
    default_system: str = ""
    """What stands in `system` when the conversation has no system text."""
    fold_system_into_question: bool = False
    """Where there is no place for a system text: write it above the first question, after an empty line."""
    answer_lead: str = ""
    """What stands between the end of the prompt and an answer, in training and in earlier turns."""
    turn_end: str = ""
    """What stands between an earlier answer and the next question."""
    earlier_turn: Annotated[Template, _naming("question", "answer")] = ()
    """An answered turn, where it is written otherwise than question, lead, answer and turn end."""
    search_format: str = ""
    """The id of the format for a question with a text above it, such as the sources that a search found."""
    multi_turn: Literal["native", "improvised"]
    """improvised: the makers had no form for several turns, so the single-turn blocks are repeated."""
    stop_strings: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    notes: str = ""
    references: tuple[FormatReference, ...] = ()

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> PromptFormat:
        pieces = ("question", "question_with_input", "context", "system", "earlier_turn")
        given = [name for name in pieces if getattr(self, name)]
        if self.kind == "chat" and given:
            raise ValueError(f"a chat format takes its pieces from the tokenizer, so {given[0]} has no place")
        if self.kind == "template" and not self.question:
            raise ValueError("a template format needs question")
        if self.context and self.question_with_input:
            raise ValueError("context and question_with_input both say where the input stands; keep one")
        if self.default_system and not self.system:
            raise ValueError("default_system needs system")
        return self
