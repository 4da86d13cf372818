"""A web of its own for each test of fetching."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.search.fetching.public_web import PublicWeb, served


@pytest.fixture
def web() -> Iterator[PublicWeb]:
    with served() as web:
        yield web
