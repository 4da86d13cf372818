"""What several pages remember in the same way: what is open, files that came, a problem, a list's length.

A widget with a key and `persist_state="session"` keeps what it was set to while another page is looked at.
Only what it starts with, and what is read before it is drawn, is set here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from errors import Cause

TICKING = "ticking_fragments"
"""The fragments of the page as it was last drawn (dashboard/shared/ticking.py)."""

HIDE_NAMES = "hide_names"
_NAMES, _HIDDEN = "names", "hidden"


def names_hidden() -> bool:
    """Whether answers are judged without the names of their models; said in the address too, so that a
    refresh does not show them."""
    start_with(HIDE_NAMES, st.query_params.get(_NAMES) == _HIDDEN)
    hidden = st.session_state[HIDE_NAMES] is True
    if hidden:
        st.query_params[_NAMES] = _HIDDEN
    else:
        st.query_params.pop(_NAMES, None)
    return hidden


def start_with(key: str, value: object) -> None:
    """What a widget shows that nobody has set yet; before it is drawn. Streamlit warns of a widget whose own
    default stands beside a value that was set."""
    if key not in st.session_state:
        st.session_state[key] = value


def close_menu(key: str) -> None:
    """A popover that was opened; before it is drawn."""
    st.session_state[key] = False


@dataclass(frozen=True)
class OpenedByAddress:
    """What a page shows whole, named in its address: it survives a refresh and can be opened in a second tab.
    Back from another page it is the one that was last looked at."""

    parameter: str
    last_key: str

    def name(self) -> str | None:
        in_address = st.query_params.get(self.parameter)
        if in_address is None and (last := st.session_state.get(self.last_key)) is not None:
            st.query_params[self.parameter] = last
            return str(last)
        st.session_state[self.last_key] = in_address
        return in_address

    def open(self, name: str | None) -> None:
        """None: the form for a new one."""
        st.session_state[self.last_key] = name
        if name is None:
            st.query_params.pop(self.parameter, None)
        else:
            st.query_params[self.parameter] = name


@dataclass(frozen=True)
class UploadedFiles:
    """Files that came through the browser and lie on disk, as (path, name)."""

    prefix: str
    """The keys begin with it."""
    chosen: tuple[str, ...] = ()
    """The keys of what was chosen of a file, forgotten with it."""

    def uploader_key(self) -> str:
        """Another key is another widget: so files that are on disk are let go of."""
        return f"{self.prefix}_upload_{st.session_state.get(f'{self.prefix}_uploader_count', 0)}"

    def came(self) -> list[tuple[str, str]]:
        kept = st.session_state.get(f"{self.prefix}_uploads_kept", [])
        return [(str(path), str(name)) for path, name in kept]

    def there(self) -> list[tuple[str, str]]:
        """The uploaded files that are still on disk."""
        return [(path, name) for path, name in self.came() if Path(path).exists()]

    def set(self, files: list[tuple[str, str]]) -> None:
        st.session_state[f"{self.prefix}_uploads_kept"] = [list(file) for file in files]
        self._empty_the_uploader()
        for key in (f"{self.prefix}_upload_problem", *self.chosen):
            st.session_state.pop(key, None)

    def refuse(self, sentence: str) -> None:
        st.session_state[f"{self.prefix}_upload_problem"] = sentence
        self._empty_the_uploader()

    def problem(self) -> str | None:
        """Why the last file could not be taken."""
        return st.session_state.get(f"{self.prefix}_upload_problem")

    def _empty_the_uploader(self) -> None:
        key = f"{self.prefix}_uploader_count"
        st.session_state[key] = st.session_state.get(key, 0) + 1


@dataclass(frozen=True)
class ProblemOnce:
    """Why the last button changed nothing; gone once it was taken to be said."""

    key: str

    def set(self, cause: Cause) -> None:
        st.session_state[self.key] = cause

    def take(self) -> Cause | None:
        cause = st.session_state.pop(self.key, None)
        return cause if isinstance(cause, Cause) else None


@dataclass(frozen=True)
class ListLength:
    """How many lines of a list are shown, the same number more with each click."""

    key: str
    step: int = 10

    def shown(self) -> int:
        return int(st.session_state.get(self.key, self.step))

    def more(self) -> None:
        st.session_state[self.key] = self.shown() + self.step
