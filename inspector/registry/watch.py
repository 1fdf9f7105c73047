"""Connections that won't wait for ever for the head of an answer: one that drips, or says again and again to go on."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse


def watch(pool: PoolManager, seconds: float) -> None:
    """Let every new connection of `pool` give an answer `seconds` to begin, however many bytes come meanwhile."""

    class Plain(HTTPConnection):
        def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as urllib3 itself does
            return _begun(self, super().getresponse, seconds)

    class Secure(HTTPSConnection):
        def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as urllib3 itself does
            return _begun(self, super().getresponse, seconds)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    pool.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


def _begun(connection: HTTPConnection, wait: Callable[[], HTTPResponse], seconds: float) -> HTTPResponse:
    """What `wait` returns; the connection is cut from another thread in time, since sockets only limit each read.

    Raises `TimeoutError`.
    """
    late = threading.Event()

    def cut() -> None:
        late.set()
        with contextlib.suppress(OSError, AttributeError, TypeError):  # it may just be closed
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

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
