"""The connections of one pool: where they may lead, how long an answer's head may take, and how they are cut off."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse, parse_headers
from typing import Any
from weakref import WeakSet

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from inspector.http.timed import TimedSocket
from inspector.registry.failures import StillToCome
from inspector.registry.reach import Reach, reach_of, refused_address

MAX_INFORMATIONAL = 5
"""Answers 1xx that may come before the one that counts, as Go's client has it."""
MAX_TRAILERS = 100
"""Lines behind the last chunk of a body; http.client itself takes as many headers, and any number of these."""
_MAX_LINE = 65536
_MAX_ADDRESSES = 8
"""Addresses of one name that are tried."""

Found = Callable[[str, int, Reach], None]


class Live:
    """Sockets in use, so that they can be cut off from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: WeakSet[socket.socket] = WeakSet()

    def add(self, connected: socket.socket) -> None:
        """Remember a socket for as long as it is in use."""
        with self._lock:
            self._sockets.add(connected)

    def cut(self) -> None:
        """Break all of them off."""
        with self._lock:
            for connected in self._sockets:
                with contextlib.suppress(OSError, AttributeError, TypeError):  # it may just be closed
                    socket.socket.shutdown(connected, socket.SHUT_RDWR)


class _Answer(HTTPResponse):
    """An answer of which the 1xx before it, `103 Early Hints` too, are passed over, but not without end."""

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MAX_INFORMATIONAL + 1):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status == 101 or not 100 <= status < 200:
                return version, status, reason
            parse_headers(self.fp)
        raise StillToCome

    def _read_and_discard_trailer(self) -> None:
        """Pass over the lines behind the last chunk, as many as the head may have. Raises `HTTPException`."""
        for _ in range(MAX_TRAILERS):
            if self.fp.readline(_MAX_LINE) in (b"\r\n", b"\n", b""):
                return
        raise HTTPException


class _Bounded:
    """What our connections do otherwise than urllib3's; `live`, `reach` and `found` are set for each pool."""

    live: Live
    reach: Reach
    found: Found
    response_class = _Answer
    host: str
    port: int
    proxy: Any
    sock: Any
    timeout: Any

    def _new_conn(self) -> socket.socket:
        """A connection to one of the addresses that the name has now; those are checked that are connected to."""
        reach = Reach.ANY if self.proxy else self.reach  # a proxy is the user's own
        addresses = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        allowed = [each for each in addresses if _reach(each) >= reach][:_MAX_ADDRESSES]
        if not allowed:
            raise refused_address(f"{self.host}:{self.port}", min(map(_reach, addresses)))
        failed: OSError = ConnectionRefusedError()
        for each in allowed:
            try:
                connected = _connected(each, self.timeout)
            except OSError as error:
                failed = error
            else:
                if not self.proxy:
                    self.found(self.host, self.port, _reach(each))
                return connected
        raise failed

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self.live.add(self.sock)


def _connected(found: tuple[Any, ...], seconds: float) -> TimedSocket:
    """A connection to one of getaddrinfo's addresses. Raises `OSError`."""
    connected = TimedSocket(*found[:3])
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.settimeout(seconds)
        connected.connect(found[4])
    except OSError:
        connected.close()
        raise
    return connected


def bound(pool: PoolManager, live: Live, reach: Reach, found: Found) -> None:
    """Let new connections of `pool` reach no further inward than `reach`; `found` hears how far each one reached."""
    own = {"live": live, "reach": reach, "found": staticmethod(found)}
    plain = type("Plain", (_Bounded, HTTPConnection), own)
    secure = type("Secure", (_Bounded, HTTPSConnection), own)
    pool.pool_classes_by_scheme = {
        "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }


def _reach(found: tuple[Any, ...]) -> Reach:
    """How far one of getaddrinfo's addresses reaches."""
    return reach_of(ipaddress.ip_address(found[4][0]))
