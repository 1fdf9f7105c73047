"""What a person sees of work that takes longer than a second: one line, the same for every command."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from inspector.cli.output import is_terminal
from inspector.pipeline import Progress
from inspector.report.escape import escape
from inspector.sizes import show_size

if TYPE_CHECKING:
    from rich.progress import Progress as Line
    from rich.progress import TaskID

PATIENCE = 1.0
"""Seconds of work before anything is shown."""


class Display(Progress):
    """Counts from any thread, and shows a line on standard error from the first count after `PATIENCE`.

    The caller closes it; nothing is left on the screen.
    """

    def __init__(self) -> None:
        self._begun = self._since = time.monotonic()
        self._lock = threading.Lock()
        self._shown: tuple[Line, TaskID] | None = None
        self._reading: list[str] = []
        self._names = self._opened = self._images = self._done = self._size = self._bytes = 0

    def expected(self, count: int) -> None:
        """See `Progress`."""
        with self._lock:
            self._names += count
            self._show()

    def opened(self) -> None:
        """See `Progress`."""
        with self._lock:
            self._opened += 1
            self._show()

    def planned(self, images: int, size: int = 0) -> None:
        """See `Progress`."""
        with self._lock:
            if not self._images:
                self._since, self._bytes = time.monotonic(), 0
                if self._shown:
                    self._shown[0].reset(self._shown[1])
            self._images += images
            self._size += size
            self._show()

    def started(self, name: str) -> None:
        """See `Progress`."""
        with self._lock:
            self._reading.append(name)
            self._show()

    def advanced(self, count: int) -> None:
        """See `Progress`."""
        with self._lock:
            self._bytes += count
            self._show()

    def finished(self, name: str) -> None:
        """See `Progress`."""
        with self._lock:
            if name in self._reading:
                self._reading.remove(name)
            self._done += 1
            self._show()

    def close(self) -> None:
        """Take the line away."""
        with self._lock:
            if self._shown:
                self._shown[0].stop()
                self._shown = None
            self._begun = float("inf")

    def _show(self) -> None:
        if self._shown is None and time.monotonic() - self._begun < PATIENCE:
            return
        title, done, total, figures = self._state()
        self._shown = self._shown or _start(title, figures)
        line, task = self._shown
        line.update(task, description=title, completed=done, total=total or None, figures=figures)

    def _state(self) -> tuple[str, int, int, str]:
        """Return the title, how much of how much is done, and that in words."""
        seconds = max(time.monotonic() - self._since, 1e-3)
        size = show_size(self._bytes)
        if not self._images:
            return "opening", self._opened, self._names, f"{self._opened:,}/{self._names:,}, {size}"
        reading = f" reading {self._reading[0]}" if self._reading else ""
        title = escape(f"{self._done:,} of {self._images:,} images{reading}")
        if self._size:
            rate = self._bytes / seconds
            left = timedelta(seconds=int((self._size - self._bytes) / rate)) if 0 < self._bytes <= self._size else "?"
            figures = f"{size} of {show_size(self._size)}, {show_size(int(rate))}/s, {left} left"
            return title, self._bytes, self._size, figures
        return title, self._done, self._images, size if self._bytes else f"{self._done / seconds:,.0f}/s"


def _start(title: str, figures: str) -> tuple[Line, TaskID]:
    """Show a line on standard error; stopping it takes it away."""
    from rich.console import Console  # heavy, and quick work shows nothing
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Line
    from rich.table import Column

    name = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    told = TextColumn("{task.fields[figures]}", markup=False)
    columns = (SpinnerColumn(), name, BarColumn(12), told, TimeElapsedColumn())
    line = Line(*columns, console=Console(stderr=True), transient=True)
    task = line.add_task(title, total=None, figures=figures)
    line.start()
    return line, task


@contextmanager
def display(*, quiet: bool) -> Iterator[Display | None]:
    """Make a display if a person may see it, for as long as the work lasts."""
    shown = None if quiet or not is_terminal(sys.stderr) else Display()
    try:
        yield shown
    finally:
        if shown is not None:
            shown.close()
