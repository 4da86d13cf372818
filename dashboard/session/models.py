"""What the page of models remembers: its part, the model chosen, the entry being written, the last load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import streamlit as st

from model_registry.drafting import Removed

SECTION = "models_section"
SEARCH = "models_search"
FAMILIES = "models_families"
COMMERCIAL = "models_commercial"
MEMORY = "models_memory"
FORMAT_OF = "models_format_of"
FORMAT = "models_format"
FORMAT_MODEL = "models_format_model"
QUESTION = "models_question"
INPUT = "models_input"
SYSTEM = "models_system"
THINKING = "models_thinking"
START = "models_start"
RAW = "models_raw"
DOWNLOAD = "downloads_model"
FETCH = "downloads_fetch"
_MODEL = "model"
_PART = "part"
_OPENED = "models_opened"
_REMOVED = "models_removed"
_SAVED = "models_said"
_READING = "models_reading"
LOAD_MODEL = "memory_model"
LOAD = "memory_load"
REFRESH_MEMORY = "memory_refresh"
_LAST_LOAD = "memory_last_load"


@dataclass(frozen=True)
class OpenedEntry:
    """What is being written: a new entry (no file), an entry of a file, or a file's whole text."""

    file: str = ""
    number: int | None = None
    """None: the whole text, where there is a file."""
    was: str = ""
    """What the file held when it was opened."""


@dataclass(frozen=True)
class SourceReading:
    """What came of the last reading of a source, for the form that is open."""

    source: str
    revision: str
    facts: Mapping[str, str | int]
    unread: Sequence[tuple[Sequence[str], Mapping[str, Any]]]
    """For which files, and the cause as JSON."""
    filled: Mapping[str, tuple[object, str]]
    """By key what was put into the field, and where it was read."""
    differing: Mapping[str, tuple[object, str]]
    """The same of what was not put in, because a person had typed something else."""


def field_key(key: str) -> str:
    return f"models_field_{key.replace('.', '_')}"


def table_key(shown: int) -> str:
    """Another table has other rows, so what was selected in the last one means nothing in it."""
    return f"models_table_{shown}"


def part(parts: Sequence[str]) -> str:
    """The part of the page in the address; a refresh stays on it. Its own name is no widget's key, because a
    key that is bound to the address stands there in the words of one language."""
    found = st.query_params.get(_PART, str(st.session_state.get(SECTION)))
    return found if found in parts else parts[0]


def remember_part() -> None:
    st.query_params[_PART] = st.session_state[SECTION]


def chosen_model() -> str | None:
    """The model in the address whose facts are shown."""
    return st.query_params.get(_MODEL)


def choose_model(model_id: str | None) -> None:
    if model_id is None:
        st.query_params.pop(_MODEL, None)
    else:
        st.query_params[_MODEL] = model_id


def opened() -> OpenedEntry | None:
    value = st.session_state.get(_OPENED)
    return None if value is None else OpenedEntry(**value)


def open_form(values: Mapping[str, object], what: OpenedEntry) -> None:
    """The widgets of the form start with these values."""
    fill(values)
    st.session_state[_READING] = None
    st.session_state[_OPENED] = asdict(what)


def open_text(file: str, text: str) -> None:
    st.session_state[RAW] = text
    st.session_state[_OPENED] = asdict(OpenedEntry(file, None, text))


def fill(values: Mapping[str, object]) -> None:
    for key, value in values.items():
        st.session_state[field_key(key)] = value


def close() -> None:
    st.session_state[_OPENED] = None
    st.session_state[_READING] = None


def reading() -> SourceReading | None:
    value = st.session_state.get(_READING)
    return None if value is None else SourceReading(**value)


def set_reading(reading: SourceReading) -> None:
    st.session_state[_READING] = asdict(reading)


def value_of(key: str) -> object:
    """What stands in a field of the form now."""
    return st.session_state.get(field_key(key))


def filled_now() -> dict[str, str]:
    """By key where a field's value was read, as long as nobody changed it: a field that was changed once is a
    person's own from then on."""
    found = reading()
    if found is None:
        return {}
    kept = {key: said for key, said in found.filled.items() if value_of(key) == said[0]}
    if len(kept) < len(found.filled):
        set_reading(replace(found, filled=kept))
    return {key: where for key, (_, where) in kept.items()}


def removed() -> Removed | None:
    value = st.session_state.get(_REMOVED)
    return None if value is None else Removed(Path(value["path"]), value["before"], value["after"])


def set_removed(removed: Removed | None) -> None:
    st.session_state[_REMOVED] = None if removed is None else {**asdict(removed), "path": str(removed.path)}


def say_saved(name: str) -> None:
    """To be said by the next drawing, which shows the list again."""
    st.session_state[_SAVED] = name


def just_saved() -> str | None:
    value = st.session_state.pop(_SAVED, None)
    return value if isinstance(value, str) else None


def load_quantization_key(model_id: str) -> str:
    """One a model: each offers other ones."""
    return f"memory_quantization_{model_id}"


def release_key(model_id: str, quantization: str) -> str:
    return f"memory_release_{model_id}_{quantization}"


def pause_key(model_id: str) -> str:
    return f"downloads_pause_{model_id}"


def resume_key(model_id: str) -> str:
    return f"downloads_resume_{model_id}"


def remove_files_key(model_id: str) -> str:
    return f"downloads_remove_{model_id}"


def keep_key(model_id: str, quantization: str) -> str:
    return f"memory_keep_{model_id}_{quantization}"


def stop_key(model_id: str, quantization: str) -> str:
    return f"memory_stop_{model_id}_{quantization}"


def last_load() -> tuple[str, str] | None:
    """(model, quantization), so that its failure is told to whoever began it."""
    value = st.session_state.get(_LAST_LOAD)
    return value if isinstance(value, tuple) else None


def set_last_load(model_id: str, quantization: str) -> None:
    st.session_state[_LAST_LOAD] = (model_id, quantization)
