"""What the page does with a person's own entries, between its widgets and the files.

A list, a form or a file's text is shown; everyone sees an entry once it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import streamlit as st

from dashboard.errors import show_error
from dashboard.models.own_entries_list import OwnEntryActions, own_entries_list
from dashboard.models.own_entry_form import NEW, entry_text, own_entry_form, values_typed
from dashboard.models.source_reading import source_reading
from dashboard.resources import Services
from dashboard.session import models
from dashboard.shared.model_choices import distinct_titles
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from errors import BadRequest, NaraniError
from model_registry.drafting import Draft, bring_back, draft, judge_text, remove_entry, write_entry
from model_registry.entry_values import values_of
from model_registry.own_files import OwnEntry, OwnFile, own_files, save_text

_EMPTY: Mapping[str, object] = {**values_of({}), **NEW}
"""What stands in a form that nobody filled in."""


def own_entries(services: Services, texts: Texts) -> None:
    opened = models.opened()
    if opened is None:
        _list(services, texts)
    elif opened.file and opened.number is None:
        _text(opened, services, texts)
    else:
        _form(opened, services, texts)


def _list(services: Services, texts: Texts) -> None:
    saved = models.just_saved()
    if saved is not None:
        st.success(texts.models["saved"].format(title=safe_text(saved)), icon=":material/check:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            texts.models["add"], key="models_add", type="primary", icon=":material/add:", on_click=_open_new
        )
        st.button(
            texts.models["reload"],
            key="models_reload",
            icon=":material/refresh:",
            help=texts.models["reload_help"],
            on_click=services.registry.reload,
        )
    _undo(services, texts)
    files = own_files(_folder(services), services.registry)
    if not files:
        st.info(texts.models["none_yet"], icon=":material/lightbulb:")
    own_entries_list(
        files,
        texts,
        OwnEntryActions(_open, _open_text, lambda file, one: _remove(file, one, services, texts)),
    )


def _form(opened: models.OpenedEntry, services: Services, texts: Texts) -> None:
    entry = _opened_entry(opened, services)
    if opened.file and entry is None:
        _close_with(BadRequest("entry-gone"), texts)
        return
    st.subheader(texts.models["change" if entry else "new"], anchor=False)
    if entry is None:
        _start_from(services, texts)
    try:
        made = draft(
            values_typed(), _folder(services), services.registry, entry, opened.was if entry else None
        )
    except NaraniError as error:
        _close_with(error, texts)
        return
    own_entry_form(
        made,
        services.registry,
        texts,
        lambda: source_reading(services.registry, _folder(services), _EMPTY, texts),
        lambda one: _save(one, services, texts),
        models.close,
    )


def _close_with(error: NaraniError, texts: Texts) -> None:
    show_error(error, texts)
    st.button(texts.models["cancel"], key="models_cancel", on_click=models.close)


def _text(opened: models.OpenedEntry, services: Services, texts: Texts) -> None:
    folder = _folder(services)
    path = folder / opened.file

    def save() -> None:
        _do(lambda: save_text(path, st.session_state[models.RAW], opened.was), opened.file, services, texts)

    entry_text(
        opened.file, opened.was, lambda text: judge_text(text, path, folder), texts, save, models.close
    )


def _start_from(services: Services, texts: Texts) -> None:
    """The facts of a model that is like it; name and source are the new one's own."""

    def fill() -> None:
        spec = services.registry.models.get(st.session_state[models.START] or "")
        if spec is not None:
            table = spec.entry()
            own = dict.fromkeys(("id", "title", "source", "revision"))
            models.fill({**values_of({key: table[key] for key in table if key not in own}), **_typed(*own)})

    titles = distinct_titles(services.registry.models)
    st.selectbox(
        texts.models["start_from"],
        sorted(services.registry.models),
        index=None,
        key=models.START,
        format_func=lambda id: titles.get(id, id),
        placeholder=texts.models["start_from_nothing"],
        help=texts.models["start_from_help"],
        on_change=fill,
    )


def _typed(*keys: str) -> dict[str, object]:
    return {key: value for key, value in values_typed().items() if key in keys}


def _undo(services: Services, texts: Texts) -> None:
    removed = models.removed()
    if removed is None:
        return

    def undo() -> None:
        try:
            bring_back(removed)
        except NaraniError as error:
            show_error(error, texts)
        models.set_removed(None)
        services.registry.reload()

    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(texts.models["removed"])
        st.button(
            texts.models["undo"], key="models_undo", icon=":material/undo:", type="tertiary", on_click=undo
        )


def _open_new() -> None:
    models.open_form(_EMPTY, models.OpenedEntry())


def _open(file: OwnFile, entry: OwnEntry) -> None:
    models.open_form(
        values_of(entry.table), models.OpenedEntry(file.path.name, entry.number, file.text or "")
    )


def _open_text(file: OwnFile) -> None:
    models.open_text(file.path.name, file.text or "")


def _opened_entry(opened: models.OpenedEntry, services: Services) -> OwnEntry | None:
    if not opened.file or opened.number is None:
        return None
    found = (one for one in own_files(_folder(services), services.registry) if one.path.name == opened.file)
    entries = [entry for file in found for entry in file.entries if entry.number == opened.number]
    return entries[0] if entries else None


def _save(made: Draft, services: Services, texts: Texts) -> None:
    _do(lambda: write_entry(made), made.spec.title if made.spec else "", services, texts)


def _do(save: Callable[[], object], name: str, services: Services, texts: Texts) -> None:
    try:
        save()
    except NaraniError as error:
        show_error(error, texts)
        return
    services.registry.reload()
    models.say_saved(name)
    models.close()


def _remove(file: OwnFile, entry: OwnEntry, services: Services, texts: Texts) -> None:
    try:
        models.set_removed(remove_entry(file, entry))
    except NaraniError as error:
        show_error(error, texts)
    services.registry.reload()


def _folder(services: Services) -> Path:
    return services.settings.own_models
