"""A registry that speaks to sockets: it says what no HTTP library would."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from socketserver import StreamRequestHandler, ThreadingTCPServer

Script = Callable[[str], Iterable[bytes]]
"""From the path that is asked for to the bytes to send, one after the other."""
CLOSE = b""
"""Ends a connection."""


class Raw:
    """What was asked, and where; `host` is the registry's name."""

    def __init__(self, server: ThreadingTCPServer) -> None:
        self.host = f"127.0.0.1:{server.server_address[1]}"
        self.asked: list[str] = []


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    script: Script
    context: ssl.SSLContext | None
    raw: Raw


class _Handler(StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            if self.request.recv(1, socket.MSG_PEEK) != b"\x16":
                self._answer(self.request)
            elif self.server.context is not None:  # else it is TLS where there is none
                with self.server.context.wrap_socket(self.request, server_side=True) as secure:
                    self._answer(secure)

    def _answer(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as asked:
            while words := asked.readline().split():
                while asked.readline().strip():
                    pass
                for piece in self._said(words[1].decode()):
                    if piece == CLOSE:
                        return
                    connection.sendall(piece)

    def _said(self, path: str) -> Iterable[bytes]:
        if path == "/v2/":
            return [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"]
        self.server.raw.asked.append(path)
        return self.server.script(path)


@contextlib.contextmanager
def speaking(script: Script, context: ssl.SSLContext | None = None) -> Iterator[Raw]:
    """A registry whose `/v2/` is fine, and which answers everything else by the script."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.raw, server.script, server.context = Raw(server), script, context
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server.raw
        finally:
            server.shutdown()
            thread.join()


def dripping(content: bytes, pause: float = 0.02, *, then: bytes = b"") -> Iterator[bytes]:
    """The content byte by byte, for ten seconds at most; `then` again and again once it is over."""
    ends = time.monotonic() + 10
    for at in range(len(content)):
        yield content[at : at + 1]
        time.sleep(pause)
    while then and time.monotonic() < ends:
        yield then
        time.sleep(pause)
    yield CLOSE
