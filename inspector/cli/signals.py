"""The end by a signal: within a second, whatever is read, with nothing left behind."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import NoReturn

from inspector import work

PATIENCE = 0.7
"""Seconds in which the main thread may end by itself, once nothing is left to be cleaned up."""
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
_DEFAULTS = (signal.SIG_DFL, signal.default_int_handler)


def obey() -> None:
    """Stop the program's work on SIGINT, SIGTERM and SIGHUP, but for those that are ignored, as in the background."""
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    for number in numbers:
        if signal.getsignal(number) in _DEFAULTS:
            signal.signal(number, _stop)
    sys.unraisablehook = _unraisable
    if os.name == "posix":
        _watch()


def exit_code() -> int:
    """Return 128 and the number of the signal that stopped the work."""
    return 128 + (work.interrupted_by() or signal.SIGINT)


def _stop(number: int, _: object) -> None:
    work.interrupt(number)


def _unraisable(lost: sys.UnraisableHookArgs) -> None:
    """Say nothing of a signal that came during a finalizer, which can't raise it: its flag ends the work."""
    if work.interrupted_by() is None or not isinstance(lost.exc_value, (KeyboardInterrupt, SystemExit)):
        sys.__unraisablehook__(lost)


def _watch() -> None:
    """Have a thread see each signal: the system may hold the main one, as where it looks up a host's name."""
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
    threading.Thread(target=_end, args=(reads,), name=work.WATCHER, daemon=True).start()


def _end(reads: int) -> NoReturn:
    """End the program where the main thread doesn't, once nothing is left to be cleaned up."""
    while signal.getsignal(number := os.read(reads, 1)[0]) is not _stop:
        pass  # who listens for notifications takes signals differently
    begun = idle = time.monotonic()
    while (now := time.monotonic()) < min(idle + PATIENCE, begun + work.LONGEST):
        work.expire(now - begun)
        idle = now if work.is_cleaning() else idle
        time.sleep(0.05)
    os._exit(128 + number)
