"""HTTP to one engine: everything that comes back is bounded in size and time."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any, BinaryIO
from urllib.parse import quote

import msgspec

from inspector import work
from inspector.engine.endpoint import Endpoint
from inspector.engine.failures import refusal, unreachable
from inspector.engine.local import LocalSession
from inspector.errors import InspectorError, LimitExceeded
from inspector.http.timed import DEADLINE
from inspector.oci import MAX_DOCUMENT

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
"""How long an engine may be silent before it counts as gone, where nothing dearer was asked."""
_PIECE = 1 << 18
_MAX_REASON = 4096
_SLOWEST = 1024
"""Bytes a second; less, over a minute, is a drip."""


class Answer(msgspec.Struct, frozen=True):
    """A status, headers by lower-case name, and a bounded body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def time(self) -> float:
        """When it was given, in seconds since 1970: by the other side's clock, or, where it doesn't tell, by ours."""
        try:
            return parsedate_to_datetime(self.headers["date"]).timestamp()
        except (KeyError, ValueError, OverflowError):
            return time.time()


class Transport:
    """Requests to one engine, from any thread; connections are kept."""

    def __init__(self, endpoint: Endpoint, seconds: float = READ_SECONDS) -> None:
        self.endpoint = endpoint
        self.prefix = ""
        self._seconds = seconds
        with mapped(endpoint):
            self._session, self._base = _session(endpoint)

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
        """The whole answer, whatever its status, within `seconds` in all. Raises `Unreachable`, `LimitExceeded`."""
        seconds = self._seconds if seconds is None else seconds
        until = time.monotonic() + seconds
        with mapped(self.endpoint), self._within(until), self._sent(method, path, query, body, seconds) as response:
            content = bytearray()
            while piece := response.raw.read1(_PIECE):
                content += piece
                if len(content) > limit:
                    raise LimitExceeded(f"{self.endpoint}: an answer of more than {limit} bytes to {method} {path}")
                if time.monotonic() > until:
                    raise TimeoutError
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, headers, bytes(content))

    @contextmanager
    def stream(
        self, path: str, what: str, *, query: Mapping[str, str] | None = None, seconds: float | None = None
    ) -> Iterator[BinaryIO]:
        """The body of a GET that succeeds, which begins within `seconds`; leaving early breaks it off.

        `what` names the thing in errors. Raises `NotFound`, `Refused`, and, when reading too, `Unreachable`.
        """
        seconds = seconds or self._seconds
        with mapped(self.endpoint), self._within(time.monotonic() + seconds):
            response = self._send("GET", path, query, None, seconds)
        try:
            if response.status_code != 200:
                raise refusal(self.endpoint, what, response.status_code, self._beginning(response))
            with io.BufferedReader(Body(response.raw, self.endpoint, self._seconds), _PIECE) as reader:
                yield reader
        finally:
            response.close()

    def close(self) -> None:
        """Give all connections back."""
        self._session.close()

    @contextmanager
    def _within(self, until: float) -> Iterator[None]:
        DEADLINE.until = until
        try:
            yield
        finally:
            DEADLINE.until = None

    @contextmanager
    def _sent(self, *question: Any) -> Iterator[Any]:
        response = self._send(*question)
        try:
            yield response
        finally:
            response.close()

    def _send(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Mapping[str, Any] | None, seconds: float
    ) -> Any:
        work.check()
        words = "&".join(f"{name}={_quoted(value)}" for name, value in (query or {}).items())
        url = f"{self._base}{self.prefix}{path}{'?' if words else ''}{words}"
        return self._session.request(
            method,
            url,
            data=None if body is None else json.dumps(body).encode(),
            headers={} if body is None else {"Content-Type": "application/json"},
            timeout=(CONNECT_SECONDS, seconds),
            stream=True,
            allow_redirects=False,
        )

    def _beginning(self, response: Any) -> bytes:
        with mapped(self.endpoint), self._within(time.monotonic() + self._seconds):
            return bytes(response.raw.read(_MAX_REASON))


class Body(io.RawIOBase):
    """The rest of an answer as a raw stream; a broken connection is `Unreachable`, never an end.

    So is a silence of `seconds`, and a drip: an engine's blobs come at 40 MB/s and more.
    """

    def __init__(self, raw: Any, endpoint: Endpoint, seconds: float) -> None:
        self._raw = raw
        self._endpoint = endpoint
        self._seconds = seconds
        self._count = 0
        self._waited = 0.0
        connection = getattr(raw, "connection", None)
        if connection is not None and connection.sock is not None:
            connection.sock.settimeout(seconds)

    def readable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def readinto(self, buffer: Any) -> int:
        """See `io.RawIOBase`. Raises `Unreachable`."""
        before = time.monotonic()
        with mapped(self._endpoint):
            piece = self._raw.read1(len(buffer))
            self._count += len(piece)
            self._waited += time.monotonic() - before
            if self._waited > 2 * self._seconds and self._count < self._waited * _SLOWEST:
                raise TimeoutError
        buffer[: len(piece)] = piece
        return len(piece)


@contextmanager
def mapped(endpoint: Endpoint) -> Iterator[None]:
    """Whatever goes wrong between here and the engine, as `Unreachable` with the address and the reason."""
    try:
        yield
    except InspectorError:
        raise
    except Exception as error:
        if isinstance(error, (OSError, ValueError, HTTPException)) or _is_the_sdks(error):
            raise unreachable(endpoint, error) from error
        raise


def _is_the_sdks(error: Exception) -> bool:
    """Whether it is an error of the SDK or of what that stands on, which are not there unless they were needed."""
    return type(error).__module__.partition(".")[0] in ("docker", "requests", "urllib3")


def _session(endpoint: Endpoint) -> tuple[Any, str]:
    """What sends requests to the address, and the beginning of all its URLs."""
    if endpoint.address.startswith("unix://"):
        return LocalSession(endpoint.address.removeprefix("unix://")), ""
    from inspector.engine.session import open_session  # the SDK takes 0.2 s to import

    return open_session(endpoint, CONNECT_SECONDS)


def path_segment(name: str) -> str:
    """A name as part of a URL's path, its slashes kept."""
    return quote(name.encode("utf-8", "surrogateescape"), safe="/:@")


def _quoted(value: str) -> str:
    return quote(value.encode("utf-8", "surrogateescape"), safe="/")
