"""HTTP to one engine, by whichever way its address leads: all that comes back is bounded in size and time."""

from __future__ import annotations

import errno
import io
import math
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, BinaryIO
from urllib.parse import quote, unquote, urlsplit

import msgspec

from inspector import log, work
from inspector.engine.endpoint import Endpoint
from inspector.engine.failures import CLAUSES, refusal
from inspector.errors import Unreachable, UsageError
from inspector.http.bodies import Body, read_document, words_of
from inspector.http.connections import Pool, Response, Route
from inspector.http.failures import mapped
from inspector.http.local import Program, Unix
from inspector.http.timed import Patience, within
from inspector.oci import MAX_DOCUMENT

READ_SECONDS = 30.0
"""How long an engine may be silent before it counts as gone, where nothing dearer was asked."""
CONNECT_SECONDS = 5.0
_BUFFER = 1 << 18
_SLOWEST = 1024
"""Bytes a second; less is a drip: an engine's blobs come at 40 MB/s and more."""

_SSH_SECONDS = 10


class Pipe(Route, frozen=True):
    """To a named pipe of Windows, by the Docker SDK: it is needed, and installed, there alone."""

    path: str = ""

    def open(self, seconds: float) -> Any:
        """See `Route`. Raises `OSError`."""
        from docker.transport import NpipeSocket

        class Timed(NpipeSocket):  # type: ignore[misc]
            def gettimeout(self) -> float:
                return float(super().gettimeout()) / 1000  # it takes seconds, and gives milliseconds

        pipe = Timed()
        pipe.settimeout(seconds)
        try:
            pipe.connect(self.path)
        except Exception as error:
            absent = getattr(error, "winerror", 0) == errno.ENOENT  # ERROR_FILE_NOT_FOUND
            raise OSError(errno.ENOENT if absent else errno.EIO, getattr(error, "strerror", str(error))) from error
        return pipe


def route_to(endpoint: Endpoint) -> Route:
    """Return the way to an endpoint; nothing is sent yet. Raises `ValueError`, `UsageError`."""
    scheme, _, rest = endpoint.address.partition("://")
    if scheme == "ssh":
        return Program(words=ssh_words(endpoint))
    if scheme == "npipe":
        return Pipe(path=rest)
    if scheme == "unix":
        if not hasattr(socket, "AF_UNIX"):
            raise ValueError("this Python knows no Unix sockets: write npipe:// or tcp://")
        return Unix(path=rest)
    from inspector.http.address import Origin  # 5 ms, and most engines are on this machine
    from inspector.http.proxies import proxy_for
    from inspector.http.routes import Tcp

    if endpoint.tls:
        endpoint.tls.context()  # to hear of unusable certificates now
    url = urlsplit(endpoint.address)
    origin = Origin("https" if endpoint.tls else "http", url.hostname or "", url.port or 0)
    proxy = None if endpoint.is_local else proxy_for(origin, os.environ)
    return Tcp(origin.host, origin.port, endpoint.tls, proxy)


def ssh_words(endpoint: Endpoint) -> tuple[str, ...]:
    """Build the command that joins its standard streams to the socket at `ssh://USER@HOST:PORT/SOCKET`.

    All but the host is optional. Raises `ValueError`.
    """
    if os.name == "nt":
        raise ValueError("ssh:// is not spoken on Windows: forward the engine's socket to a local port")
    url = urlsplit(endpoint.address)
    if url.password is not None:
        raise ValueError("a password in the address is not used: use keys or an agent")
    host = url.hostname or ""
    if not host or host.startswith("-") or (url.username or "").startswith("-"):
        raise ValueError("there is no host in the address")
    user = ("-l", unquote(url.username)) if url.username else ()
    port = ("-p", str(url.port)) if url.port else ()
    option = "--url" if endpoint.kind == "podman" else "--host"
    where = f" {option} unix://{_plain(unquote(url.path))}" if url.path.strip("/") else ""
    remote = f"{endpoint.kind}{where} system dial-stdio"
    return ("ssh", "-o", f"ConnectTimeout={_SSH_SECONDS}", "-T", *user, *port, "--", host, remote)


