"""Why the system refused to read or write, in words of every language; its own are those of one."""

from __future__ import annotations

import errno

from errors.cause import AS_WRITTEN, Cause

_CODES = {
    errno.ENOSPC: "system-disk-full",
    errno.EDQUOT: "system-quota-full",
    errno.EFBIG: "system-file-too-large",
    errno.ENOENT: "system-not-there",
    errno.EACCES: "system-not-allowed",
    errno.EPERM: "system-not-permitted",
    errno.EROFS: "system-read-only",
    errno.EISDIR: "system-is-folder",
    errno.ENOTDIR: "system-no-folder",
    errno.ENAMETOOLONG: "system-name-too-long",
}


def system_reason(error: OSError) -> Cause:
    """A part of a sentence."""
    code = _CODES.get(error.errno or 0)
    return Cause(code) if code else Cause(AS_WRITTEN, sentence=error.strerror or "the system refused")
