"""Ways for a fake engine to misbehave; each answers one request in place of the engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

Fault = Callable[[Any], None]
"""Takes the request's handler (`inspector.testing.engine_api.Handler`), and answers by it or not at all."""


def status(code: int, message: str = "") -> Fault:
    """Answer with a status and a message, as engines report errors."""
    return lambda handler: handler.answer(code, {"message": message})


def body(content: bytes, code: int = 200, **headers: str) -> Fault:
    """Answer with these bytes: garbage, an empty document, another's."""
    return lambda handler: handler.answer(code, content, headers={k.replace("_", "-"): v for k, v in headers.items()})


def hang(handler: Any) -> None:
    """Answer nothing until the engine is closed."""
    handler.server.closed.wait(60)
    handler.close_connection = True


def drip(pause: float = 0.05) -> Fault:
    """Send chunks of one byte for as long as the client reads."""

    def fault(handler: Any) -> None:
        handler.begin(200, {"Content-Type": "application/json"})
        _go_on(handler, lambda: handler.chunk(b" "), pause)

    return fault


def drip_headers(pause: float = 0.05) -> Fault:
    """Send a status line, then a header that never ends, a byte at a time."""

    def fault(handler: Any) -> None:
        handler.connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
        _go_on(handler, lambda: handler.connection.sendall(b"x"), pause)

    return fault


def endless(handler: Any) -> None:
    """Send JSON that goes on for as long as the client reads."""
    handler.begin(200, {"Content-Type": "application/json"})
    handler.chunk(b"[")
    _go_on(handler, lambda: handler.chunk(b'"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",' * 1024))


def _go_on(handler: Any, send: Callable[[], None], pause: float = 0.0) -> None:
    while not handler.server.closed.is_set():
        send()
        time.sleep(pause)


def cut(content: bytes) -> Fault:
    """Send the beginning of a longer answer, then close the connection, as an engine does that is stopped."""

    def fault(handler: Any) -> None:
        handler.begin(200, {"Content-Type": "application/x-tar"})
        handler.chunk(content)
        handler.close_connection = True

    return fault


def gone(handler: Any) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True


def after(event: threading.Event, fault: Fault) -> Fault:
    """Apply the fault once `event` is set."""

    def late(handler: Any) -> None:
        event.wait(60)
        fault(handler)

    return late
