"""The gate that readers take memory from: it lets bytes be taken, or makes the reader wait.

While all bytes together fit into `ROOM`, everyone goes on; past that, only the oldest image does, and the others wait
until it is done. So the process holds at most `ROOM` and what one image may hold, however much is read at once.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from inspector import work
from inspector.errors import LimitExceeded
from inspector.layers.frames import MAX_WINDOW, window_message

ROOM = 24 << 20
"""Bytes that are held of all images together before only the oldest one goes on."""
MAX_IMAGE = 80 << 20
"""Bytes that are held of one image: entries, names and the bytes of files."""

_TICK = 0.2  # seconds after which a waiting reader looks whether the run was stopped

Held = TypeVar("Held")


class Group:
    """What is read as one: an image's layers, an archive that is held (`parked`), or a layer of its own (`lone`)."""

    def __init__(self, *, most: int = 0, parked: bool = False, lone: bool = False) -> None:
        self.most = most or MAX_IMAGE
        self.parked = parked
        self.lone = lone
        self.held = 0
        self.helpers: list[Group] = []


class Gate:
    """Lets bytes be taken, or makes the reader wait."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._changed = threading.Condition(threading.RLock())  # finalizers give back in any thread, even in this lock
        self._reading: list[Group] = []
        self._large: dict[int, int] = {}  # windows beyond the room: bytes by thread
        self._loading = threading.Lock()
        self.used = 0
        self.parked = 0

    def enter(self, group: Group) -> None:
        """Begin to read for the group."""
        with self._changed:
            self._reading.append(group)

    def leave(self, group: Group) -> None:
        """End the group's reading; what it holds is given back later."""
        with self._changed:
            self._reading.remove(group)
            self._changed.notify_all()

    def take(self, group: Group, size: int) -> None:
        """Wait until `size` more bytes may be held. Raises `LimitExceeded` past what the group may hold in all."""
        self._wait(lambda: group.parked or self._may(group, size), lambda: self.add(group, size))

    def add(self, group: Group, size: int) -> None:
        """Hold so many bytes more, or fewer. Raises as `take`, and waits for nothing."""
        with self._changed:
            self._check(group, size)
            group.held += size
            self.used += size
            self.parked += size if group.parked else 0
            if size < 0:
                self._changed.notify_all()

    def count(self, group: Group, size: int) -> None:
        """Count bytes towards the group's bound that another one has taken. Raises as `take`."""
        with self._changed:
            self._check(group, size)
            group.held += size

    def alone(self, group: Group, action: Callable[[], Held]) -> Held:
        """Return what `action` returns, which takes bytes of unknown count: one at a time, and where there is room."""
        while True:
            self._wait(lambda: group.parked or self._may(group, 1), lambda: None)
            with self._loading:
                if group.parked or self._may(group, 1):
                    return action()

    @contextlib.contextmanager
    def window(self, group: Group, size: int) -> Iterator[None]:
        """Hold a decompressor's window. One that does not fit into the room is the only such, save in its own thread.

        Raises `LimitExceeded` where the thread's windows together pass `MAX_WINDOW`.
        """
        thread = threading.get_ident()
        if size + self._large.get(thread, 0) > MAX_WINDOW:
            raise LimitExceeded(window_message(size + self._large.get(thread, 0)))
        large = 0

        def open_window() -> None:
            nonlocal large
            large = 0 if self._fits(size) else size
            self._resize(thread, size, large)

        self._wait(lambda: self._fits(size) or self._may_large(group, thread), open_window)
        try:
            yield
        finally:
            with self._changed:
                self._resize(thread, -size, -large)
                self._changed.notify_all()

    @contextlib.contextmanager
    def helping(self, helper: Group, group: Group | None) -> Iterator[None]:
        """Let `group` go on wherever `helper` might, since that waits for it."""
        if group is None or group is helper:
            yield
            return
        with self._changed:
            group.helpers.append(helper)
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                group.helpers.remove(helper)

    def _wait(self, may: Callable[[], bool], then: Callable[[], None]) -> None:
        with work.waiting():
            while True:
                with self._changed:
                    if self._changed.wait_for(may, _TICK):
                        then()
                        return
                work.check()

    def _resize(self, thread: int, size: int, large: int) -> None:
        self.used += size
        self._large[thread] = self._large.get(thread, 0) + large
        if not self._large[thread]:
            del self._large[thread]

    def _check(self, group: Group, size: int) -> None:
        if size <= 0:
            return
        if group.parked and self.parked + size > group.most:
            raise LimitExceeded(
                f"too many files to hold at once: layers of packed archives take more than {group.most} bytes of "
                "memory; write the archive unpacked to a file, or name fewer in one run"
            )
        if group.held + size > group.most:
            raise LimitExceeded(
                f"the names and metadata in its layers take more than {group.most} bytes of memory to hold; "
                "an image with fewer files can be read"
            )

    def _fits(self, size: int) -> bool:
        return self.used + size <= self._room

    def _may(self, group: Group, size: int) -> bool:
        # A reader with a large window gives it back only by going on.
        return self._fits(size) or self._leads(group) or threading.get_ident() in self._large

    def _may_large(self, group: Group, thread: int) -> bool:
        return self._leads(group) and not self._large.keys() - {thread}

    def _leads(self, group: Group) -> bool:
        """Tell whether the group, or one that waits for it, is the oldest; images come before layers of their own."""
        first = next((one for one in self._reading if not one.lone), None) or next(iter(self._reading), None)
        return first is None or first is group or first in group.helpers
