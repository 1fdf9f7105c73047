"""How long to bear with a server, and deadlines for the whole of an answer, which no timeout for reads keeps."""

from __future__ import annotations

import errno
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import msgspec

from inspector import work


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds in time, in seconds.

    `answer` is how long the head of an answer may take, from the connection on, repetitions and redirects included;
    `silence` how long a registry may send nothing meanwhile or later, `whole` how long one document may take, and
    `refusal` how long the body of an error. A blob must come with `min_rate` bytes a second, on the average of
    `window` seconds of waiting for it. A request whose connection is lost is repeated `retries` times, after
    `backoff` seconds and then twice as long each time; one that takes too long is not. Where a registry asks for
    pauses of more than `max_wait` for one request, it is not waited for.
    """

    connect: float = 10.0
    answer: float = 30.0
    silence: float = 30.0
    whole: float = 45.0
    refusal: float = 5.0
    window: float = 30.0
    min_rate: float = 2048.0
    retries: int = 4
    backoff: float = 1.0
    max_wait: float = 120.0


class Deadline(threading.local):
    """When the answer that this thread waits for must be whole, on the monotonic clock; None for never."""

    until: float | None = None

    def left(self, most: float | None) -> float | None:
        """Return seconds that one call may wait, no more than `most`. Raises `TimeoutError` when none is left."""
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
def timed(one: Any) -> Iterator[None]:
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


def _cut(one: Any) -> None:
    """End what another thread waits for; nothing is there to be read any more, by TLS either."""
    with suppress(OSError):
        wire = wire_of(one)
        # SSLSocket's own way forgets its TLS first, and the other thread would read what is encrypted.
        socket.socket.shutdown(wire, socket.SHUT_RDWR) if isinstance(wire, socket.socket) else wire.close()


def connected(family: int, kind: int, protocol: int, address: Any, seconds: float) -> socket.socket:
    """Return a new socket, connected in `seconds` or until the deadline. Raises `OSError`."""
    one = socket.socket(family, kind, protocol)
    one.settimeout(seconds)
    with closed_on_error(one), timed(one):
        one.connect(address)
    return one


@contextmanager
def closed_on_error(one: Any) -> Iterator[None]:
    """Close a socket that nobody will get."""
    try:
        yield
    except BaseException:
        one.close()
        raise


def wire_of(one: Any) -> Any:
    """Return what lies below TLS inside of TLS; everything else is its own."""
    return getattr(one, "socket", one)


class TimedReader(io.RawIOBase):
    """The bytes that a socket of any kind receives, each read within the deadline of the thread that reads.

    A drip of single bytes would outlast any timeout of the socket's own.
    """

    def __init__(self, one: Any) -> None:
        self._socket = one
        self._hold = one.makefile("rb", 0)  # http.client closes the socket, and reads on

    def readable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def readinto(self, buffer: Any) -> int:
        """See `io.RawIOBase`. Raises `TimeoutError`."""
        with timed(self._socket):
            return int(self._socket.recv_into(buffer))

    def close(self) -> None:
        """See `io.RawIOBase`."""
        self._hold.close()
        super().close()
