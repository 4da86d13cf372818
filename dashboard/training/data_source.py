"""Where the rows come from: those of a recipe, files of one's own, or paths on this machine.

Knows: which widgets there are, and that files go to disk at once and out of the browser session's memory.
Refuses to know: what stands in the files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from comparison.uploads import Uploads
from dashboard.errors import explain
from dashboard.session import training
from dashboard.session.kept import keep, restore
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from errors import NaraniError

_ICONS = {"recipe": ":material/menu_book:", "file": ":material/upload_file:", "path": ":material/folder:"}
_TYPES = ("jsonl", "json", "csv", "parquet", "txt")


@dataclass(frozen=True)
class TrainingData:
    """What was chosen; nothing while `sources` is empty."""

    sources: tuple[str, ...] = ()
    uploads: tuple[str, ...] = ()
    """Those of the sources that came through the browser."""


def training_data(
    recipe_data: Sequence[str], uploads: Uploads, offers_paths: bool, texts: Texts
) -> TrainingData:
    """`recipe_data`: what the recipe was trained on, where that is at hand or can be fetched."""
    kinds = [*(["recipe"] if recipe_data else []), "file", *(["path"] if offers_paths else [])]
    restore(training.SOURCE, kinds[0])
    if st.session_state[training.SOURCE] not in kinds:
        st.session_state[training.SOURCE] = kinds[0]
    kind = st.segmented_control(
        texts.training["source"],
        kinds,
        key=training.SOURCE,
        required=True,
        format_func=lambda each: f"{_ICONS[each]} {texts.training[f'source_{each}']}",
    )
    keep(training.SOURCE, kind)
    if kind == "recipe":
        names = ", ".join(f"**{safe_text(_name(source))}**" for source in recipe_data)
        st.caption(texts.training["recipe_data"].format(names=names))
        return TrainingData(tuple(recipe_data))
    return _paths(texts) if kind == "path" else _files(uploads, texts)


def _name(source: str) -> str:
    return Path(source).name if Path(source).is_absolute() else source


def _paths(texts: Texts) -> TrainingData:
    restore(training.PATHS, "")
    text = st.text_area(
        texts.training["paths"],
        key=training.PATHS,
        height=100,
        placeholder=texts.training["paths_hint"],
        help=texts.training["paths_help"],
    )
    keep(training.PATHS, text)
    return TrainingData(tuple(line.strip() for line in text.splitlines() if line.strip()))


def _files(uploads: Uploads, texts: Texts) -> TrainingData:
    if (problem := training.upload_problem()) is not None:
        st.warning(problem, icon=":material/error:")
    limit = int(st.get_option("server.maxUploadSize"))
    key = training.uploader_key()
    st.file_uploader(
        texts.training["files"].format(limit=limit),
        _TYPES,
        accept_multiple_files=True,
        key=key,
        on_change=_take,
        args=(uploads, key, texts),
        help=texts.training["files_help"],
    )
    here = [(path, name) for path, name in training.uploads() if Path(path).exists()]
    for path, name in here:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/description: **{safe_text(name)}**", width="content")
            st.button(
                texts.training["drop"],
                key=training.drop_key(path),
                icon=":material/close:",
                type="tertiary",
                on_click=_drop,
                args=(uploads, path),
            )
    paths = tuple(path for path, _ in here)
    return TrainingData(paths, paths)


def _take(uploads: Uploads, key: str, texts: Texts) -> None:
    came = st.session_state.get(key) or []
    kept = training.uploads()
    try:
        for file in came:
            kept.append((str(uploads.keep(file.name, file.getbuffer())), file.name))
    except NaraniError as error:
        training.refuse_upload(explain(error.code, str(error), texts))
    else:
        training.set_uploads(kept)


def _drop(uploads: Uploads, path: str) -> None:
    uploads.drop(Path(path))
    training.set_uploads([each for each in training.uploads() if each[0] != path])
