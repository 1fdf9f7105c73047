"""One HTTP/1.1 exchange over a socket of any kind: the request in bytes, the head of the answer, its body in pieces.

`http.client` brings `ssl` and the parser of e-mails, which takes as long as a whole check of an image that is known.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, overload

from inspector.http.failures import IncompleteRead, LineTooLong, NotHttp, StillToCome, TooManyLines
from inspector.http.timed import TimedReader

MAX_INFORMATIONAL = 5
"""Answers 1xx that may come before the one that counts, as Go's client has it."""
MAX_TRAILERS = 100
"""Lines behind the last chunk of a body."""
MAX_HEADERS = 100
_MAX_LINE = 65536
_LINE_END = r"\r\n|\r|\n"
_NAME = r"[!-9;-~]+"
_STATUS = r"(HTTP/[0-9.]+)[ \t]+([1-9][0-9]{2})(?:[ \t]+.*)?"
_CHUNK = rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*)?\r?\n"


def request_in_bytes(method: str, target: str, host: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """Write a request; `host` is named with its port where that is needed. Raises `ValueError`."""
    if not re.fullmatch(r"[!-~]+", target):
        raise ValueError("a path with spaces, control characters or others than ASCII's")
    if not host.isascii():
        host = host.encode("idna").decode()
    own = {"Host": host, "Accept-Encoding": "identity"}
    if body is not None or method in ("PATCH", "POST", "PUT"):
        own["Content-Length"] = str(len(body or b""))
    given = {name.lower() for name in headers}
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in (*((name, own[name]) for name in own if name.lower() not in given), *headers.items()):
        if not re.fullmatch(r"[!#-'*+.0-9A-Z^-z|~-]+", name) or re.search(r"[\r\n]", value):
            raise ValueError(f"an invalid header {name[:40]!a}")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("iso-8859-1") + (body or b"")


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


class Head:
    """The head of an answer, and then its body. The caller closes it.

    The 1xx before it, `103 Early Hints` too, are passed over, but not without end. `length` is what is left of a body
    whose length is stated; None for one in chunks, or that ends with the connection, which then `will_close`.
    """

    def __init__(self, one: Any, method: str) -> None:
        self._stream = io.BufferedReader(TimedReader(one))
        self._method = method
        self._chunk: int | None = None  # what is left of the chunk that is read; None before the first
        self.is_done = False

    def begin(self) -> None:
        """Read the head. Raises `OSError`, `NotHttp`."""
        version, self.status = self._counting()
        self.headers = Headers(_read_headers(self._stream))
        self._chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        self.length = None if self._chunked else _length(self.headers.get("Content-Length", ""))
        if self.status in (204, 304) or self.status < 200 or self._method == "HEAD":
            self.length = 0
        self.will_close = _closes(version, self.headers) or (not self._chunked and self.length is None)

    def _counting(self) -> tuple[str, int]:
        """Return version and status of the answer that counts."""
        for _ in range(MAX_INFORMATIONAL + 1):
            line = _line(self._stream)
            if not line:
                raise ConnectionResetError
            found = re.fullmatch(_STATUS, line.decode("iso-8859-1").rstrip("\r\n"))
            if found is None or not found[1].startswith(("HTTP/1.", "HTTP/0.9")):
                raise NotHttp
            if (status := int(found[2])) == 101 or status >= 200:
                return found[1], status
            _read_headers(self._stream)
        raise StillToCome

    def read1(self, count: int) -> bytes:
        """Return the next bytes, at most so many, as soon as there are any. Raises `IncompleteRead`."""
        if self.is_done or self._method == "HEAD" or (self._chunked and not self._next_chunk()):
            return b""
        left = self._chunk if self._chunked else self.length
        piece = self._stream.read1(count if left is None else min(count, left))
        if left is None:
            self.is_done = not piece
        elif left and not piece:
            raise IncompleteRead
        elif self._chunked:
            self._chunk = left - len(piece)
        else:
            self.length = left - len(piece)
        return piece

    def _next_chunk(self) -> bool:
        """Go on to the next chunk where one was read whole; tell whether there is one."""
        if self._chunk == 0 and self._stream.read(2) != b"\r\n":
            raise IncompleteRead
        if not self._chunk:
            found = re.fullmatch(_CHUNK, _line(self._stream))
            if found is None:
                raise IncompleteRead
            self._chunk = int(found[1], 16)
            if not self._chunk:
                self._pass_over_trailers()
                self.is_done = True
        return not self.is_done

    def _pass_over_trailers(self) -> None:
        """Read the lines behind the last chunk, as many as the head may have."""
        for _ in range(MAX_TRAILERS):
            if self._stream.readline(_MAX_LINE) in (b"\r\n", b"\n", b""):
                return
        raise TooManyLines

    def close(self) -> None:
        """Read no further; the connection stays."""
        self.is_done = True
        self._stream.close()


def _closes(version: str, headers: Headers) -> bool:
    """Tell whether the server closes the connection behind its answer (RFC 9112, section 9.3)."""
    said = headers.get("Connection", "").lower()
    if version in ("HTTP/1.0", "HTTP/0.9"):
        return "keep-alive" not in said and not headers.get("Keep-Alive")
    return "close" in said


def _line(stream: io.BufferedIOBase) -> bytes:
    line = stream.readline(_MAX_LINE + 1)
    if len(line) > _MAX_LINE:
        raise LineTooLong
    return line


def _read_headers(stream: io.BufferedIOBase) -> str:
    """Read a head up to its empty line. Raises `LineTooLong`, `TooManyLines`."""
    lines: list[bytes] = []
    while (line := _line(stream)) not in (b"\r\n", b"\n", b""):
        lines.append(line)
        if len(lines) > MAX_HEADERS:
            raise TooManyLines
    return b"".join(lines).decode("iso-8859-1")


def _length(text: str) -> int | None:
    """Return the length that is stated; None for what `int` does not read, as `http.client` has it."""
    try:
        length = int(text)
    except ValueError:
        return None
    return length if length >= 0 else None
