"""Sockets that keep a bound on the whole of an answer, which no timeout on single reads does."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time
from typing import Any

from inspector import work


class Deadline(threading.local):
    """When the answer that this thread waits for must be whole, on the monotonic clock; None for never."""

    until: float | None = None


DEADLINE = Deadline()


class TimedSocket(socket.socket):
    """A socket that keeps the deadline of the thread that reads: a drip of single bytes would outlast any timeout."""

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        """See `socket.recv_into`. Raises `TimeoutError`."""
        with work.on_stop(self._cut):
            return self._received(*arguments, **named)

    def _cut(self) -> None:
        """End the answer that another thread waits for; nothing is there to be read any more."""
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)

    def _received(self, *arguments: Any, **named: Any) -> int:
        before, until = self.gettimeout(), DEADLINE.until
        if until is None:
            return super().recv_into(*arguments, **named)
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError(errno.ETIMEDOUT, "no whole answer in time")
        self.settimeout(left if before is None else min(left, before))
        try:
            return super().recv_into(*arguments, **named)
        finally:
            self.settimeout(before)
