"""Bounded work and one way to stop it: the token that every wait, meter and reader tests, and work side by side.

A loop over input calls `check()`, a reader `advance(count)`, a pause `wait(seconds)`. What blocks in the system is
given to `on_stop`, which shuts it down from outside. Each thread has a current token, a child of the one that began
its work; when a token is stopped, so are all that descend from it.
"""

from __future__ import annotations

from inspector.work.budget import Bounds, Budget, stated_bounds
from inspector.work.cleanup import (
    LONGEST,
    cleanup_pending,
    expire,
    interrupt,
    interrupted_by,
    is_cleaning,
    shielded,
    wait_for_cleanup,
)
from inspector.work.copies import WATCHER, Aside, aside
from inspector.work.limits import DEFAULT_SECONDS, Limits
from inspector.work.nursery import SideBySide, threads_left
from inspector.work.token import (
    ROOT,
    Stopped,
    Token,
    advance,
    check,
    current,
    held,
    limited,
    on_stop,
    wait,
    wait_readable,
    waiting,
)

__all__ = [
    "DEFAULT_SECONDS",
    "LONGEST",
    "ROOT",
    "WATCHER",
    "Aside",
    "Bounds",
    "Budget",
    "Limits",
    "SideBySide",
    "Stopped",
    "Token",
    "advance",
    "aside",
    "check",
    "cleanup_pending",
    "current",
    "expire",
    "held",
    "interrupt",
    "interrupted_by",
    "is_cleaning",
    "limited",
    "on_stop",
    "shielded",
    "stated_bounds",
    "threads_left",
    "wait",
    "wait_for_cleanup",
    "wait_readable",
    "waiting",
]
