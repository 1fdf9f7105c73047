"""What must be put right before the program ends, and signals that wait until it is."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from inspector.work.token import ROOT, SLICE, Token

LONGEST = 10.0
"""Seconds that the end of the program waits for what is cleaned up: an engine may be busy, or hang."""

_pending: dict[object, int] = {}
_shields: dict[Token, tuple[int, float]] = {}
_signals: list[int] = []
_deferred: list[int] = []


@contextmanager
def cleanup_pending() -> Iterator[None]:
    """Hold something that outlives the program unless it is removed: its end waits until this is left."""
    key = object()
    _pending[key] = threading.get_ident()
    try:
        yield
    finally:
        del _pending[key]


@contextmanager
def shielded(seconds: float = LONGEST) -> Iterator[None]:
    """Clean up, or make what must be cleaned up: no stop breaks in, and the first signal waits until this is left.

    From the signal on it has so many `seconds`; then its requests break off.
    """
    token = Token()
    try:
        with cleanup_pending(), token.entered():
            _shields[token] = (threading.get_ident(), seconds)
            try:
                yield
            finally:
                del _shields[token]
    finally:
        if _deferred and threading.current_thread() is threading.main_thread() and not _is_shielded():
            raise interruption(_deferred.pop())


def expire(waited: float) -> None:
    """Break off what is shielded, where the signal came longer ago than that may take."""
    for token, (_, seconds) in list(_shields.items()):
        if waited > seconds:
            token.stop()


def interrupt(number: int) -> None:
    """Take a signal, in the handler that the main thread runs: stop the program's work, and raise what ends it.

    While the main thread is shielded, the first signal only stops what is done elsewhere.
    """
    first = not _signals
    _signals.append(number)
    ROOT.flag()
    if first and _is_shielded():
        _deferred.append(number)
        return
    raise interruption(number)


def interruption(number: int) -> BaseException:
    """Return what ends the program after a signal."""
    return KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)


def interrupted_by() -> int | None:
    """Return the first signal that came; None where none did."""
    return _signals[0] if _signals else None


def is_cleaning(threads: set[int | None] | None = None) -> bool:
    """Tell whether any thread, or one of `threads` by identity, still has something to clean up."""
    return bool(_pending) if threads is None else any(each in threads for each in list(_pending.values()))


def wait_for_cleanup() -> None:
    """Wait for threads that clean up, within bounds: they would end with the program."""
    until = time.monotonic() + LONGEST
    while _pending and time.monotonic() < until:
        time.sleep(SLICE / 10)


def _is_shielded() -> bool:
    return any(thread == threading.get_ident() for thread, _ in list(_shields.values()))
