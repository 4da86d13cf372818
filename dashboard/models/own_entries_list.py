"""A person's own entries, good ones and faulty ones, each with what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.models.fault_texts import doubt_line, fault_line, note_line
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from model_registry.own_files import OwnEntry, OwnFile


@dataclass(frozen=True)
class OwnEntryActions:
    """What the buttons of the list do with a file or one entry of it."""

    edit: Callable[[OwnFile, OwnEntry], None]
    edit_text: Callable[[OwnFile], None]
    remove: Callable[[OwnFile, OwnEntry], None]


def own_entries_list(files: Sequence[OwnFile], texts: Texts, actions: OwnEntryActions) -> None:
    for file in sorted(files, key=lambda file: not file.faults):
        with st.container(border=True, key=f"models_file_{file.path.name}"):
            _head(file, texts, actions)
            for entry in file.entries:
                _entry(file, entry, texts, actions)
            of_entries = {id(fault) for entry in file.entries for fault in entry.faults}
            for fault in file.faults:
                if id(fault) not in of_entries:
                    fault_line(fault, texts)


def _head(file: OwnFile, texts: Texts, actions: OwnEntryActions) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        mark = f" :red-badge[{texts.models['faulty']}]" if file.faults else ""
        st.markdown(f":small[:gray[{safe_text(file.path.name)}]]{mark}", width="stretch")
        if file.text is not None:
            st.button(
                texts.models["edit_text"],
                key=f"models_text_{file.path.name}",
                icon=":material/code:",
                type="tertiary",
                on_click=actions.edit_text,
                args=(file,),
            )


def _entry(file: OwnFile, entry: OwnEntry, texts: Texts, actions: OwnEntryActions) -> None:
    key = f"{file.path.name}_{entry.number}"
    with st.container(horizontal=True, vertical_alignment="center"):
        title = safe_text(str(entry.table.get("title") or texts.models["untitled"]))
        st.markdown(f"**{title}** :gray[{safe_text(entry.id)}]", width="stretch")
        st.button(
            texts.models["edit"],
            key=f"models_edit_{key}",
            icon=":material/edit:",
            type="tertiary",
            on_click=actions.edit,
            args=(file, entry),
        )
        st.button(
            texts.models["delete"],
            key=f"models_delete_{key}",
            icon=":material/delete:",
            type="tertiary",
            on_click=actions.remove,
            args=(file, entry),
        )
    for fault in entry.faults:
        fault_line(fault, texts)
    for doubt in entry.doubts.values():
        doubt_line(doubt, texts)
    for note in entry.notes:
        note_line(note, texts)
