"""Ways to a server that begin on this machine: a socket, and a program such as `ssh`."""

from __future__ import annotations

import os
import socket
import time
from typing import Any

from inspector.http.connections import Route
from inspector.http.failures import Explained
from inspector.http.timed import connected

_LAST_SECONDS = 0.2


class Unix(Route, frozen=True):
    """To a socket of this machine."""

    path: str = ""

    def open(self, seconds: float) -> socket.socket:
        """See `Route`."""
        return connected(socket.AF_UNIX, socket.SOCK_STREAM, 0, self.path, seconds)


class Program(Route, frozen=True):
    """To whatever a program joins its standard input and output to."""

    words: tuple[str, ...] = ()

    def open(self, seconds: float) -> socket.socket:
        """See `Route`."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            joined = _Joined(self.words, theirs, ours.detach())
        joined.settimeout(seconds)
        return joined


class _Joined(socket.socket):
    """Our end of a pair of sockets, whose other end is a program's input and output."""

    def __init__(self, words: tuple[str, ...], theirs: socket.socket, ours: int) -> None:
        import subprocess  # 5 ms, and few engines are asked by a program
        import tempfile

        super().__init__(fileno=ours)
        self._name = words[0]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the socket
        ends: dict[str, Any] = {"stdin": theirs, "stdout": theirs, "stderr": self._errors}
        try:  # in a session of its own: what is typed here, Ctrl-C included, is not for it
            self._program = subprocess.Popen(words, **ends, start_new_session=True)  # noqa: S603 - words of ours
        except OSError as error:
            self._errors.close()
            super().close()
            absent = isinstance(error, FileNotFoundError)
            raise Explained(f"there is no {self._name} program" if absent else error.strerror) from error

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        """See `socket.recv_into`. Raises `Explained` with the program's words where it ends."""
        count = 0
        try:
            count = super().recv_into(*arguments, **named)
        finally:
            if not count:
                self._check()
        return count

    def sendall(self, *arguments: Any, **named: Any) -> None:
        """See `recv_into`."""
        try:
            super().sendall(*arguments, **named)
        except ConnectionError:
            self._check()
            raise

    def close(self) -> None:
        """Close it, and end the program, which has nothing left to do."""
        super().close()
        if self._errors.closed:
            return
        self._errors.close()
        if self._ended() is None:
            self._program.terminate()
            self._program.wait()

    def _check(self) -> None:
        """Raise `Explained` where the program has failed, with the last of what it said."""
        if self._ended():
            said = b"" if self._errors.closed else os.pread(self._errors.fileno(), 2000, 0)
            words = " ".join(said.decode("utf-8", "replace").split())[-300:]
            raise Explained(f"{self._name} ends: {words or 'without a word'}")

    def _ended(self) -> int | None:
        """Return the program's exit code; None where it goes on."""
        until = time.monotonic() + _LAST_SECONDS
        while (code := self._program.poll()) is None and time.monotonic() < until:
            time.sleep(_LAST_SECONDS / 20)
        return code
