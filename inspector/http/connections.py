"""HTTP over a socket of any kind, connections kept, what comes back bounded.

Engines and registries are both asked by this. `http.client` takes 15 ms to import, urllib3 25 and the Docker SDK 200,
and what those add (retries, redirects, pools by host) either client would have to switch off.
"""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Mapping
from typing import Any

import msgspec

from inspector.http.exchange import Head, request_in_bytes
from inspector.http.timed import Patience, closed_on_error, wire_of

MAX_IDLE = 64
"""Connections that are kept for the next request."""


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


class _Connection:
    """One connection; `peer` is the address of who answers, as the socket tells it."""

    def __init__(self, route: Route, seconds: float) -> None:
        self.route = route
        self.sock = route.open(seconds)
        with closed_on_error(self.sock):
            self.peer = wire_of(self.sock).getpeername()

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Head:
        """Send a request, and return the head of its answer."""
        route = self.route
        host = f"[{route.host}]" if ":" in route.host else route.host
        host = host if route.port == route.default_port() else f"{host}:{route.port}"
        given = {**route.headers(), **headers}
        self.sock.sendall(request_in_bytes(method, route.address(path), host, given, body))
        head = Head(self.sock, method)
        with closed_on_error(head):
            head.begin()
        return head

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

    def close(self) -> None:
        """Break it off."""
        self.sock.close()


class Response:
    """An answer: its status, its headers, and a body to be read once, with `patience`. The caller closes it.

    `peer` is the address of who answered, as the socket tells it; `is_own` says that this is who was asked first, and
    not who that one sent us to.
    """

    def __init__(self, connection: _Connection, head: Head, pool: Pool, patience: Patience) -> None:
        self._head = head
        self._connection: _Connection | None = connection
        self._pool = pool
        self.status = self._head.status
        self.headers = self._head.headers
        self.peer = connection.peer
        self.patience = patience
        self.is_own = True

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to be read."""
        return self._head.is_done or self._head.length == 0

    def header(self, name: str) -> str:
        """Return a header; empty where there is none."""
        return self.headers.get(name, "")

    def allow_silence(self, seconds: float) -> None:
        """Let the other side send nothing for so long from now on."""
        if self._connection is not None:
            self._connection.sock.settimeout(seconds)

    def read1(self, count: int) -> bytes:
        """Read at most `count` bytes, as soon as there are any; none at the end. Raises `IncompleteRead`."""
        return self._head.read1(count)

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

        Raises `OSError`, `NotHttp`, `ValueError`, to be put in words by `failures.mapped`.
        """
        connection = self._idle_to(route) or _Connection(route, patience.connect)
        try:
            if connection.sock.gettimeout() != patience.silence:  # setting it takes a call of the system
                connection.sock.settimeout(patience.silence)
            return Response(connection, connection.ask(method, path, headers, body), self, patience)
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
