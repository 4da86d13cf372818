"""A model that another process or machine serves: where, under which name, and where its key is found.

Keys are in the environment alone: an entry names the variable, and a fault never says again what was written
where it may be the key itself.
"""

from __future__ import annotations

import ipaddress
import re
from enum import StrEnum
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator

from model_registry.entry_table import EntryTable, Text, contradiction


class ServerKind(StrEnum):
    """The servers whose ways of answering are known."""

    VLLM = "vllm"
    SGLANG = "sglang"
    LLAMA_CPP = "llama.cpp"
    OLLAMA = "ollama"
    TRANSFORMERS = "transformers"
    OPENAI = "openai"
    """Any other that speaks OpenAI's API."""


def _address(url: str) -> str:
    """HTTPS, or plain HTTP that stays on this machine; a key in it would lie in a file and in every log."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or not re.fullmatch(r"[!-~]+", url):
        raise contradiction("url", "must be an address like https://host/v1")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise contradiction(
            "url", "must hold no key and end with its path; key_variable names where the key is"
        )
    if parts.scheme == "http" and not _is_loopback(host):
        raise contradiction("url", "must begin with https:// unless the server runs on this machine")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _variable(name: str) -> str:
    # What was written is never said again: it may be the key itself.
    if not re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", name):
        raise contradiction("key_variable", "must be the name of an environment variable, like MY_SERVER_KEY")
    return name


class RemoteService(EntryTable):
    """A model that another process or machine runs, asked over HTTP."""

    server: ServerKind
    url: Annotated[str, AfterValidator(_address)]
    """Up to the path that the server's API begins with."""
    key_variable: Annotated[str, AfterValidator(_variable)] | None = None
    """The environment variable that holds the key; None: the server asks for none."""
    served_name: Text
    """What the server calls the model."""
    transport: Literal["raw", "chat"]
    """Whether it is sent the rendered prompt, or the turns of the conversation."""
