"""What all tables of an entry have in common; alone, because entries and services both need it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

Text = Annotated[str, Field(min_length=1)]


class EntryTable(BaseModel):
    """Base of every table in an entry: frozen, and an unknown key is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def contradiction(key: str, problem: str) -> PydanticCustomError:
    # The key travels along, so that whoever reads entries can name it without searching the sentence.
    return PydanticCustomError("contradiction", "{key} {problem}", {"key": key, "problem": problem})
