"""Which formats there are: those that ship, and KULLM-style template files of a person's own.

Knows: the folder of formats, the two file kinds (TOML and JSON), and how to name a fault in one.
Refuses to know: how a format is rendered, and which model uses it.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from errors import BadEntry, Cause, UnknownName
from prompts.conversation import Conversation
from prompts.format import PromptFormat, Template, TemplatePart, parse_template

_FOLDER = Path(__file__).parent / "formats"
_FIELDS = {"instruction": "question", "input": "input"}


@dataclass(frozen=True)
class PromptFormats:
    """Every known format by its id."""

    by_id: Mapping[str, PromptFormat]

    def get(self, format_id: str) -> PromptFormat:
        if format_id not in self.by_id:
            raise UnknownName("prompt format", format_id, self.by_id)
        return self.by_id[format_id]

    def for_question(self, format: PromptFormat, conversation: Conversation) -> PromptFormat:
        """The form that a format has for a question on texts above it, where that has a place for all of the
        conversation; else the format itself."""
        asked = conversation.turns[-1]
        if not (format.search_format and asked.input and asked.input_above):
            return format
        other = self.get(format.search_format)
        places_system = other.kind == "chat" or other.system or other.fold_system_into_question
        return other if places_system or not conversation.system else format

    def with_template(self, path: Path) -> PromptFormats:
        """These and the format of a template file, under the file's name (`kullm.json`)."""
        added = read_template_json(path)
        if self.by_id.get(added.id, added) != added:
            raise BadEntry("format-name-taken", file=path.name)
        return replace(self, by_id={**self.by_id, added.id: added})

    def __contains__(self, format_id: object) -> bool:
        return format_id in self.by_id

    def __iter__(self) -> Iterator[PromptFormat]:
        return iter(self.by_id.values())

    def __len__(self) -> int:
        return len(self.by_id)


class _TemplateFile(BaseModel):
    """The JSON templates that alpaca-lora began and KULLM and ko-gpts use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = ""
    prompt_no_input: Annotated[
        Template, BeforeValidator(lambda value: parse_template(value, fields=("instruction",)))
    ]
    prompt_input: Annotated[
        Template, BeforeValidator(lambda value: parse_template(value, fields=("instruction", "input")))
    ] = ()
    response_split: str = ""


def load_formats(folder: Path = _FOLDER) -> PromptFormats:
    """Every format that ships; a bad file is refused by file and key."""
    formats = [_read_toml(path) for path in sorted(folder.glob("*.toml"), key=lambda path: path.stem)]
    by_id = {format.id: format for format in formats}
    for format in formats:
        if format.search_format and format.search_format not in by_id:
            raise BadEntry("search-format-unknown", file=f"{format.id}.toml", name=format.search_format)
    return PromptFormats(by_id)


def read_template_json(path: Path) -> PromptFormat:
    """A KULLM-style template as a format; its answer marker, at a line's start, becomes the stop string."""
    table = _read(path, json.loads)
    try:
        file = _TemplateFile.model_validate(table)
    except ValidationError as error:
        raise _bad_entry(path.name, error, _TemplateFile) from None
    return PromptFormat(
        id=path.name,
        title=file.description or path.stem,
        kind="template",
        question=_renamed(file.prompt_no_input),
        question_with_input=_renamed(file.prompt_input),
        turn_end="\n\n",
        multi_turn="improvised",
        fold_system_into_question=True,
        stop_strings=(f"\n{file.response_split}",) if file.response_split else (),
    )


def _read_toml(path: Path) -> PromptFormat:
    table = _read(path, tomllib.loads)
    try:
        format = PromptFormat.model_validate(table)
    except ValidationError as error:
        raise _bad_entry(path.name, error, PromptFormat) from None
    if format.id != path.stem:
        raise BadEntry("format-id-not-file-name", file=path.name, stem=path.stem)
    return format


def _read(path: Path, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8-sig"))
    except OSError:
        raise BadEntry("format-file-unreadable", file=path.name) from None
    except UnicodeDecodeError:
        raise BadEntry("file-not-utf-8", file=path.name) from None
    except (ValueError, RecursionError) as error:
        raise BadEntry("format-file-broken", file=path.name, reason=error) from None


def _renamed(template: Template) -> Template:
    return tuple(TemplatePart(text=part.text, field=_FIELDS.get(part.field, "")) for part in template)


def _bad_entry(file: str, error: ValidationError, model: type[BaseModel]) -> BadEntry:
    """Each fault, naming the key; near names where the key is unknown."""
    faults = []
    for fault in error.errors():
        key = ".".join(str(step) for step in fault["loc"])
        said: Cause | str = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, model.model_fields, n=3)
            said = Cause("unknown-key-near" if near else "unknown-key", near=near)
        faults.append(Cause("fault-at-key" if key else "fault-of-file", file=file, key=key, fault=said))
    return BadEntry("format-faulty", file=file, faults=faults)
