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

from errors import BadEntry, UnknownName
from prompts.format import Part, PromptFormat, Template, parse_template

_FOLDER = Path(__file__).parent / "formats"
_FIELDS = {"instruction": "question", "input": "input"}


@dataclass(frozen=True)
class Formats:
    """Every known format by its id."""

    by_id: Mapping[str, PromptFormat]

    def get(self, format_id: str) -> PromptFormat:
        if format_id not in self.by_id:
            raise UnknownName("prompt format", format_id, self.by_id)
        return self.by_id[format_id]

    def with_template(self, path: Path) -> Formats:
        """These and the format of a template file, under the file's name (`kullm.json`)."""
        added = read_template_json(path)
        if self.by_id.get(added.id, added) != added:
            raise BadEntry(
                f"{path.name}: another template file of that name is in use; rename one.", file=path.name
            )
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


def load_formats(folder: Path = _FOLDER) -> Formats:
    """Every format that ships; a bad file is refused by file and key."""
    formats = [_read_toml(path) for path in sorted(folder.glob("*.toml"), key=lambda path: path.stem)]
    return Formats(by_id={format.id: format for format in formats})


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
        raise BadEntry(f"{path.name}, key 'id': must be '{path.stem}' like the file's name.", file=path.name)
    return format


def _read(path: Path, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8-sig"))
    except OSError:
        raise BadEntry(f"{path.name} cannot be read. Check that the file is there.", file=path.name) from None
    except UnicodeDecodeError:
        raise BadEntry(f"{path.name} is not UTF-8. Save it as UTF-8.", file=path.name) from None
    except (ValueError, RecursionError) as error:
        raise BadEntry(f"{path.name} is broken: {error}.", file=path.name) from None


def _renamed(template: Template) -> Template:
    return tuple(Part(text=part.text, field=_FIELDS.get(part.field, "")) for part in template)


def _bad_entry(file: str, error: ValidationError, model: type[BaseModel]) -> BadEntry:
    """One sentence for each fault, naming the key; near names where the key is unknown."""
    sentences = []
    for fault in error.errors():
        key = ".".join(str(step) for step in fault["loc"])
        said = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, model.model_fields, n=3)
            said = "unknown key" + (f"; did you mean {', '.join(near)}?" if near else "")
        sentences.append(f"{file}, key '{key}': {said}" if key else f"{file}: {said}")
    return BadEntry("; ".join(sentences), file=file)
