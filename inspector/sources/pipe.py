"""Bytes that come from another process: a named pipe, or standard input. Waiting for them can be stopped."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from inspector import work


class Pipe:
    """Reads what is there, as soon as there is any; a buffered reader would wait for the rest, deaf to a stop."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._handle = _handle(file)

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes; none at the end."""
        if self._handle is None:
            return self._file.read(size)
        while True:
            work.wait_readable(self._handle)
            try:
                return os.read(self._handle, size)
            except BlockingIOError:  # somebody else reads the same pipe
                work.wait(0.01)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file without buffer, and without waiting for who writes to it, where that is a named pipe."""
    with open(path, "rb", buffering=0, opener=_opener) as file:
        yield file


def _opener(path: str, flags: int) -> int:
    """Open a pipe at once on Linux, where `poll` then waits for a writer; elsewhere it would say that it ended."""
    waits = sys.platform == "linux" and stat.S_ISFIFO(Path(path).stat().st_mode)
    return os.open(path, flags | os.O_NONBLOCK if waits else flags)


def _handle(file: BinaryIO) -> int | None:
    """Return what to read from; None for bytes in memory."""
    try:
        return file.fileno()
    except OSError:
        return None
