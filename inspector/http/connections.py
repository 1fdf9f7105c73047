"""HTTP by the standard library over a socket of any kind, connections kept, what comes back bounded.

Engines and registries are both asked by this. `http.client` takes 8 ms to import where urllib3 takes 25 and the Docker
SDK 200, and what those add (retries, redirects, pools by host) either client would have to switch off.
"""

from __future__ import annotations

import io
import re
import select
import socket
import threading
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead, LineTooLong, UnknownProtocol
from types import SimpleNamespace
from typing import Any, overload

import msgspec

from inspector.http.failures import StillToCome
from inspector.http.timed import Patience, TimedReader, wire_of

MAX_IDLE = 64
"""Connections that are kept for the next request."""
MAX_INFORMATIONAL = 5
"""Answers 1xx that may come before the one that counts, as Go's client has it."""
MAX_TRAILERS = 100
"""Lines behind the last chunk of a body; http.client itself takes as many headers, and any number of these."""
MAX_HEADERS = 100
_MAX_LINE = 65536
_LINE_END = r"\r\n|\r|\n"
_NAME = r"[^:\s]+[ \t]*"


class Route(msgspec.Struct, frozen=True):
    """A way to a server, which tells one connection from another; `host` and `port` are what the server is called."""

    host: str = "localhost"
    port: int = 80

    def open(self, seconds: float) -> Any:
        """Return a new socket that is connected, in `seconds` or until the deadline. Raises `OSError`."""
        raise NotImplementedError

    def address(self, path: str) -> str:
        """Return what a request asks for to get `path` this way."""
        return path

    def headers(self) -> Mapping[str, str]:
        """Return the headers that each request needs this way."""
        return {}

    def default_port(self) -> int:
        """Return the port that goes without saying."""
        return 80


class Headers:
    """The headers of an answer, their names in any case; what follows an invalid line is ignored."""

    def __init__(self, text: str) -> None:
        self._values: dict[str, list[str]] = {}
        last: list[str] | None = None
        for line in re.split(_LINE_END, text):
            name, colon, value = line.partition(":")
            if line[:1] in (" ", "\t") and last is not None:
                last[-1] += f"\r\n{line}"
            elif line[:1] == ":":
                continue
            elif not colon or not re.fullmatch(_NAME, name):
                return
            else:
                last = self._values.setdefault(name.lower(), [])
                last.append(value.lstrip(" \t"))

    @overload
    def get(self, name: str) -> str | None: ...

    @overload
    def get(self, name: str, default: str) -> str: ...

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the first value of a header."""
        found = self._values.get(name.lower())
        return found[0] if found else default

    def get_all(self, name: str) -> list[str]:
        """Return the values of a header, one for each time that it comes."""
        return self._values.get(name.lower(), [])

    def items(self) -> Iterator[tuple[str, str]]:
        """Yield each header's name in lower case, and each of its values."""
        return ((name, value) for name, values in self._values.items() for value in values)


class Head(HTTPResponse):
    """The head of an answer. The 1xx before it, `103 Early Hints` too, are passed over, but not without end."""

    def __init__(self, one: Any, method: str | None = None) -> None:
        reader = SimpleNamespace(makefile=lambda _: io.BufferedReader(TimedReader(one)))
        super().__init__(reader, method=method)  # type: ignore[arg-type]

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MAX_INFORMATIONAL + 1):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status == 101 or not 100 <= status < 200:
                return version, status, reason
            _read_headers(self.fp)
        raise StillToCome

    def begin(self) -> None:
        """Read the head, as `http.client` does, which makes an e-mail of it: a quarter of what a request costs."""
        version, status, reason = self._read_status()
        self.code = self.status = status
        self.reason = reason.strip()
        if not version.startswith(("HTTP/1.", "HTTP/0.9")):
            raise UnknownProtocol(version)
        self.version = 10 if version in ("HTTP/1.0", "HTTP/0.9") else 11
        self.headers = self.msg = Headers(_read_headers(self.fp))  # type: ignore[assignment]
        self.chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.will_close = self._check_close()  # type: ignore[attr-defined]
        self.length = None if self.chunked else _length(self.headers.get("Content-Length", ""))
        if status in (204, 304) or 100 <= status < 200 or self._method == "HEAD":  # type: ignore[attr-defined]
            self.length = 0
        if not self.chunked and self.length is None:
            self.will_close = True

    def _read_and_discard_trailer(self) -> None:
        """Pass over the lines behind the last chunk, as many as the head may have. Raises `HTTPException`."""
        for _ in range(MAX_TRAILERS):
            if self.fp.readline(_MAX_LINE) in (b"\r\n", b"\n", b""):
                return
        raise HTTPException