def _plain(path: str) -> str:
    """Return the path, which another machine's shell will read. Raises `ValueError`."""
    if not all(c.isalnum() or c in "/._-" for c in path):
        raise ValueError("the path in the address has other characters than letters, digits and /._-")
    return path


class Answer(msgspec.Struct, frozen=True):
    """A status, headers by lower-case name, and a bounded body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def time(self) -> float:
        """When it was given, in seconds since 1970: by the other side's clock, or, where it doesn't tell, by ours."""
        from email.utils import parsedate_to_datetime  # 3 ms, and few answers are asked for their time

        try:
            return parsedate_to_datetime(self.headers["date"]).timestamp()
        except (KeyError, ValueError, OverflowError):
            return time.time()


class Transport:
    """Requests to one engine, from any thread; connections are kept."""

    def __init__(self, endpoint: Endpoint, seconds: float = READ_SECONDS) -> None:
        self.endpoint = endpoint
        self.prefix = ""
        self._where = f"{endpoint} ({endpoint.origin})"
        self._seconds = seconds
        self._pool = Pool()
        try:
            self._route = route_to(endpoint)
        except (ValueError, UsageError) as error:
            raise Unreachable(f"{self._where}: {error}") from error

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        seconds: float | None = None,
        limit: int = MAX_DOCUMENT,
    ) -> Answer:
        """Return the whole answer, whatever its status, within `seconds` in all.

        Raises `Unreachable`, `LimitExceeded`.
        """
        seconds = self._seconds if seconds is None else seconds
        with within(seconds):
            response = self._send(method, path, query, body, seconds, math.inf)
            content = read_document(response, limit, self._where)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, headers, content)

    @contextmanager
    def stream(
        self, path: str, what: str, *, query: Mapping[str, str] | None = None, seconds: float | None = None
    ) -> Iterator[BinaryIO]:
        """Provide the body of a GET that succeeds, which begins within `seconds`; leaving early breaks it off.

        `what` names the thing in errors. Raises `NotFound`, `Refused`, and, when reading too, `Unreachable`.
        """
        response = self._send("GET", path, query, None, seconds or self._seconds, 2 * self._seconds)
        with closing(response):
            if response.status != 200:
                raise refusal(self.endpoint, what, response.status, words_of(response))
            response.allow_silence(self._seconds)
            with io.BufferedReader(Body(response, self._where), _BUFFER) as reader:
                yield reader

    def close(self) -> None:
        """Give all connections back."""
        self._pool.close()

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        seconds: float,
        window: float,
    ) -> Response:
        """Return the answer, whose head comes within `seconds`; for a slow body see `Patience.window`."""
        work.check()
        words = "&".join(f"{name}={_quoted(value)}" for name, value in (query or {}).items())
        patience = Patience(
            connect=CONNECT_SECONDS,
            silence=seconds,
            whole=math.inf,  # `ask` bounds it
            refusal=self._seconds,
            window=window,
            min_rate=_SLOWEST,
        )
        with mapped(self._where, CLAUSES), within(seconds):
            response = self._pool.request(
                self._route,
                method,
                f"{self.prefix}{path}{'?' if words else ''}{words}",
                headers={} if body is None else {"Content-Type": "application/json"},
                body=None if body is None else msgspec.json.encode(body),
                patience=patience,
            )
        log.debug("engine", "%s %s at %s: %d", method, path, self.endpoint, response.status)
        return response


def path_segment(name: str) -> str:
    """Return a name as part of a URL's path, its slashes kept."""
    return quote(name.encode("utf-8", "surrogateescape"), safe="/:@")


def _quoted(value: str) -> str:
    return quote(value.encode("utf-8", "surrogateescape"), safe="/")
