"""A blob as a stream that survives a lost connection: what was had is not had again."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing

from inspector import work
from inspector.errors import Malformed, Unreachable
from inspector.http.bodies import pieces
from inspector.http.connections import Response
from inspector.http.pacing import Pacing

_WORTH = 1 << 20
"""Bytes that an attempt must bring to count as progress: a connection that is cut at every byte ends in an error."""
_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", re.ASCII)


def read_part(reply: Response, start: int, end: int, size: int, where: str) -> bytes | None:
    """Return the bytes asked for, `end` not included, of a blob of `size`; None where the whole is sent in their place.

    Raises `Malformed` for other bytes or fewer, `Unreachable`.
    """
    with closing(reply):
        if reply.status == 200:
            return None
        found = _RANGE.fullmatch(reply.header("Content-Range").strip())
        wanted = found is not None and (int(found[1]), int(found[2]) + 1) == (start, end)
        if reply.status != 206 or found is None or not wanted or found[3] not in ("*", str(size)):
            raise Malformed(f"{where}: asked for bytes {start} to {end}, the registry sends another part")
        content = bytearray()
        for piece in pieces(reply, where):
            content += piece
            if len(content) > end - start:
                break
    if len(content) != end - start:
        raise Malformed(f"{where}: asked for bytes {start} to {end}, the registry sends {len(content)} bytes")
    return bytes(content)


class BlobStream:
    """The bytes of one blob of known size. `open_at` asks for those from an offset on."""

    def __init__(self, open_at: Callable[[int], Response], pacing: Pacing, where: str, size: int) -> None:
        self._open_at = open_at
        self._pacing = pacing
        self._where = where
        self._size = size
        self._got = 0
        self._waited = 0.0

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes in order. Raises `Unreachable` where the rest can't be had, `Malformed` for other bytes.

        A connection that is lost is made again, also one that is too slow after it brought much; attempts that bring
        little have the time of one.
        """
        failures = 0
        while self._got < self._size:
            before = self._got
            broken = Unreachable(f"{self._where}: ends at byte {self._got}")
            try:
                with closing(self._attempt()) as attempt:
                    while piece := self._next(attempt):
                        yield piece
            except Unreachable as error:
                broken = error
            if self._got >= self._size:
                return
            is_worth = self._got - before >= _WORTH
            failures, self._waited = (1, 0.0) if is_worth else (failures + 1, self._waited)
            if failures > self._pacing.patience.retries or self._waited >= self._pacing.patience.answer:
                came = f"{self._got} of {self._size} bytes came"
                raise Unreachable(f"{broken}; {came}, and {failures} attempts brought no more")
            work.wait(self._pacing.backoff(failures))

    def _next(self, attempt: Iterator[bytes]) -> bytes:
        """Return the next bytes, none at the end; what using them takes is not counted as waiting."""
        began = time.monotonic()
        try:
            return next(attempt, b"")
        finally:
            self._waited += time.monotonic() - began

    def _attempt(self) -> Generator[bytes]:
        with closing(self._open_at(self._got)) as reply:
            to_skip = self._check(reply)
            for piece in pieces(reply, self._where):
                fresh, to_skip = piece[to_skip:], max(to_skip - len(piece), 0)
                self._got += len(fresh)
                if self._got > self._size:
                    raise self._wrong(f"more than {self._size} bytes come")
                if fresh:
                    yield fresh

    def _check(self, reply: Response) -> int:
        """Count the bytes to be passed over: all that we have, where the answer ignores what was asked for."""
        if reply.status == 206 and self._got:
            found = _RANGE.fullmatch(reply.header("Content-Range").strip())
            if found is None or int(found[1]) != self._got or found[3] not in ("*", str(self._size)):
                raise self._wrong(f"asked from byte {self._got} on, the registry sends another part")
            return 0
        if reply.status != 200:
            raise self._wrong(f"the registry answers {reply.status} to a request from byte {self._got} on")
        stated = reply.header("Content-Length").strip()
        if stated.isascii() and stated.isdigit() and stated.lstrip("0") != str(self._size):
            raise self._wrong(f"the registry sends {stated[:20]}")
        return self._got

    def _wrong(self, what: str) -> Malformed:
        return Malformed(f"{self._where}: {what}, where its manifest states {self._size} bytes")
