"""What a person sees of work that takes longer than a second: one line, the same for every command."""

from __future__ import annotations

import sys
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
        super().__init__()
        self._begun = self._since = time.monotonic()
        self._shown: tuple[Line, TaskID] | None = None

    def close(self) -> None:
        """Take the line away."""
        with self._lock:
            if self._shown:
                self._shown[0].stop()
                self._shown = None
            self._begun = float("inf")

    def changed(self) -> None:
        """See `Progress`."""
        now = time.monotonic()
        if not self.images:
            self._since = now
        if self._shown is None and now - self._begun < PATIENCE:
            return
        title, done, total, figures = self._state()
        self._shown = self._shown or _start(title, figures)
        line, task = self._shown
        line.update(task, description=title, completed=done, total=total or None, figures=figures)

    def _state(self) -> tuple[str, int, int, str]:
        """Return the title, how much of how much is done, and that in words."""
        size = show_size(self.bytes)
        if not self.images:
            return "opening", self.opened, self.names, f"{self.opened:,}/{self.names:,}, {size}"
        rate = self.bytes / max(time.monotonic() - self._since, 1e-3)
        reading = f" reading {self.reading[0]}" if self.reading else ""
        title = escape(f"{self.done:,} of {self.images:,} images{reading}")
        if not self.size:
            return title, self.done, self.images, f"{size}, {show_size(int(rate))}/s"
        left = timedelta(seconds=int((self.size - self.bytes) / rate)) if 0 < self.bytes <= self.size else "?"
        figures = f"{size} of {show_size(self.size)}, {show_size(int(rate))}/s, {left} left"
        return title, self.bytes, self.size, figures


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
