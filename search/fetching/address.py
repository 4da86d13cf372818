"""Which addresses of the web may be opened at all, and which of the machines that they lead to.

An address is parsed once, here, and everyone after uses the parts: two parsers that disagree about a host are
the oldest way around a check. What is odd about an address is refused rather than mended.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote, urljoin, urlsplit

import idna

from search.problems import SearchProblem

PORTS = {"http": 80, "https": 443}
_LONGEST = 4_000
_SHOWN = 100
_ODD = re.compile(r"[\s\x00-\x20\x7f-\xa0\\\ud800-\udfff]")
"""Space, control characters, backslashes and halves of characters; parsers differ over each of them."""
_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\.?")
"""A name with a dot in it, whose last part is no number: a resolver takes `127.1` or `0x7f.1` for one."""
_STAYS = "!$%&'()*+,;=:@/?~-._[]"
"""What stands in a path or query as it is; letters of other alphabets are written as UTF-8."""

_HOLDS_IPV4 = tuple(map(IPv6Network, ("64:ff9b::/96", "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96")))
"""Translated (NAT64), compatible, mapped, and translated without state: the last 32 bits are the address."""
_NOT_GLOBAL = tuple(
    map(
        ip_network, ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "100::/64", "3fff::/20", "5f00::/16")
    )
)
"""Older versions of Python do not know that these are not global."""
_INSIDE_IPV6 = (0x5EFE, 0x0200_5EFE)
"""Before an IPv4 address in the lower half of an IPv6 one (ISATAP)."""


@dataclass(frozen=True)
class WebAddress:
    """An address in parts that need no parsing any more, in ASCII."""

    scheme: str
    host: str
    """A name, or an address of the internet without brackets."""
    port: int
    target: str
    """Path and query, as they stand in a request."""

    @property
    def authority(self) -> str:
        """The host as a request names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    def __str__(self) -> str:
        return self.origin + self.target


def parsed_address(text: str) -> WebAddress:
    """Raises `SearchProblem` for all that is no plain address of a page of the web."""
    address = None if len(text) > _LONGEST or _ODD.search(text) else _parsed(text)
    if address is None:
        shown = "".join(letter if letter.isprintable() else " " for letter in text[:_SHOWN])
        raise SearchProblem("search-address-refused", address=shown)
    return address


def following_address(address: WebAddress, location: str) -> WebAddress:
    """Where a page at `address` sends its reader."""
    if _ODD.search(location):
        return parsed_address(location)
    try:
        return parsed_address(urljoin(str(address), location))
    except ValueError:
        return parsed_address(f"\\{location}")


def is_public(text: str) -> bool:
    """Whether this address of the internet is one that anybody can reach from anywhere."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    inner = _unwrapped(address)
    return all(each.is_global for each in inner) and not any(_special(each) for each in (address, *inner))


def _parsed(text: str) -> WebAddress | None:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in PORTS or not host or "@" in parts.netloc or "%" in parts.netloc:
        return None
    port = PORTS[parts.scheme] if port is None else port
    checked = _host(host, bracketed="[" in parts.netloc)
    if checked is None or port not in PORTS.values():
        return None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebAddress(parts.scheme, checked, port, quote(target, safe=_STAYS))


def _host(host: str, bracketed: bool) -> str | None:
    if bracketed or re.fullmatch(r"[0-9.]+", host):
        try:
            # Strict: four numbers without leading zeros, for a resolver reads 010 as 8.
            return str(ip_address(host))
        except ValueError:
            return None
    if not host.isascii():
        # Digits and dots of other alphabets become ASCII ones in a resolver, so only letters may be foreign.
        if unicodedata.normalize("NFKC", host) != host or any(map(_odd_in_names, host)):
            return None
        try:
            host = idna.encode(host).decode("ascii")
        except idna.IDNAError:
            return None
    return host if len(host) <= 253 and _NAME.fullmatch(host) else None


def _odd_in_names(letter: str) -> bool:
    return not letter.isascii() and unicodedata.category(letter) not in ("Lo", "Ll", "Lm", "Mn", "Mc")


def _unwrapped(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The addresses that a packet to this one is in the end sent to: those that are written into it."""
    if isinstance(address, IPv4Address):
        return [address]
    last = IPv4Address(int(address) & 0xFFFF_FFFF)
    if any(address in network for network in _HOLDS_IPV4):
        return [last]
    if address.sixtofour is not None:
        return [address.sixtofour]
    if address.teredo is not None:
        return [address, *address.teredo]
    if (int(address) >> 32) & 0xFFFF_FFFF in _INSIDE_IPV6:
        return [address, last]
    return [address]


def _special(address: IPv4Address | IPv6Address) -> bool:
    """What `is_global` lets pass on some versions of Python."""
    return (
        any(address in network for network in _NOT_GLOBAL)
        or address.is_multicast
        or address.is_unspecified
        or address.is_loopback
        or address.is_link_local
        or (isinstance(address, IPv4Address) and address.is_reserved)
        or (isinstance(address, IPv6Address) and address.is_site_local)
    )
