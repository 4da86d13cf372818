"""Where the rows come from: those of a recipe, files of one's own, or paths on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from comparison.uploads import Uploads
from dashboard.session import training
from dashboard.session.shared import start_with
from dashboard.shared.safe_text import safe_text
from dashboard.shared.uploading import file_uploader, uploaded_file
from dashboard.texts import Texts

_ICONS = {"recipe": ":material/menu_book:", "file": ":material/upload_file:", "path": ":material/folder:"}
_TYPES = ("jsonl", "json", "csv", "parquet", "txt")


@dataclass(frozen=True)
class TrainingData:
    """The rows that were chosen; none while `sources` is empty."""

    sources: tuple[str, ...] = ()
    uploads: tuple[str, ...] = ()
    """The sources that were uploaded through the browser."""


def training_data(
    recipe_data: Sequence[str], uploads: Uploads, offers_paths: bool, texts: Texts
) -> TrainingData:
    """`recipe_data`: what the recipe was trained on, where that is at hand or can be fetched."""
    kinds = [*(["recipe"] if recipe_data else []), "file", *(["path"] if offers_paths else [])]
    start_with(training.SOURCE, kinds[0])
    if st.session_state[training.SOURCE] not in kinds:
        st.session_state[training.SOURCE] = kinds[0]
    kind = st.segmented_control(
        texts.training["source"],
        kinds,
        key=training.SOURCE,
        persist_state="session",
        required=True,
        format_func=lambda each: f"{_ICONS[each]} {texts.training[f'source_{each}']}",
    )
    if kind == "recipe":
        names = ", ".join(f"**{safe_text(_name(source))}**" for source in recipe_data)
        st.caption(texts.training["recipe_data"].format(names=names))
        return TrainingData(tuple(recipe_data))
    return _paths(texts) if kind == "path" else _files(uploads, texts)


def _name(source: str) -> str:
    return Path(source).name if Path(source).is_absolute() else source


def _paths(texts: Texts) -> TrainingData:
    text = st.text_area(
        texts.training["paths"],
        key=training.PATHS,
        persist_state="session",
        height=100,
        placeholder=texts.training["paths_hint"],
        help=texts.training["paths_help"],
    )
    return TrainingData(tuple(line.strip() for line in text.splitlines() if line.strip()))


def _files(uploads: Uploads, texts: Texts) -> TrainingData:
    words = texts.training
    file_uploader(
        words["files"], _TYPES, training.UPLOADS, uploads, texts, several=True, help=words["files_help"]
    )
    files = training.UPLOADS.there()
    for path, name in files:
        uploaded_file(path, name, words["drop"], training.drop_key(path), training.UPLOADS, uploads)
    paths = tuple(path for path, _ in files)
    return TrainingData(paths, paths)
