"""Connections that won't wait for ever for the head of an answer: one that drips, or says again and again to go on."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse


def watch(pool: PoolManager, seconds: float) -> Callable[[], None]:
    """Let every new connection of `pool` give an answer `seconds` to begin, however many bytes come meanwhile.

    What is returned cuts all of them off, for whoever can't wait for a silent registry.
    """
    live: WeakSet[Any] = WeakSet()

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            live.add(self.sock)

        def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as urllib3 itself does
            return _begun(self, super().getresponse, seconds)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            live.add(self.sock)

        def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as urllib3 itself does
            return _begun(self, super().getresponse, seconds)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    pool.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    def cut_all() -> None:
        for connected in list(live):
            _cut(connected)

    return cut_all


def _cut(connected: Any) -> None:
    with contextlib.suppress(OSError, AttributeError, TypeError):  # it may just be closed
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _begun(connection: HTTPConnection, wait: Callable[[], HTTPResponse], seconds: float) -> HTTPResponse:
    """What `wait` returns; the connection is cut from another thread in time, since sockets only limit each read.

    Raises `TimeoutError`.
    """
    late = threading.Event()

    def cut() -> None:
        late.set()
        _cut(connection.sock)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        return wait()
    except Exception as error:
        if late.is_set():
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()
