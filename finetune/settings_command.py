"""Settings as the command that trains with them again, apart from the options' parser, which needs far more.

A recipe is never named: what it brought stands in the settings, and a base may bring another one tomorrow.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from finetune.run_settings import RunSettings

_OF_ONE_RUN = frozenset({"name", "resume"})
"""What belongs to one run alone: another one cannot have its name."""


def command_line(settings: RunSettings) -> str:
    """One line for a shell. What is not said has the default of the kind."""
    words = ["python", "-m", "finetune", settings.kind, "--recipe", "none"]
    for name, value in changed_settings(settings).items():
        words += _option("--" + name.replace("_", "-"), value)
    return shlex.join(words)


def changed_settings(settings: RunSettings) -> dict[str, Any]:
    """Those that are others than the defaults of their kind, but for the name."""
    return {
        field.name: value
        for field in fields(settings)
        if field.name not in _OF_ONE_RUN and (value := getattr(settings, field.name)) != field.default
    }


def _option(option: str, value: Any) -> Iterator[str]:
    match value:
        case bool():
            yield option if value else option.replace("--", "--no-", 1)
        case tuple():
            yield option
            # A file may be called so, and no other value of several; as an option nobody would know it.
            yield from (f"./{each}" if str(each).startswith("-") else str(each) for each in value)
        case _:
            # In one word, or a negative number would be read as another option.
            yield f"{option}={value}" if str(value).startswith("-") else option
            if not str(value).startswith("-"):
                yield str(value)
