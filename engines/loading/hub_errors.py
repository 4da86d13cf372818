"""What a person reads when the files of a model cannot be fetched.

Knows: the ways in which a hub refuses or a download breaks, and the next step for each.
Refuses to know: how files are fetched.
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

from errors import LoadError, Unreachable
from model_registry.spec import ModelSpec
from settings import format_bytes

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def explain_hub(error: Exception, spec: ModelSpec, endpoint: str) -> LoadError:
    """The sentence for what went wrong; looks through the errors that wrap the first one."""
    chain = list(_chain(error))
    own = next((known for known in chain if isinstance(known, LoadError)), None)
    if own is not None:
        return own.with_traceback(None)
    for known in chain:
        sentence = _refusal(known, spec, f"{endpoint}/{spec.source}") or _breakage(known, spec)
        if sentence:
            return Unreachable(sentence, model=spec.id, source=spec.source)
    return Unreachable(
        f"The files of {spec.title} could not be fetched ({type(error).__name__}). Try again later.",
        model=spec.id,
    )


def no_room_on_disk(spec: ModelSpec, needed: int, free: int) -> Unreachable:
    return Unreachable(
        f"{spec.title} needs {format_bytes(needed)} on disk, but only {format_bytes(free)} are free. "
        "Free some space and try again.",
        model=spec.id,
        needed=needed,
        free=free,
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes, the first cause first; the later ones only say that nothing was found."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    yield from reversed(found)


def _refusal(error: BaseException, spec: ModelSpec, page: str) -> str | None:
    """The hub answered, and said no."""
    match error:
        case GatedRepoError():
            return (
                f"{spec.title} is gated: accept its conditions at {page} with your hub account, "
                "then sign in here with `hf auth login` or the HF_TOKEN variable."
            )
        case RevisionNotFoundError():
            return f"The hub has no revision '{spec.revision}' of {spec.source}. Correct it in the entry."
        case RemoteEntryNotFoundError():
            return f"A file of {spec.source} is not on the hub any more. Try again, or pin another revision."
        case RepositoryNotFoundError():
            return (
                f"The hub has no model {spec.source}, or it is private. Check the name in the entry; "
                f"if {page} opens for you, sign in here with `hf auth login` or the HF_TOKEN variable."
            )
        case HfHubHTTPError():
            return _status(error.response.status_code, spec, page)
    return None


def _status(status: int, spec: ModelSpec, page: str) -> str:
    if status in (401, 403):
        return (
            f"The hub does not let you fetch {spec.source}. See {page} for who may, and check your HF_TOKEN."
        )
    if status == 429:
        return "The hub asks to wait, because too much was fetched from here. Try again in a few minutes."
    if status >= 500:
        return f"The hub is out of order at present (status {status}). Try again later."
    return f"The hub refused to give {spec.source} (status {status})."


def _breakage(error: BaseException, spec: ModelSpec) -> str | None:
    """The hub did not answer, or its answer did not arrive whole."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return f"The disk is full, so {spec.title} could not be fetched. Free some space and try again."
    if isinstance(error, httpx.TimeoutException):
        return f"The hub does not answer in time. {spec.title} was not fetched; try again later."
    if isinstance(error, httpx.ConnectError):
        return (
            f"The hub cannot be reached, and {spec.title} is not complete on this machine. Check the network."
        )
    if isinstance(error, httpx.TransportError) or (
        isinstance(error, OSError) and "onsistency check" in str(error)
    ):
        return f"The download of {spec.title} was cut off. Try again."
    return None
