"""Addresses on the web, taken apart once and checked: who is asked, whether by TLS, and how far they reach."""

from __future__ import annotations

import ipaddress
import re
import socket
from enum import IntEnum
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

import msgspec

from inspector.errors import Refused

MAX_URL = 16 << 10
"""The longest address that is followed, in characters; signed ones have some 2,000."""

_PORTS = {"https": 443, "http": 80}
_UNSAFE = re.compile(r"[^\x21-\x7e]")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}|[0-9A-Fa-f:.]{2,45}", re.ASCII)
Literal = ipaddress.IPv4Address | ipaddress.IPv6Address
_EMBEDDING = tuple(map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96")))
_THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"),
    )
)
"""Where clouds hand out credentials to their machines, beside the link-local 169.254.169.254."""

NAME_IT = "if you trust it, name it with --insecure-registry or INSPECTOR_INSECURE_REGISTRIES"


class Origin(msgspec.Struct, frozen=True):
    """Scheme, host in lower case, and port: whom a credential may be shown to."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.named}"

    @property
    def named(self) -> str:
        """Host and port as names of images begin with them; the port is left out where it is the scheme's own."""
        return self.authority.removesuffix(f":{_PORTS[self.scheme]}")

    @property
    def authority(self) -> str:
        """Host and port, an address of IPv6 in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def is_loopback(self) -> bool:
        """Tell whether it is this machine for certain: `localhost`, or an address that never leaves it."""
        return _is_loopback(self.host)

    def reach(self) -> Reach | None:
        """Say how far the host reaches by what it says itself; None for a name that has to be looked up."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return Reach.ANY
        literal = literal_of(self.host)
        return None if literal is None else reach_of(literal)


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


@lru_cache(maxsize=256)
def _is_loopback(host: str) -> bool:
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    mapped = literal.ipv4_mapped if isinstance(literal, ipaddress.IPv6Address) else None
    return (mapped or literal).is_loopback


def origin_of(scheme: str, registry: str) -> Origin:
    """Return the origin of a registry, whose name was checked by its grammar."""
    return parse_address(f"{scheme}://{registry}/", registry).origin


def parse_address(text: str, said_by: str, base: Address | None = None) -> Address:
    """Return the address `text`, which may be relative to `base`; `said_by` names in errors who gave it.

    Raises `Refused`.
    """
    if len(text) > MAX_URL or _UNSAFE.search(text):
        raise Refused(f"{said_by}: sends us to an address with unlawful characters, or of more than {MAX_URL}")
    try:
        parts = urlsplit(text if base is None else urljoin(base.url, text))
        port = parts.port
    except ValueError as error:
        raise Refused(f"{said_by}: sends us to what is no address") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise Refused(f"{said_by}: sends us to {parts.scheme[:20]!a}: only https and http are spoken")
    if "@" in parts.netloc:
        raise Refused(f"{said_by}: sends us to an address with a user in it, which is not followed")
    host = parts.hostname.rstrip(".")
    if not _HOST.fullmatch(host):  # another parser could take another part of it for the host
        raise Refused(f"{said_by}: sends us to a host with unlawful characters")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(Origin(parts.scheme, host, _PORTS[parts.scheme] if port is None else port), path)


class Reach(IntEnum):
    """The narrowest kind of address that may be connected to; each includes those of greater value."""

    ANY = 0
    """Every address: the host was named by the user."""
    PRIVATE = 1
    """Private networks and the public internet, but never this machine, its link or a cloud's metadata."""
    PUBLIC = 2


def reach_of(address: Literal) -> Reach:
    """Return the kind of an address. What leads to another address, as IPv6 that embeds IPv4, counts as that."""
    address = _within(address)
    loops = address.is_loopback or address.is_unspecified or address in _THIS_NETWORK
    if loops or address.is_link_local or address.is_multicast or address in _METADATA:
        return Reach.ANY
    if isinstance(address, ipaddress.IPv4Address):
        return Reach.PUBLIC if address.is_global and not address.is_reserved else Reach.PRIVATE
    return Reach.PUBLIC if address.is_global and not address.is_site_local else Reach.PRIVATE


@lru_cache(maxsize=256)
def reach_of_peer(host: str) -> Reach:
    """Return the kind of an address as a socket tells it."""
    return reach_of(ipaddress.ip_address(host))


def literal_of(host: str) -> Literal | None:
    """Return the address that the host is a way to write of, also as inet_aton(3) reads `127.1`; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):  # names with a NUL, and ones that are not ASCII
        return None


def refused_address(where: str, found: Reach) -> Refused:
    """Return the error for a host that a registry sends us to, and that lies where outsiders have no business."""
    kind = "this machine, its link or a cloud's metadata" if found is Reach.ANY else "a private network"
    return Refused(f"{where}: an address of {kind}, to which a registry may not send us; {NAME_IT}")


def _within(address: Literal) -> Literal:
    """Find the IPv4 address that an IPv6 one leads to (mapped, compatible, translated, NAT64, 6to4), else itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    embedded = any(address in network for network in _EMBEDDING) and int(address) > 1
    if embedded:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
