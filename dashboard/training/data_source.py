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
from dashboard.training.chain import needs_of

_ICONS = {"recipe": ":material/menu_book:", "file": ":material/upload_file:", "path": ":material/folder:"}
_TYPES = ("jsonl", "json", "csv", "parquet", "txt")


@dataclass(frozen=True)
class TrainingData:
    """The rows that were chosen; none while `sources` is empty."""

    sources: tuple[str, ...] = ()
    uploads: tuple[str, ...] = ()
    """The sources that were uploaded through the browser."""


def training_data(
    kind: str, recipe_data: Sequence[str], uploads: Uploads, offers_paths: bool, texts: Texts
) -> TrainingData:
    """`recipe_data`: what the recipe was trained on, where that is at hand or can be fetched."""
    places = [*(["recipe"] if recipe_data else []), "file", *(["path"] if offers_paths else [])]
    training.take_recipe_data(recipe_data)
    start_with(training.SOURCE, places[0])
    if st.session_state[training.SOURCE] not in places:
        st.session_state[training.SOURCE] = places[0]
    place = st.segmented_control(
        texts.training["source"],
        places,
        key=training.SOURCE,
        persist_state="session",
        required=True,
        format_func=lambda each: f"{_ICONS[each]} {texts.training[f'source_{each}']}",
    )
    if place == "recipe":
        names = ", ".join(f"**{safe_text(_name(source))}**" for source in recipe_data)
        st.caption(texts.training["recipe_data"].format(names=names))
        return TrainingData(tuple(recipe_data))
    return _paths(texts) if place == "path" else _files(kind, uploads, texts)


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


def _files(kind: str, uploads: Uploads, texts: Texts) -> TrainingData:
    words, needs = texts.training, needs_of(kind)
    label, help = (words.get(f"{name}_{needs}", words[name]) for name in ("files", "files_help"))
    file_uploader(label, _TYPES, training.UPLOADS, uploads, texts, several=True, help=help)
    files = training.UPLOADS.there()
    for path, name in files:
        uploaded_file(path, name, words["drop"], training.drop_key(path), training.UPLOADS, uploads)
    paths = tuple(path for path, _ in files)
    return TrainingData(paths, paths)