def _read_headers(stream: Any) -> str:
    """Read a head up to its empty line. Raises `LineTooLong`, `HTTPException`."""
    lines: list[bytes] = []
    while True:
        line = stream.readline(_MAX_LINE + 1)
        if len(line) > _MAX_LINE:
            raise LineTooLong("header line")
        if line in (b"\r\n", b"\n", b""):
            return b"".join(lines).decode("iso-8859-1")
        lines.append(line)
        if len(lines) > MAX_HEADERS:
            raise HTTPException(f"got more than {MAX_HEADERS} headers")


def _length(text: str) -> int | None:
    """Return the length that is stated; None for what `int` does not read, as `http.client` has it."""
    try:
        length = int(text)
    except ValueError:
        return None
    return length if length >= 0 else None


class _Connection(HTTPConnection):
    """One connection; `socket` is there still when `http.client` has closed `sock` and the body is to be read."""

    response_class = Head
    socket: Any = None
    peer: Any = None

    def __init__(self, route: Route) -> None:
        self.default_port = route.default_port()
        super().__init__(route.host, route.port)
        self.route = route

    def connect(self) -> None:
        self.sock = self.socket = self.route.open(self.timeout or 0.0)
        self.peer = wire_of(self.sock).getpeername()

    def stands(self) -> bool:
        """Tell whether the other side has neither closed it nor said anything unasked."""
        wire = wire_of(self.sock)
        if not isinstance(wire, socket.socket):
            return True
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(wire, select.POLLIN)
            return not poll.poll(0)
        wire.settimeout(0)
        try:
            socket.socket.recv(wire, 1, socket.MSG_PEEK)  # below TLS, whose own way knows no flags
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False


class Response:
    """An answer: its status, its headers, and a body to be read once, with `patience`. The caller closes it.

    `peer` is the address of who answered, as the socket tells it; `is_own` says that this is who was asked first, and
    not who that one sent us to.
    """

    def __init__(self, connection: _Connection, pool: Pool, patience: Patience) -> None:
        self._head = connection.getresponse()
        self._connection: _Connection | None = connection
        self._pool = pool
        self.status = self._head.status
        self.headers: Headers = self._head.headers  # type: ignore[assignment]
        self.peer = connection.peer
        self.patience = patience
        self.is_own = True

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to be read."""
        return self._head.isclosed() or self._head.length == 0

    def header(self, name: str) -> str:
        """Return a header; empty where there is none."""
        return self.headers.get(name, "")

    def values(self, name: str) -> list[str]:
        """Return a header's values, one for each time that it comes."""
        return self.headers.get_all(name)

    def allow_silence(self, seconds: float) -> None:
        """Let the other side send nothing for so long from now on."""
        if self._connection is not None:
            self._connection.socket.settimeout(seconds)

    def read1(self, count: int) -> bytes:
        """Read at most `count` bytes, as soon as there are any; none at the end. Raises `IncompleteRead`."""
        piece: bytes = self._head.read1(count)
        if not piece and self._head.length:
            raise IncompleteRead(b"", self._head.length)
        return piece

    def close(self) -> None:
        """Keep the connection for the next request if the answer was read whole, else break it off."""
        connection, self._connection = self._connection, None
        if connection is not None:
            whole = self.is_empty
            self._head.close()
            self._pool.take_back(connection, keep=whole and not self._head.will_close)


class Pool:
    """Sends requests, from any thread, and keeps connections for the next ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Connection] = []

    def __del__(self) -> None:
        self.close()

    def request(
        self,
        route: Route,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        patience: Patience,
    ) -> Response:
        """Return the answer, its body not read yet.

        Raises `OSError`, `HTTPException`, `ValueError`, to be put in words by `failures.mapped`.
        """
        connection = self._idle_to(route) or _Connection(route)
        try:
            if connection.sock is None:
                connection.timeout = patience.connect
                connection.connect()
            if connection.socket.gettimeout() != patience.silence:  # setting it takes a call of the system
                connection.socket.settimeout(patience.silence)
            connection.request(method, route.address(path), body=body, headers={**route.headers(), **headers})
            return Response(connection, self, patience)
        except BaseException:
            self.take_back(connection, keep=False)
            raise

    def take_back(self, connection: _Connection, *, keep: bool) -> None:
        """Keep a connection that nothing more is to be read from, or close it."""
        if keep:
            with self._lock:
                self._idle.append(connection)
                if len(self._idle) <= MAX_IDLE:
                    return
                connection = self._idle.pop(0)
        connection.close()

    def close(self) -> None:
        """Close the connections that are kept."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _idle_to(self, route: Route) -> _Connection | None:
        """Return the newest idle connection that leads there, unless the other side has closed it meanwhile."""
        while True:
            with self._lock:
                found = next((each for each in reversed(self._idle) if each.route == route), None)
                if found is None:
                    return None
                self._idle.remove(found)
            if found.stands():
                return found
            found.close()
