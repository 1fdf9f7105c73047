"""HTTP to one engine: everything that comes back is bounded in size and time."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, BinaryIO
from urllib.parse import quote

import msgspec

from inspector import log, work
from inspector.engine.endpoint import Endpoint
from inspector.engine.failures import CLAUSES, refusal
from inspector.engine.routes import route_to
from inspector.errors import Unreachable, UsageError
from inspector.http.bodies import Body, read_document, words_of
from inspector.http.connections import Pool, Response
from inspector.http.failures import mapped
from inspector.http.timed import Patience, within
from inspector.oci import MAX_DOCUMENT

READ_SECONDS = 30.0
"""How long an engine may be silent before it counts as gone, where nothing dearer was asked."""
CONNECT_SECONDS = 5.0
_BUFFER = 1 << 18
_SLOWEST = 1024
"""Bytes a second; less is a drip: an engine's blobs come at 40 MB/s and more."""


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
