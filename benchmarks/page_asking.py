"""The page that asks, as much of it as one who uses it from outside needs to know.

Knows: the keys of its widgets, and how one sees that an answer has ended.
Refuses to know: connections, and what is measured.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from benchmarks.page_client import Tab

_QUESTION, _NEW, _STOP_ALL = "compare_question", "compare_new", "compare_stop_all"
_MOST_TOKENS = "compare_max_new_tokens"
_REMOVE = "compare_remove_"


def ask(tab: Tab, question: str) -> str:
    """Ask, going on with the conversation on the page; the run's id, which is in the address then."""
    tab.send(_QUESTION, question)
    return run_id(tab)


def begin_anew(tab: Tab) -> None:
    """Nothing where there is no conversation."""
    if tab.picture.find(_NEW) is not None:
        tab.click(_NEW)


def ask_anew(tab: Tab, question: str) -> str:
    """Ask with nothing before it."""
    begin_anew(tab)
    return ask(tab, question)


def allow_tokens(tab: Tab, count: int) -> None:
    """How long an answer may be: the demo models' own limit is short."""
    tab.set_number(_MOST_TOKENS, count)


def run_id(tab: Tab) -> str:
    return parse_qs(tab.query).get("run", [""])[0]


def models_picked(tab: Tab) -> int:
    return len(_removable(tab))


def pick_only(tab: Tab, model_id: str) -> None:
    """Of those that are picked."""
    for key in _removable(tab):
        if key != _REMOVE + model_id:
            tab.click(key)


def _removable(tab: Tab) -> list[str]:
    return [key for key in tab.picture.keys("button") if key.startswith(_REMOVE)]


def buttons(tab: Tab, what: str) -> list[str]:
    """The keys of the buttons that stop a column, or ask it again: "stop" or "again"."""
    return [
        key for key in tab.picture.keys("button") if key.startswith("answer_") and key.endswith(f"_{what}")
    ]


def wait_until_ended(tab: Tab, columns: int | None = None, seconds: float = 60) -> None:
    """Until every column (of so many) shows that it has ended, and its text, which comes after them."""

    def ended(tab: Tab) -> bool:
        done = len(buttons(tab, "again"))
        return done > 0 and not buttons(tab, "stop") and done >= (columns or 1)

    tab.wait(ended, seconds)
    tab.settle()


def stop_all(tab: Tab) -> None:
    """Nothing where everything has ended already."""
    if tab.picture.find(_STOP_ALL) is not None:
        tab.click(_STOP_ALL)
