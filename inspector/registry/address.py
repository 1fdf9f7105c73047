"""Addresses on the web, taken apart once and checked: who is asked, and whether by TLS."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urljoin, urlsplit

import msgspec

from inspector.errors import Refused

MAX_URL = 16 << 10
"""The longest address that is followed, in characters; signed ones have some 2,000."""
_PORTS = {"https": 443, "http": 80}
_EMBEDDING = (ipaddress.IPv6Network("::/96"), ipaddress.IPv6Network("64:ff9b::/96"))
_UNSAFE = re.compile(r"[^\x21-\x7e]")


class Origin(msgspec.Struct, frozen=True):
    """Scheme, host in lower case, and port: whom a credential may be shown to."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")

    def is_loopback(self) -> bool:
        """Whether it is this machine for certain: `localhost`, or an address that never leaves it."""
        try:
            literal = ipaddress.ip_address(self.host)
        except ValueError:
            return self.host == "localhost"
        mapped = literal.ipv4_mapped if isinstance(literal, ipaddress.IPv6Address) else None
        return (mapped or literal).is_loopback

    def is_inward(self) -> bool:
        """Whether it is a literal address of this machine or its link, where nobody outside has business."""
        literal = self._literal()
        if literal is None:
            return self.host == "localhost" or self.host.endswith(".localhost")
        return literal.is_loopback or literal.is_link_local or literal.is_unspecified or literal.is_multicast

    def is_private(self) -> bool:
        """Whether it is inward or a literal address of a private network."""
        literal = self._literal()
        return self.is_inward() or (literal is not None and literal.is_private)

    def _literal(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The address that the host is another way to write of, whichever; None for a name."""
        try:
            literal = ipaddress.ip_address(self.host)
        except ValueError:
            return _old_literal(self.host)
        return literal if isinstance(literal, ipaddress.IPv4Address) else _within(literal) or literal


class Address(msgspec.Struct, frozen=True):
    """An origin, and path and query there. Prints without the query, which may be signed."""

    origin: Origin
    path: str

    def __str__(self) -> str:
        return f"{self.origin}{self.path.partition('?')[0]}"

    @property
    def url(self) -> str:
        """The whole, as a request needs it."""
        return f"{self.origin}{self.path}"

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"


def _old_literal(host: str) -> ipaddress.IPv4Address | None:
    """The address that a resolver takes `127.1`, `0x7f000001` or `2130706433` for (inet_aton(3))."""
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):  # names with a NUL, and ones that are no ASCII
        return None


def _within(literal: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The address of IPv4 that one of IPv6 leads to: mapped, compatible, by NAT64 or by 6to4."""
    if literal.ipv4_mapped or literal.sixtofour:
        return literal.ipv4_mapped or literal.sixtofour
    embedded = any(literal in network for network in _EMBEDDING) and int(literal) > 1
    return ipaddress.IPv4Address(int(literal) & 0xFFFFFFFF) if embedded else None


def origin_of(scheme: str, registry: str) -> Origin:
    """The origin of a registry, whose name was checked by its grammar."""
    return parse_address(f"{scheme}://{registry}/", registry).origin


def parse_address(text: str, said_by: str, base: Address | None = None) -> Address:
    """The address `text`, which may be relative to `base`; `said_by` names in errors who gave it. Raises `Refused`."""
    if len(text) > MAX_URL or _UNSAFE.search(text):
        raise Refused(f"{said_by}: sends us to an address with unlawful characters, or of more than {MAX_URL}")
    try:
        parts = urlsplit(text if base is None else urljoin(base.url, text))
        port = parts.port
    except ValueError as error:
        raise Refused(f"{said_by}: sends us to what is no address") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise Refused(f"{said_by}: sends us to {parts.scheme[:20]!a}: only https and http are spoken")
    if parts.username is not None or parts.password is not None:
        raise Refused(f"{said_by}: sends us to an address with a user in it, which is not followed")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.hostname.rstrip(".") if parts.hostname != "." else "."
    return Address(Origin(parts.scheme, host, _PORTS[parts.scheme] if port is None else port), path)
