"""`expect` of Playwright that looks often, apart from the tests because all of them wait by it: Playwright's
own looks only once a second after the first two, which is minutes in the hundreds of waits of these tests.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect as looking

PATIENCE = 90_000
"""Milliseconds that a page may take; the machine may be busy."""
_FIRST, _LONGEST = 0.02, 0.2
"""Seconds between two looks."""


class _Expected:
    """What Playwright expects of something, with its messages; every check is a single look, made again."""

    def __init__(self, seen: Any) -> None:
        self._assertions = looking(seen)

    def __getattr__(self, name: str) -> Any:
        check = getattr(self._assertions, name)

        def often(*what: Any, timeout: float | None = None, **how: Any) -> None:
            until, pause = time.monotonic() + (timeout or PATIENCE) / 1000, _FIRST
            while True:
                try:
                    check(*what, timeout=1, **how)
                    return
                except AssertionError:
                    if time.monotonic() > until:
                        raise
                time.sleep(pause)
                pause = min(_LONGEST, pause * 1.5)

        return often


expect = looking if TYPE_CHECKING else _Expected


def eventually(do_and_check: Callable[[], None]) -> None:
    """Done and checked again until it holds, where a page that still moves by itself undoes what was done."""
    until = time.monotonic() + PATIENCE / 1000
    while True:
        try:
            return do_and_check()
        except AssertionError:
            if time.monotonic() > until:
                raise
        time.sleep(_LONGEST)
