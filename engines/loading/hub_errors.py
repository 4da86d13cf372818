"""What a person reads when the files of a model cannot be fetched.

Each way in which a hub refuses or a download breaks becomes an error that names the next step.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator

import httpx
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from errors import Cause, LoadError, Unreachable
from model_registry.spec import ModelSpec

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def explain_hub(error: Exception, spec: ModelSpec, endpoint: str) -> LoadError:
    """What went wrong; looks through the errors that wrap the first one."""
    chain = list(_chain(error))
    own = next((known for known in chain if isinstance(known, LoadError)), None)
    if own is not None:
        return own.with_traceback(None)
    for known in chain:
        cause = _refusal(known, spec, f"{endpoint}/{spec.local.source}") or _breakage(known, spec)
        if cause is not None:
            return Unreachable(cause)
    return Unreachable("hub-not-fetched", model=spec.title, kind=type(error).__name__)


def no_room_on_disk(spec: ModelSpec, needed: int, free: int) -> Unreachable:
    return Unreachable("hub-disk-small", model=spec.title, need=needed, free=free)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes, the first cause first; the later ones only say that nothing was found."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    yield from reversed(found)


def _refusal(error: BaseException, spec: ModelSpec, page: str) -> Cause | None:
    """The hub answered, and said no."""
    match error:
        case GatedRepoError():
            return Cause("hub-gated", model=spec.title, page=page)
        case RevisionNotFoundError():
            return Cause("hub-no-revision", model=spec.local.source, revision=spec.local.revision)
        case RemoteEntryNotFoundError():
            return Cause("hub-file-gone", model=spec.local.source)
        case RepositoryNotFoundError():
            return Cause("hub-unknown", model=spec.local.source, page=page)
        case HfHubHTTPError():
            return _status(error.response.status_code, spec, page)
    return None


def _status(status: int, spec: ModelSpec, page: str) -> Cause:
    if status in (401, 403):
        return Cause("hub-forbidden", model=spec.local.source, page=page)
    if status == 429:
        return Cause("hub-wait")
    if status >= 500:
        return Cause("hub-out-of-order", status=status)
    return Cause("hub-refused", model=spec.local.source, status=status)


def _breakage(error: BaseException, spec: ModelSpec) -> Cause | None:
    """The hub did not answer, or its answer did not arrive whole."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return Cause("hub-disk-full", model=spec.title)
    if isinstance(error, httpx.TimeoutException):
        return Cause("hub-late", model=spec.title)
    if isinstance(error, httpx.ConnectError):
        return Cause("hub-unreachable", model=spec.title)
    if isinstance(error, httpx.TransportError) or (
        isinstance(error, OSError) and "onsistency check" in str(error)
    ):
        return Cause("hub-cut-off", model=spec.title)
    return None
