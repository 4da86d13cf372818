"""A provider of OpenID Connect on this machine's loopback, which lets in whoever the test names.

Knows: discovery, a code for a signed id token, its public key, and a few ways to cheat.
Refuses to know: passwords, screens, and the dashboard.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, CLIENT_SECRET = "narani-test", "only-on-loopback"


class Cheat(Enum):
    """What a wrong provider, or somebody between, might do."""

    NONE = auto()
    OTHER_KEY = auto()
    OTHER_NONCE = auto()
    REFUSED = auto()
    NO_SUBJECT = auto()


@dataclass
class Provider:
    """`person` is who signs in next; `cheat` is how the next token is wrong."""

    person: str = "first"
    cheat: Cheat = Cheat.NONE
    address: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "ours"}))
    stranger: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "ours"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def discovery(self) -> dict[str, object]:
        return {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        back = {"state": asked["state"]}
        if self.cheat is Cheat.REFUSED:
            back |= {"error": "access_denied"}
        else:
            code = back["code"] = secrets.token_urlsafe(16)
            self.codes[code] = {"sub": self.person, "nonce": asked["nonce"]}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def token(self, code: str) -> dict[str, object]:
        now = int(time.time())
        claims = {"iss": self.address, "aud": CLIENT, "iat": now, "exp": now + 300, "name": self.person}
        claims |= self.codes.pop(code)
        if self.cheat is Cheat.OTHER_NONCE:
            claims["nonce"] = "another"
        if self.cheat is Cheat.NO_SUBJECT:
            del claims["sub"]
        key = self.stranger if self.cheat is Cheat.OTHER_KEY else self.key
        signed = jwt.encode({"alg": "RS256", "kid": "ours"}, claims, key)
        return {"access_token": "unused", "token_type": "Bearer", "expires_in": 300, "id_token": signed}

    def jwks(self) -> dict[str, object]:
        return {"keys": [self.key.as_dict(private=False)]}


@contextmanager
def loopback_provider() -> Iterator[Provider]:
    provider = Provider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(provider))
    provider.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _handler_of(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(_fields(asked.query)))
                self.end_headers()
            elif asked.path == "/jwks":
                self._answer(provider.jwks())
            else:
                self._answer(provider.discovery())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(provider.token(_fields(body)["code"]))

        def _answer(self, value: dict[str, object]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(value).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    return Handler


def _fields(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}
