"""Where and when it is searched, how many sources are shown, and how models are to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from comparison.presets import GenerationChoice
from dashboard.errors import explain
from dashboard.session import owner, search
from dashboard.session.settings import PRESETS, Preferences
from dashboard.session.shared import start_with
from dashboard.shared.answer_settings import longest_answer, preset_choice, seed_choice
from dashboard.shared.thinking import thinking_choice
from dashboard.texts import Texts
from search.deciding import SearchMode
from search.providers.catalog import DOCUMENTS, ProviderEntry
from settings import Settings

_MODES = (SearchMode.AUTO, SearchMode.ALWAYS, SearchMode.NEVER)
_SOURCES = (1, 5, 10)
"""The fewest, how many at first, and the most."""


@dataclass(frozen=True)
class SearchForm:
    """What a person set."""

    mode: SearchMode
    provider: str
    folder: str
    most_sources: int
    extractive: bool
    choice: GenerationChoice
    thinking: Mapping[str, bool]


def search_form(
    providers: Sequence[ProviderEntry],
    settings: Settings,
    preferred: Preferences,
    switching: Sequence[str],
    texts: Texts,
) -> SearchForm:
    """In the sidebar, below the models. `switching`: those picked whose thinking can be switched."""
    with st.expander(
        texts.search["where"], icon=":material/travel_explore:", expanded=True, key="search_where"
    ):
        mode = _mode(texts)
        provider = _provider(providers, settings.search_provider, texts)
        folder = _folder(settings.own_documents, texts) if provider == DOCUMENTS else ""
        most = _most_sources(texts)
    with st.expander(texts.search["settings"], icon=":material/tune:", key="search_how"):
        preset = preset_choice(search.PRESET, PRESETS, preferred.preset, texts)
        longest = longest_answer(search.MAX_NEW_TOKENS, preferred.max_new_tokens, texts)
        seed = seed_choice(search.SEED, texts)
        thinking = thinking_choice(search.THINKING, switching, texts)
    extractive = mode is not SearchMode.NEVER and bool(st.session_state.get(search.EXTRACTIVE, True))
    choice = GenerationChoice(preset, max_new_tokens=longest, seed=seed)
    return SearchForm(mode, provider, folder, most, extractive, choice, thinking)


def extractive_toggle(mode: SearchMode, texts: Texts) -> None:
    """Extracts are of sources: without a search there are none."""
    start_with(search.EXTRACTIVE, True)
    st.toggle(
        texts.search["extractive"],
        key=search.EXTRACTIVE,
        persist_state="session",
        disabled=mode is SearchMode.NEVER,
        help=texts.search["extractive_help"],
    )


def _mode(texts: Texts) -> SearchMode:
    start_with(search.MODE, _MODES[0])
    words = texts.search
    chosen = st.segmented_control(
        words["mode"],
        _MODES,
        key=search.MODE,
        persist_state="session",
        required=True,
        format_func=lambda mode: words[f"mode_{mode}"],
    )
    mode = next((each for each in _MODES if each == chosen), _MODES[0])
    st.caption(words[f"mode_{mode}_says"])
    return mode


def _provider(providers: Sequence[ProviderEntry], first: str, texts: Texts) -> str:
    entries = {entry.name: entry for entry in providers}
    start_with(search.PROVIDER, first)
    if st.session_state[search.PROVIDER] not in entries:
        st.session_state[search.PROVIDER] = DOCUMENTS
    chosen = st.selectbox(
        texts.search["provider"],
        list(entries),
        key=search.PROVIDER,
        persist_state="session",
        format_func=lambda name: _title(entries[name], texts),
    )
    entry = entries[chosen]
    if entry.why_not is not None:
        st.warning(explain(entry.why_not, texts), icon=":material/key_off:")
    if entry.notice is not None:
        st.caption(f":material/info: {explain(entry.notice, texts)}")
    return entry.name


def _title(entry: ProviderEntry, texts: Texts) -> str:
    title = texts.search["documents"] if entry.name == DOCUMENTS else entry.title
    return title if entry.why_not is None else texts.search["not_now"].format(title=title)


def _folder(own_documents: Path, texts: Texts) -> str:
    """Whoever is at this machine names any folder of it; others have the one that is there for all."""
    if not owner.is_machine():
        offered = ("", str(own_documents)) if own_documents.is_dir() else ("",)
        names = texts.search["documents_shipped"], texts.search["documents_own"]
        return st.selectbox(
            texts.search["folder"],
            offered,
            key=search.FOLDER_FOR_ALL,
            persist_state="session",
            format_func=dict(zip(offered, names, strict=False)).__getitem__,
        )
    return st.text_input(
        texts.search["folder"],
        key=search.FOLDER,
        persist_state="session",
        placeholder=texts.search["folder_hint"],
        help=texts.search["folder_help"],
    ).strip()


def _most_sources(texts: Texts) -> int:
    fewest, first, most = _SOURCES
    start_with(search.SOURCES, first)
    return int(st.slider(texts.search["sources"], fewest, most, key=search.SOURCES, persist_state="session"))
