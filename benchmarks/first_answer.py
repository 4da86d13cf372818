"""first-answer: Enter to the first text on a server that has answered nothing yet, over one that has.

Knows: that the page stood for a while before, and that both sides load a model which nobody has loaded.
Refuses to know: what is imported meanwhile, and how the page draws the text.
"""

from __future__ import annotations

import time
from statistics import median

from benchmarks.korean import QUESTIONS
from benchmarks.page_asking import ask, pick_only, wait_until_ended
from benchmarks.page_server import Server, open_server
from benchmarks.rounds import Effort, Measured

_STOOD = 10.0
"""Seconds that somebody looks at the page and types."""
_ALIKE = ("demo-koalpaca", "demo-kullm")
"""Of one architecture and size; which of them is asked first changes from round to round."""


def measure(effort: Effort, stood: float = _STOOD) -> Measured:
    """A fresh server each round: its first question to one model, and a later one to another."""
    cold: list[float] = []
    warm: list[float] = []
    for at in range(effort.rounds):
        with open_server() as server:
            server.browser().open().close()
            time.sleep(stood)
            cold.append(seconds_to_first_text(server, _ALIKE[at % 2]))
            warm.append(seconds_to_first_text(server, _ALIKE[1 - at % 2]))
    notes = f"the first question: {median(cold):.2f} s; a later one: {median(warm):.2f} s"
    return Measured(tuple(a / b for a, b in zip(cold, warm, strict=True)), notes=(notes,))


def seconds_to_first_text(server: Server, model_id: str) -> float:
    """To the moment the engine hands the text to the page; all processes of a machine share the clock."""
    tab = server.browser().open()
    pick_only(tab, model_id)
    started = time.perf_counter()
    ask(tab, QUESTIONS[0])
    wait_until_ended(tab, 1)
    tab.close()
    return float(server.ask("first_text")) - started
