"""The form of an own entry filled in from its source alone, with what was filled and what could not be read.

Nothing that a person typed is replaced: where a file says something else both are shown, with a button.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from dashboard.errors import show_error
from dashboard.session import models
from dashboard.session.models import SourceReading
from dashboard.session.owner import is_machine
from dashboard.shared.formatting import shortened
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from errors import Cause, NaraniError, wording
from model_registry.reading.describing import describe
from model_registry.reading.description import Description
from model_registry.registry import Registry
from settings import format_bytes

_FACTS = ("bytes", "dtype", "languages", "base_models", "method", "rank")
_LONGEST = 60
_FORMAT_UNKNOWN = "reading-format-unknown"


def source_reading(registry: Registry, folder: Path, empty: Mapping[str, object], texts: Texts) -> None:
    """`empty`: what stands in a form that nobody filled in."""
    if st.button(
        texts.models["read_source"],
        key="models_read_source",
        icon=":material/auto_awesome:",
        help=texts.models["read_source_help"],
    ):
        try:
            with st.spinner(texts.models["reading_source"]):
                description = _described(registry, folder)
        except NaraniError as error:
            show_error(error, texts)
            return
        _fill(description, empty)
        st.rerun()  # fields above and beside were drawn with what stood there before
    reading = models.reading()
    if reading is None:
        return
    if (reading.source, reading.revision) != _source():
        st.caption(f":material/sync_problem: {texts.models['source_changed']}")
        return
    with st.container(border=True, key="models_reading"):
        _report(reading, texts)


def filled_by_itself(key: str, texts: Texts) -> None:
    """Below a field: where its value was read, or that it cannot be known and has to be chosen."""
    where = models.filled_now().get(key)
    if where is not None:
        said = texts.models["filled_from"].format(where=safe_text(shortened(where, _LONGEST)))
        st.markdown(f":small[:blue-badge[:material/auto_awesome: {texts.models['filled']}] :gray[{said}]]")
    elif key == "prompt_format" and not models.value_of(key) and (why := _format_unknown()):
        st.markdown(f":small[:orange[:material/warning: {safe_text(wording(why, texts.language))}]]")


def group_words(title: str, keys: Sequence[str], texts: Texts) -> str:
    """The title of a group that is closed, with how many of its fields were filled."""
    count = len(models.filled_now().keys() & set(keys))
    return f"{title} · {texts.models['filled']} {count}" if count else title


def _described(registry: Registry, folder: Path) -> Description:
    source, revision = _source()
    return describe(source, revision or None, registry, folder, may_read_folders=is_machine())


def _source() -> tuple[str, str]:
    source, revision = models.value_of("source"), models.value_of("revision")
    return str(source or "").strip(), str(revision or "").strip()


def _fill(description: Description, empty: Mapping[str, object]) -> None:
    """What the last reading filled in goes first; what a person typed stays."""
    old = {key: empty[key] for key in models.filled_now()}
    values: dict[str, object] = dict(old)
    filled: dict[str, tuple[object, str]] = {}
    differing: dict[str, tuple[object, str]] = {}
    for key, (value, where) in description.typed.items():
        now = old[key] if key in old else models.value_of(key)
        if now in (None, "") or now == empty[key]:
            values[key], filled[key] = value, (value, where)
        elif now != value:
            differing[key] = (value, where)
    models.fill(values)
    source, revision = _source()
    unread = [(each.files, each.why.as_json()) for each in description.unread]
    models.set_reading(SourceReading(source, revision, dict(description.facts), unread, filled, differing))


def _report(reading: SourceReading, texts: Texts) -> None:
    count = len(models.filled_now())
    line = texts.models["fields_filled" if count else "nothing_filled"].format(count=count)
    facts = " · ".join(_fact(name, reading.facts[name], texts) for name in _FACTS if name in reading.facts)
    st.markdown(f"{line}  \n:small[{facts}]" if facts else line)
    for key, (value, where) in reading.differing.items():
        if models.value_of(key) != value:
            _difference(key, value, where, texts)
    for files, why in reading.unread:
        cause = Cause.from_json(why)
        said = wording(cause, texts.language)
        named = ", ".join(safe_text(shortened(name, _LONGEST)) for name in files if name not in said)
        sentence = safe_text(said)
        st.markdown(f":small[:orange[:material/info:] {f'**{named}** ' if named else ''}{sentence}]")


def _fact(name: str, value: str | int, texts: Texts) -> str:
    shown = format_bytes(int(value)) if name == "bytes" else str(value)
    return texts.models[f"read_{name}"].format(value=safe_text(shown))


def _difference(key: str, value: object, where: str, texts: Texts) -> None:
    name = texts.models[f"field_{key.replace('.', '_')}"]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            ":small["
            + texts.models["typed_otherwise"].format(
                field=safe_text(name),
                typed=_short(models.value_of(key)),
                found=_short(value),
                where=safe_text(shortened(where, _LONGEST)),
            )
            + "]",
            width="stretch",
        )
        st.button(
            texts.models["take_found"].format(field=name),
            key=f"models_take_{key.replace('.', '_')}",
            type="tertiary",
            on_click=_take,
            args=(key,),
        )


def _take(key: str) -> None:
    reading = models.reading()
    if reading is not None and key in reading.differing:
        value, _ = reading.differing[key]
        models.fill({key: value})
        models.set_reading(
            SourceReading(
                **{**vars(reading), "filled": {**reading.filled, key: reading.differing[key]}},
            )
        )


def _short(value: object) -> str:
    return safe_text(shortened(str(value), _LONGEST))


def _format_unknown() -> Cause | None:
    reading = models.reading()
    causes = [Cause.from_json(why) for _, why in reading.unread] if reading else []
    return next((cause for cause in causes if cause.code == _FORMAT_UNKNOWN), None)
