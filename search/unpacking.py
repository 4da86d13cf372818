"""The body of an HTTP answer, unpacked piece by piece within a limit, for search services and pages alike.

HTTP clients unpack a thousand times of what came before anybody can look at it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

_GZIP = zlib.MAX_WBITS | 16
_UNPACKED = {"": None, "identity": None, "gzip": _GZIP, "x-gzip": _GZIP}
"""Nothing else is asked for, because nothing else can be unpacked within a limit."""


def limited_body(pieces: Iterable[bytes], packing: str, most: int) -> tuple[bytes, bool]:
    """The first `most` bytes, and whether there were more, packed or unpacked. `packing` is the header
    Content-Encoding. Raises `zlib.error` where the body cannot be unpacked or breaks off."""
    packing = packing.strip().lower()
    if packing not in _UNPACKED:
        raise zlib.error(packing)
    wbits = _UNPACKED[packing]
    unpacking = None if wbits is None else zlib.decompressobj(wbits)
    body, received = bytearray(), 0
    for piece in pieces:
        received += len(piece)
        body += piece if unpacking is None else unpacking.decompress(piece, most + 1 - len(body))
        if max(len(body), received) > most:
            return bytes(body[:most]), True
    if unpacking is not None and body and not unpacking.eof:
        raise zlib.error("cut")
    return bytes(body), False
