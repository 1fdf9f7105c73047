"""The stop token: tested by loops, waited on by pauses, and heard by what blocks in the system."""

from __future__ import annotations

import itertools
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from inspector.work.limits import DEFAULT_SECONDS, Limits

SLICE = 0.2
"""Seconds after which a wait looks around, where the system can't be made to end it."""

_numbers = itertools.count()


class Stopped(BaseException):
    """The work is stopped. Not an `Exception`: what turns errors into findings must let it pass."""


class Token:
    """A stop that reaches all descendants, and the limits of an image, which children inherit.

    From any thread. It takes no lock that an interrupted thread could hold, so that stopping always works.
    """

    def __init__(self, parent: Token | None = None, limits: Limits | None = None) -> None:
        self.parent = parent
        self.limits: Limits | None = limits or (parent.limits if parent else None)
        self.depth: int = parent.depth + 1 if parent else 0
        self.stopped_at = float("inf")
        self.root: Token = parent.root if parent else self
        self.flagged = False
        self._gate = threading.Lock()  # held until the stop: waiting is acquiring it
        self._gate.acquire()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._forget = parent.on_stop(self.stop) if parent else lambda: None

    @property
    def is_stopped(self) -> bool:
        """Whether `check` raises `Stopped`."""
        return self.flagged or self.root.flagged

    def flag(self) -> None:
        """Stop without waking anyone, all that a signal's handler may do; who waits looks soon."""
        self.flagged = True

    def stop(self) -> None:
        """Stop this token and its descendants: wake who waits, and shut down what blocks."""
        if self.stopped_at == float("inf"):
            self.stopped_at = time.monotonic()
            self.flagged = True
            with suppress(RuntimeError):
                self._gate.release()
        self.cut()

    def cut(self) -> None:
        """Call what `on_stop` was given, again where it was called before: a connection may just have been made."""
        for callback in list(self._callbacks.values()):
            with suppress(Exception):
                callback()

    def on_stop(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called on the stop, at once where that was; call what is returned to forget it."""
        number = next(_numbers)
        self._callbacks[number] = callback
        if self.is_stopped:
            callback()

        def forget() -> None:
            self._callbacks.pop(number, None)

        return forget

    def check(self) -> None:
        """Raise `Stopped` after a stop, and `LimitExceeded` where the image took more than it may."""
        if self.flagged or self.root.flagged:
            raise Stopped
        if self.limits is not None:
            self.limits.check()

    def wait(self, seconds: float) -> None:
        """Wait for `seconds`. Raises as `check`, as soon as that would."""
        until = time.monotonic() + seconds
        while True:
            self.check()
            left = until - time.monotonic()
            if left <= 0:
                return
            if self._gate.acquire(timeout=min(left, SLICE)):
                self._gate.release()

    def close(self) -> None:
        """Leave the parent, whose stop is of no concern any more, and forget what was to be called."""
        self._forget()
        self._callbacks.clear()

    @contextmanager
    def entered(self) -> Iterator[Token]:
        """Make this the current token of the thread."""
        outer = _here.token
        _settle()
        _here.token = self
        try:
            yield self
        finally:
            _settle()
            _here.token = outer


ROOT = Token()
"""The current token of every thread that was given no other one; the program's signals stop it."""


class _Here(threading.local):
    token: Token = ROOT
    mark: float = 0.0
    waits_since: float | None = None


_here = _Here()


def _settle() -> None:
    """Charge what this thread computed since the last time to the image that it reads, and leave out its waiting."""
    limits = _here.token.limits
    now = time.thread_time()
    if limits is not None:
        limits.compute(now - _here.mark)
        _leave_out(limits)
    _here.mark = now


def _leave_out(limits: Limits) -> None:
    if _here.waits_since is not None:
        now = time.monotonic()
        limits.waited(now - _here.waits_since)
        _here.waits_since = now


def current() -> Token:
    """Return the token of this thread."""
    return _here.token


def check() -> None:
    """Test the current token: see `Token.check`. Long loops do so every thousandth time."""
    token = _here.token
    if token.limits is not None:
        _settle()
    token.check()


def advance(count: int) -> None:
    """Count bytes that arrived for the image that is read, and test the current token."""
    limits = _here.token.limits
    if limits is not None:
        limits.advance(count)
    check()


def wait(seconds: float) -> None:
    """Pause, but no longer than until the stop: see `Token.wait`."""
    _here.token.wait(seconds)


@contextmanager
def on_stop(callback: Callable[[], None]) -> Iterator[None]:
    """Have `callback` called, from whichever thread, if the current token is stopped meanwhile."""
    forget = _here.token.on_stop(callback)
    try:
        yield
    finally:
        forget()


@contextmanager
def limited(seconds: float | None = None) -> Iterator[Token]:
    """Read one image: what is done meanwhile, side by side too, ends with `LimitExceeded` where it takes too long."""
    token = Token(_here.token, Limits(DEFAULT_SECONDS if seconds is None else seconds))
    try:
        with token.entered():
            yield token
    finally:
        token.close()


@contextmanager
def waiting() -> Iterator[None]:
    """Wait for what other images hold: those have limits of their own, so that the time does not count here."""
    outer, limits = _here.waits_since, _here.token.limits
    if limits is None or outer is not None:
        yield
        return
    _here.waits_since = time.monotonic()
    try:
        yield
    finally:
        _leave_out(limits)
        _here.waits_since = None


@contextmanager
def held(lock: threading.Lock) -> Iterator[None]:
    """Hold a lock that other images may hold for long. Raises as `check` while it waits."""
    with waiting():
        while not lock.acquire(timeout=SLICE):
            check()
    try:
        yield
    finally:
        lock.release()


def wait_readable(descriptor: int) -> None:
    """Wait until a pipe or terminal has bytes, or ends. Raises as `check`; returns at once where there is no `poll`."""
    if not hasattr(select, "poll"):
        return
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while not poll.poll(SLICE * 1000):
        check()
