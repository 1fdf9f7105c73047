"""How far an address reaches: this machine and its link, a private network, or the public internet."""

from __future__ import annotations

import ipaddress
import socket
from enum import IntEnum
from functools import lru_cache

from inspector.errors import Refused

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
