"""Sockets that keep a deadline for the whole of an answer, which no timeout for single reads does."""

from __future__ import annotations

import errno
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from inspector import work


class Deadline(threading.local):
    """When the answer that this thread waits for must be whole, on the monotonic clock; None for never."""

    until: float | None = None

    def left(self, most: float | None) -> float | None:
        """Seconds that one call may wait, no more than `most`. Raises `TimeoutError` when none is left."""
        if self.until is None:
            return most
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError(errno.ETIMEDOUT, "no whole answer in time")
        return left if most is None else min(left, most)


DEADLINE = Deadline()
_NEAR = 0.9
"""The part of a socket's own timeout that must be left for it to stay; a deadline may be passed by the rest."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give what this thread waits for `seconds` in all, or what is left of an outer bound where that is less."""
    outer, until = DEADLINE.until, time.monotonic() + seconds
    DEADLINE.until = until if outer is None else min(outer, until)
    try:
        yield
    finally:
        DEADLINE.until = outer


@contextmanager
def _timed(one: socket.socket) -> Iterator[None]:
    """Let one call on a socket wait no longer than until the deadline of this thread, or until its work is stopped."""
    usual = one.gettimeout()
    left = DEADLINE.left(usual)
    near = left is not None and (usual is None or left < _NEAR * usual)  # setting it takes two calls of the system
    with work.on_stop(partial(_cut, one)):
        if near:
            one.settimeout(left)
        try:
            yield
        finally:
            if near:
                one.settimeout(usual)


def _cut(one: socket.socket) -> None:
    """End what another thread waits for; nothing is there to be read any more, by TLS either."""
    with suppress(OSError):
        socket.socket.shutdown(one, socket.SHUT_RDWR)


class _Timed(socket.socket):
    """A socket that keeps the deadline of the thread that uses it: a drip of single bytes would outlast any timeout."""

    __slots__ = ()

    def recv(self, *arguments: Any, **named: Any) -> bytes:
        """See `socket.recv`. Raises `TimeoutError`."""
        with _timed(self):
            return super().recv(*arguments, **named)

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        """See `socket.recv_into`. Raises `TimeoutError`."""
        with _timed(self):
            return super().recv_into(*arguments, **named)


class TimedSocket(_Timed):
    """A plain socket with a deadline, which connecting keeps too."""

    def connect(self, address: Any) -> None:
        """See `socket.connect`. Raises `TimeoutError`."""
        with _timed(self):
            super().connect(address)


class TimedTls(_Timed, ssl.SSLSocket):
    """The same by TLS, as the `sslsocket_class` of a context; OpenSSL keeps a timeout for all of a call's records."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - as in its parent
        """See `SSLSocket.do_handshake`. Raises `TimeoutError`."""
        with _timed(self):
            super().do_handshake(block)
