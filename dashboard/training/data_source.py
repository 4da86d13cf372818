"""Where the rows come from: those of a recipe, files of one's own, or paths on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from comparison.preference_pairs import JudgedPairs, as_json_lines
from comparison.uploads import Uploads
from dashboard.errors import explain
from dashboard.session import training
from dashboard.session.shared import start_with
from dashboard.shared.safe_text import safe_text
from dashboard.shared.uploading import file_uploader, uploaded_file
from dashboard.texts import Texts
from dashboard.training.chain import needs_of
from errors import NaraniError

_ICONS = {"recipe": ":material/menu_book:", "file": ":material/upload_file:", "path": ":material/folder:"}
_TYPES = ("jsonl", "json", "csv", "parquet", "txt")


@dataclass(frozen=True)
class TrainingData:
    """The rows that were chosen; none while `sources` is empty."""

    sources: tuple[str, ...] = ()
    uploads: tuple[str, ...] = ()
    """The sources that were uploaded through the browser."""


def training_data(
    kind: str,
    recipe_data: Sequence[str],
    uploads: Uploads,
    marked: Callable[[], JudgedPairs],
    offers_paths: bool,
    texts: Texts,
) -> TrainingData:
    """`recipe_data`: what the recipe was trained on, where that is at hand or can be fetched. `marked`: the
    answers that a person found better, with those beside them."""
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
    return _paths(texts) if place == "path" else _files(kind, uploads, marked, texts)


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


def _files(kind: str, uploads: Uploads, marked: Callable[[], JudgedPairs], texts: Texts) -> TrainingData:
    words, needs = texts.training, needs_of(kind)
    label, help = (words.get(f"{name}_{needs}", words[name]) for name in ("files", "files_help"))
    file_uploader(label, _TYPES, training.UPLOADS, uploads, texts, several=True, help=help)
    if needs == "pairs":
        st.button(
            texts.kinds["marked"],
            key=training.MARKED,
            icon=":material/thumb_up:",
            help=texts.kinds["marked_help"],
            on_click=_take_marked,
            args=(uploads, marked, texts),
        )
    files = training.UPLOADS.there()
    for path, name in files:
        uploaded_file(path, name, words["drop"], training.drop_key(path), training.UPLOADS, uploads)
    paths = tuple(path for path, _ in files)
    return TrainingData(paths, paths)


def _take_marked(uploads: Uploads, marked: Callable[[], JudgedPairs], texts: Texts) -> None:
    """What was marked so far becomes a file like those that are uploaded."""
    files = training.UPLOADS
    try:
        pairs = marked()
        if not pairs.rows:
            files.refuse(texts.kinds["marked_none"])
            return
        name = texts.kinds["marked_file"].format(count=len(pairs.rows))
        path = uploads.keep(name, as_json_lines(pairs).encode())
    except NaraniError as error:
        files.refuse(explain(error.cause, texts))
        return
    files.set([*files.there(), (str(path), name)])
