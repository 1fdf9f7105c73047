"""Work aside: a copy of this process computes something, while this one goes on.

Python's threads take turns on one processor; two processes don't. The copy knows all that was read and imported, and
its answers come as bytes. It is a shortcut and no more: where it fails, whoever asked does the work.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from inspector.work.token import wait_readable

if sys.platform == "linux":
    import fcntl

WATCHER = "inspector-signals"
"""The name of the thread that waits for signals and holds nothing: a process can be copied beside it."""
_SIGNALS = {signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP, signal.SIGIO] if sys.platform == "linux" else [])}
_AHEAD = 1 << 20
_OF_SIZE = 8  # bytes that state an answer's size


class Aside:
    """The copy at work: the pipe that its answers come through, and the one whose end ends it."""

    def __init__(self, pid: int, answers: int, lifeline: int) -> None:
        self._pid = pid
        self._answers = answers
        self._lifeline = lifeline

    def take(self) -> bytes | None:
        """Return the next answer, waiting for it; None where the copy failed, or has no more. Raises as `check`."""
        size = self._read(_OF_SIZE)
        answer = self._read(int.from_bytes(size)) if size else b""
        return answer or None

    def _read(self, size: int) -> bytes:
        """Return so many bytes; none where the copy ended before."""
        found = bytearray()
        while self._pid and len(found) < size:
            wait_readable(self._answers)
            chunk = os.read(self._answers, size - len(found))
            if not chunk:
                self.close()
            found += chunk
        return bytes(found) if len(found) == size else b""

    def close(self) -> None:
        """End the copy, whatever it does."""
        pid, self._pid = self._pid, 0
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.close(self._answers)
            os.close(self._lifeline)
            os.waitpid(pid, 0)


def aside(action: Callable[[], Iterator[bytes]]) -> Aside | None:
    """Have a copy of this process call `action`, for one answer after the other, none of them empty.

    It must leave alone what both processes have: open files, streams, databases. None where that is no gain or not
    safe: on one processor, beside threads whose locks the copy would find locked for ever, or on systems other than
    Linux, whose libraries don't bear it.
    """
    if not _may_copy():
        return None
    answers, alive = os.pipe(), os.pipe()
    _widen(answers[1])
    with _signals_held(), warnings.catch_warnings():
        try:
            warnings.simplefilter("ignore", DeprecationWarning)  # of any thread beside, from Python 3.12 on
            pid = os.fork()
        except OSError:  # the system allows no more processes
            for descriptor in (*answers, *alive):
                os.close(descriptor)
            return None
        if not pid:
            os.close(alive[1])
            _answer(action, answers[1], alive[0])
    os.close(answers[1])
    os.close(alive[0])
    return Aside(pid, answers[0], alive[1])


def _may_copy() -> bool:
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        return False
    here = threading.current_thread()
    return all(thread is here or thread.name == WATCHER for thread in threading.enumerate())


def _widen(pipe: int) -> None:
    """Let the copy be ahead by so many bytes: it waits where a pipe is full."""
    with suppress(OSError):  # the system allows less
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _AHEAD)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Hold signals back: the copy may take none by the handlers of this process, which tell its watcher."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _answer(action: Callable[[], Iterator[bytes]], descriptor: int, alive: int) -> NoReturn:
    """Write the answers and end; in the copy, which never returns to what this process was doing."""
    try:
        _die_with(alive)
        with open(descriptor, "wb") as pipe:
            for answer in action():
                pipe.write(len(answer).to_bytes(_OF_SIZE) + answer)
                pipe.flush()
    finally:
        os._exit(0)


def _die_with(alive: int) -> None:
    """Have the system end this process by a signal, also where the other one ends: `alive` is then at its end."""
    signal.set_wakeup_fd(-1)
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    fcntl.fcntl(alive, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(alive, fcntl.F_SETFL, os.O_ASYNC)
    if select.select([alive], [], [], 0)[0]:  # it ended before
        os._exit(1)
