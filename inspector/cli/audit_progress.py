"""What a person sees of an audit while it runs: how far it is, at what rate, and how long it takes still."""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from inspector.cli.progress import PATIENCE, shown_to_a_person, start_line
from inspector.report.escape import escape

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from inspector.policy.audited import Planned


class AuditDisplay:
    """`audit.Watch` as a terminal has it: a bar on standard error, first of tags, then of bytes and images."""

    def __init__(self) -> None:
        self._begun = self._since = time.monotonic()
        self._lock = threading.Lock()
        self._shown: tuple[Progress, TaskID] | None = None
        self._title = "asking for tags"
        self._done = 0
        self._total = 0
        self._images = (0, 0)
        self._unit = "tags"

    def listed(self, count: int) -> None:
        """See `audit.Watch`."""
        with self._lock:
            self._total += count
            self._show()

    def opened(self) -> None:
        """See `audit.Watch`."""
        self.advanced(1)

    def planned(self, plan: Planned) -> None:
        """See `audit.Watch`."""
        with self._lock:
            self._images = (0, plan.images)
            self._since = time.monotonic()
            self._unit = "bytes" if plan.bytes_to_fetch else "images"
            self._done, self._total = 0, plan.bytes_to_fetch or plan.images
            self._title = self._told()
            if self._shown:
                self._shown[0].stop()
                self._shown = None
            self._show()

    def advanced(self, count: int) -> None:
        """See `audit.Watch`."""
        with self._lock:
            self._done += count
            self._show()

    def judged(self, name: str) -> None:
        """See `audit.Watch`."""
        with self._lock:
            self._images = (self._images[0] + 1, self._images[1])
            self._title = self._told(name)
            if self._unit == "images":
                self._done += 1
            self._show()

    def close(self) -> None:
        """Take the line away."""
        with self._lock:
            if self._shown:
                self._shown[0].stop()
                self._shown = None
            self._begun = float("inf")

    def _told(self, name: str = "") -> str:
        return escape(f"{self._images[0]:,} of {self._images[1]:,} images {name}".rstrip())

    def _show(self) -> None:
        if self._shown is None:
            if time.monotonic() - self._begun < PATIENCE:
                return
            self._shown = _start(self._title, self._unit)
        progress, task = self._shown
        rate = f"{self._done / max(time.monotonic() - self._since, 1e-3):,.0f}/s"
        progress.update(task, description=self._title, completed=self._done, total=self._total or None, rate=rate)


def _start(title: str, unit: str) -> tuple[Progress, TaskID]:
    from rich.progress import (  # heavy, and quick work shows nothing
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    rate: tuple[ProgressColumn, ...] = (MofNCompleteColumn(), TextColumn("{task.fields[rate]}", markup=False))
    if unit == "bytes":
        rate = (DownloadColumn(), TransferSpeedColumn())
    return start_line(title, (), (BarColumn(bar_width=20), *rate, TimeRemainingColumn()), rate="")


def audit_display(*, quiet: bool) -> AbstractContextManager[AuditDisplay | None]:
    """A display if a person may see it, for as long as the work lasts."""
    return shown_to_a_person(AuditDisplay, quiet=quiet)
