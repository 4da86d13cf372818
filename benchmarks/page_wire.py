"""One websocket on a socket of our own, without a thread: it can be dropped in every way a network drops one.

Knows: frames, the handshake and its headers, and the two ways a connection ends: FIN and RST.
Refuses to know: what is said over it.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from collections.abc import Mapping

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from errors import AS_WRITTEN, NaraniError

_PATIENCE = 20.0


class Wire:
    """An open connection; whole messages in, whole messages out."""

    def __init__(self, address: str, subprotocols: tuple[str, ...], headers: Mapping[str, str]) -> None:
        uri = parse_uri(address)
        self._socket = socket.create_connection((uri.host, uri.port), timeout=_PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        offered = [Subprotocol(each) for each in subprotocols]
        self._protocol = ClientProtocol(uri, subprotocols=offered, max_size=None)
        self._messages: deque[bytes] = deque()
        self._half = b""
        self._answered = False
        request = self._protocol.connect()
        request.headers.update(headers)
        self._protocol.send_request(request)
        self._flush()
        while not self._answered:
            self._read(_PATIENCE)
        if self._protocol.handshake_exc is not None:
            raise NaraniError(
                AS_WRITTEN, sentence=f"The server refused the page: {self._protocol.handshake_exc}"
            )

    def send(self, message: bytes) -> None:
        self._protocol.send_binary(message)
        self._flush()

    def receive(self, seconds: float) -> bytes | None:
        """The next message; None when none came in time."""
        if not self._messages:
            self._read(seconds)
        return self._messages.popleft() if self._messages else None

    def close(self) -> None:
        """As a closed tab: FIN."""
        self._socket.close()

    def abort(self) -> None:
        """As a machine that went away: RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def _read(self, seconds: float) -> None:
        self._socket.settimeout(max(0.0005, seconds))
        try:
            data = self._socket.recv(1 << 16)
        except TimeoutError:
            return
        if not data:
            raise NaraniError(AS_WRITTEN, sentence="The server closed the page's connection.")
        self._protocol.receive_data(data)
        self._socket.settimeout(_PATIENCE)
        self._flush()
        for event in self._protocol.events_received():
            self._answered = self._answered or isinstance(event, Response)
            if isinstance(event, Frame) and event.opcode in (Opcode.BINARY, Opcode.CONT):
                self._half += event.data
                if event.fin:
                    self._messages.append(self._half)
                    self._half = b""

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._socket.sendall(data)
