"""What a person reads when the files of a model cannot be fetched, to be loaded or only to be described.

Each way in which a hub refuses or a download breaks becomes an error that names the next step.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from errors import Cause, LoadError, Unreachable

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class HubModel:
    """Which model was wanted of the hub."""

    title: str
    id: str
    revision: str | None = None

    @property
    def page(self) -> str:
        return f"{endpoint()}/{self.id}"


def endpoint() -> str:
    """Asked each time: huggingface_hub reads HF_ENDPOINT only when it is imported."""
    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def explain_hub(error: Exception, wanted: HubModel) -> LoadError:
    """What went wrong; looks through the errors that wrap the first one."""
    chain = list(_chain(error))
    own = next((known for known in chain if isinstance(known, LoadError)), None)
    if own is not None:
        return own.with_traceback(None)
    for known in chain:
        cause = _refusal(known, wanted) or _breakage(known, wanted.title)
        if cause is not None:
            return Unreachable(cause)
    return Unreachable("hub-not-fetched", model=wanted.title, kind=type(error).__name__)


def no_room_on_disk(title: str, needed: int, free: int) -> Unreachable:
    return Unreachable("hub-disk-small", model=title, need=needed, free=free)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes, the first cause first; the later ones only say that nothing was found."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    yield from reversed(found)


def _refusal(error: BaseException, wanted: HubModel) -> Cause | None:
    """The hub answered, and said no."""
    match error:
        case GatedRepoError():
            return Cause("hub-gated", model=wanted.title, page=wanted.page)
        case RevisionNotFoundError():
            return Cause("hub-no-revision", model=wanted.id, revision=wanted.revision)
        case RemoteEntryNotFoundError():
            return Cause("hub-file-gone", model=wanted.id)
        case RepositoryNotFoundError():
            return Cause("hub-unknown", model=wanted.id, page=wanted.page)
        case HfHubHTTPError():
            return _status(error.response.status_code, wanted)
    return None


def _status(status: int, wanted: HubModel) -> Cause:
    if status in (401, 403):
        return Cause("hub-forbidden", model=wanted.id, page=wanted.page)
    if status == 429:
        return Cause("hub-wait")
    if status >= 500:
        return Cause("hub-out-of-order", status=status)
    return Cause("hub-refused", model=wanted.id, status=status)


def _breakage(error: BaseException, title: str) -> Cause | None:
    """The hub did not answer, or its answer did not arrive whole."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return Cause("hub-disk-full", model=title)
    if isinstance(error, httpx.TimeoutException):
        return Cause("hub-late", model=title)
    if isinstance(error, httpx.ConnectError | OfflineModeIsEnabled):
        return Cause("hub-unreachable", model=title)
    if isinstance(error, httpx.TransportError) or (
        isinstance(error, OSError) and "onsistency check" in str(error)
    ):
        return Cause("hub-cut-off", model=title)
    return None
