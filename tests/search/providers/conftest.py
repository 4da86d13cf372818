"""One loopback service for the tests of a file, and one of its own for a test that has it send us away."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.search.providers.loopback_service import LoopbackService, Reply, serving


@pytest.fixture(scope="module")
def _shared_service() -> Iterator[LoopbackService]:
    with serving() as found:
        yield found


@pytest.fixture
def service(_shared_service: LoopbackService) -> Iterator[LoopbackService]:
    """It knows nothing of the test before."""
    shared = _shared_service
    shared.reply, shared.requests, shared.over = Reply(), [], threading.Event()
    yield shared
    shared.over.set()


@pytest.fixture
def own_service() -> Iterator[LoopbackService]:
    """A service that told us to wait is not asked again, by the next test neither."""
    with serving() as found:
        yield found
