"""What a person sees of work that takes longer than a second."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from inspector.cli.output import is_terminal
from inspector.report.escape import escape

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

PATIENCE = 1.0
"""Seconds of work before anything is shown."""


class Closing(Protocol):
    """Whatever is shown, and taken away at the end."""

    def close(self) -> None:
        """Take it away."""


Shown = TypeVar("Shown", bound=Closing)


class Display:
    """Counts from any thread, and shows a line on standard error from the first count after `PATIENCE`.

    `audit.Progress` as a terminal has it. Whoever made it closes it; nothing is left on the screen.
    """

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        self._reading: list[str] = []
        self._done = 0
        self._bytes = 0
        self._shown: tuple[Progress, TaskID] | None = None

    def started(self, name: str) -> None:
        """See `audit.Progress`."""
        with self._lock:
            self._reading.append(name)
            self._show()

    def advanced(self, count: int) -> None:
        """See `audit.Progress`."""
        with self._lock:
            self._bytes += count
            self._show()

    def finished(self, name: str) -> None:
        """See `audit.Progress`."""
        with self._lock:
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
        if self._shown is None:
            if time.monotonic() - self._begun < PATIENCE:
                return
            self._shown = _start(self._description())
        progress, task = self._shown
        progress.update(task, description=self._description())

    def _description(self) -> str:
        from inspector.sizes import show_size  # quick work shows nothing

        done = f"{self._done} done, " if self._done else ""
        doing = f"reading {self._reading[0]}" if self._reading else "opening"
        return escape(f"{done}{doing} ({show_size(self._bytes)})")


def _start(description: str) -> tuple[Progress, TaskID]:
    from rich.progress import SpinnerColumn, TimeElapsedColumn  # heavy, and quick work shows nothing

    return start_line(description, (SpinnerColumn(),), (TimeElapsedColumn(),))


def start_line(
    description: str, before: Iterable[ProgressColumn], after: Iterable[ProgressColumn], **fields: Any
) -> tuple[Progress, TaskID]:
    """A line on standard error with the description between the columns; stopping it takes it away."""
    from rich.console import Console
    from rich.progress import Progress, TextColumn
    from rich.table import Column

    name = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    progress = Progress(*before, name, *after, console=Console(stderr=True), transient=True)
    task = progress.add_task(description, total=None, **fields)
    progress.start()
    return progress, task


@contextmanager
def shown_to_a_person(make: Callable[[], Shown], *, quiet: bool) -> Iterator[Shown | None]:
    """What `make` gives, if a person may see it, for as long as the work lasts; then it is closed."""
    shown = None if quiet or not is_terminal(sys.stderr) else make()
    try:
        yield shown
    finally:
        if shown is not None:
            shown.close()


def display(*, quiet: bool) -> AbstractContextManager[Display | None]:
    """A display if a person may see it, for as long as the work lasts."""
    return shown_to_a_person(Display, quiet=quiet)
