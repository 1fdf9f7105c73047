"""What a person sees of work that takes longer than a second: one line, the same for every command."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from inspector.cli.output import is_terminal, printing, say
from inspector.escape import escape
from inspector.pipeline import Progress
from inspector.sizes import show_size

if TYPE_CHECKING:
    from rich.progress import Progress as Line
    from rich.progress import TaskID

PATIENCE = 1.0
"""Seconds of work before anything is shown."""
MANY = 8
"""Images from which their number tells how far the work is; of fewer, their bytes."""
_BAR = 12


class Told(Progress):
    """Print sentences only, without a bar."""

    def tell(self, sentence: str) -> None:
        """See `Progress`."""
        say(sentence)


class Display(Told):
    """Counts from any thread, and shows a line on standard error from the first count after `PATIENCE`.

    It is hidden while something else is printed. The caller closes it; nothing is left on the screen.
    """

    is_shown = True

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

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take the line away while something is printed."""
        with self._lock:
            if self._shown:
                self._shown[0].stop()
            try:
                yield
            finally:
                if self._shown:
                    self._shown[0].start()

    def changed(self) -> None:
        """See `Progress`."""
        now = time.monotonic()
        if not self.images:
            self._since = now
        if self._shown is None and now - self._begun < PATIENCE:
            return
        line, task = self._shown or _line()
        title, figures = fitted(*self.words(now), line.console.width)
        done, total = self.part()
        line.update(task, description=escape(title), completed=done, total=total or None, figures=figures)
        if self._shown is None:
            self._shown = line, task
            line.start()

    def part(self) -> tuple[float, float]:
        """Return how much of how much is done: images of many, else bytes where these are known."""
        if not self.images and not self.size:
            return self.opened, self.names if self.names > 1 else 0
        if self.size and self.images <= MANY and self.bytes < self.size:
            return self.bytes, self.size
        return self.done, self.images

    def words(self, now: float) -> tuple[str, str, list[str]]:
        """Return what is done, what is read now, and the figures: bytes, their rate, the time that is left."""
        span = max(now - (self._since if self.images else self._begun), 1e-3)
        rate = int(self.bytes / span)
        known = self.size >= self.bytes and self.size > 0
        figures = [f"{show_size(self.bytes)} of {show_size(self.size)}" if known else show_size(self.bytes)]
        figures += [f"{show_size(rate)}/s"] if self.bytes else []
        done, total = self.part()
        if self.images and 0 < done < total:
            figures.append(f"{timedelta(seconds=int(span * (total - done) / done))} left")
        else:
            figures.append(str(timedelta(seconds=int(now - self._begun))))
        if not self.images:
            return (f"{self.opened:,} of {self.names:,} opened" if self.names > 1 else "opening"), "", figures
        return f"{self.done:,} of {self.images:,} images", self.reading[0] if self.reading else "", figures


def fitted(title: str, name: str, figures: list[str], width: int) -> tuple[str, str]:
    """Return title and figures as they fit into a line of so many cells: the rate goes first, then the bytes."""
    room = width - _BAR - len("⠋ ") - 3
    while len(figures) > 1 and len(title) + len(", ".join(figures)) > room:
        figures = figures[:-2] + figures[-1:]
    told = ", ".join(figures)
    left = room - len(title) - len(told) - 1
    if not name or left < _BAR:
        return title, told
    return f"{title} {name if len(name) <= left else name[: left - 1] + '…'}", told


def _line() -> tuple[Line, TaskID]:
    """Make a line for standard error; stopping it takes it away."""
    from rich.console import Console  # heavy, and quick work shows nothing
    from rich.progress import BarColumn, SpinnerColumn, TextColumn
    from rich.progress import Progress as Line
    from rich.table import Column

    name = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    told = TextColumn("{task.fields[figures]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    line = Line(SpinnerColumn(), name, BarColumn(_BAR), told, console=Console(stderr=True), transient=True)
    return line, line.add_task("", total=None, figures="")


@contextmanager
def display(*, quiet: bool) -> Iterator[Progress | None]:
    """Make a display if a person may see it, for as long as the work lasts."""
    if quiet or not is_terminal(sys.stderr):
        yield None if quiet else Told()
        return
    shown = Display()
    try:
        with printing(shown.hidden):
            yield shown
    finally:
        shown.close()
