"""Work side by side with a nursery's rule: when one fails or the caller leaves, all stop; then control returns."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Generic, Self, TypeVar

from inspector.work.cleanup import LONGEST, is_cleaning
from inspector.work.token import SLICE, Stopped, Token, current

GRACE = 0.5
"""Seconds that a stop waits for threads: one that the system holds for longer is left behind, and ends by itself."""
_INNER = 0.1  # by so much less do those within other work wait, so that those without see them end

T = TypeVar("T")
R = TypeVar("R")

_NAME = "inspector-work-"


def threads_left() -> bool:
    """Tell whether a thread was left behind that the system holds."""
    return any(thread.name.startswith(_NAME) for thread in threading.enumerate())


class SideBySide(Generic[R]):
    """Run an action on many items in at most `workers` threads; iterate over the results in the context.

    They come as they are done, or `in_order`. Leaving the context stops what still runs, and calls `stop`, perhaps
    more than once.

    Items are asked for by one thread at a time, and no more are taken in than results were taken out, but for one a
    thread and `ahead` more. The consumer's side uses queues of C alone: a signal can't leave one of those locked.
    """

    def __init__(
        self,
        action: Callable[[T], R],
        items: Iterable[T],
        workers: int,
        *,
        in_order: bool = False,
        ahead: int = 0,
        stop: Callable[[], None] | None = None,
    ) -> None:
        self._action: Callable[..., R] = action
        self._items: Iterator[object] = iter(items)
        self._taken = 0
        self._taking = threading.Lock()
        self._room: SimpleQueue[bool] = SimpleQueue()
        for _ in range(ahead):
            self._room.put(item=True)
        self._came: SimpleQueue[tuple[int, R] | BaseException | None] = SimpleQueue()
        self._early: dict[int, R] = {}
        self._next = 0
        self._in_order = in_order
        self._workers = min(workers, len(items)) if isinstance(items, Sized) else workers
        self._stop = stop
        self._running = 0
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._token = Token(current())
        for callback in (self._wake, self._stop):
            if callback is not None:
                self._token.on_stop(callback)
        try:
            self._start()
        except BaseException:
            self._leave(started=False)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def __iter__(self) -> Iterator[R]:
        while found := self.take(wait=True):
            yield from found

    @property
    def ended(self) -> bool:
        """Whether there is no further result."""
        return not self._running and not self._early

    def take(self, *, wait: bool) -> list[R]:
        """Return the next result alone; nothing where there is no further one, or, unless `wait`, none came yet.

        Raises what an action, or asking for items, raised.
        """
        while self._next not in self._early:
            if not self._running:
                return []
            try:
                item = self._came.get(wait, SLICE)
            except Empty:
                current().check()
                if not wait:
                    return []
                continue
            if isinstance(item, BaseException):
                try:
                    raise item
                finally:
                    del item  # its traceback holds this frame: what that refers to would wait for the collector
            if item is None:
                self._running -= 1
            else:
                self._early[item[0] if self._in_order else self._next] = item[1]
        found = self._early.pop(self._next)
        self._next += 1
        self._room.put(item=True)
        return [found]

    def _start(self) -> None:
        for number in range(self._workers):
            thread = threading.Thread(target=self._work, name=f"{_NAME}{number}", daemon=True)
            self._threads.append(thread)
            self._room.put(item=True)
            try:
                thread.start()
            except RuntimeError:  # the system allows no more threads
                self._threads.pop()
                if not self._threads:
                    raise
                return
            self._running += 1

    def _work(self) -> None:
        try:
            with self._token.entered():
                while self._room.get() and (taken := self._take_item()):
                    number, item = taken
                    self._came.put((number, self._action(item)))
        except BaseException as error:  # noqa: BLE001 - raised where the results are taken
            self._came.put(error)
            self._token.stop()
        finally:
            if self._token.is_stopped:
                self._close_items()
            self._came.put(None)
            self._room.put(item=True)  # threads that wait for room see that there is no further item

    def _take_item(self) -> tuple[int, object] | None:
        with self._taking:
            self._token.check()
            for item in self._items:
                number, self._taken = self._taken, self._taken + 1
                return number, item
        return None

    def _close_items(self) -> None:
        """Close a generator of items in the thread that it may have run in; it stops what it does in turn."""
        close = getattr(self._items, "close", None)
        if close is not None:
            with self._taking, suppress(Exception, Stopped):
                close()

    def _wake(self) -> None:
        for _ in self._threads:
            self._room.put(item=False)

    def _leave(self, *, started: bool = True) -> None:
        """Stop what runs, and wait until all threads ended, or only such are left that the system holds."""
        try:
            if started and not self._running:
                return
            self._token.stop()
            begun = time.monotonic()
            grace = max(GRACE - _INNER * self._token.depth, _INNER)
            while left := [thread for thread in self._threads if thread.is_alive()]:
                cleaning = is_cleaning({thread.ident for thread in left})
                if time.monotonic() - begun > (LONGEST if cleaning else grace):
                    return
                left[0].join(SLICE / 4)
                self._token.cut()
        finally:
            self._token.close()
