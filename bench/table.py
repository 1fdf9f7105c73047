"""The table that the measurements are shown in, row by row as they come."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from bench.measure import Measured

MB = 1e6
_COLUMNS = (
    ("job", 66),
    ("median", 9),
    ("range", 15),
    ("peak", 8),
    ("read", 10),
    ("files/s", 10),
    ("beside syft", 11),
    ("beside run", 10),
    ("at most", 15),
)


@dataclass(frozen=True)
class Beside:
    """Seconds that others took for the same image in the same run; None for those that were not measured.

    `run` are those of a container, or of whatever else the job can't do without.
    """

    syft: float | None = None
    run: float | None = None


@dataclass(frozen=True)
class Target:
    """What DESIGN.md asks of a job on the large image: seconds at most, and less than this share of others' time."""

    seconds: float
    of_syft: float | None = None
    of_run: float | None = None

    def met(self, seconds: float, beside: Beside) -> bool:
        """Whether a job that took so many seconds is as quick as it should be."""
        shares = ((self.of_syft, beside.syft), (self.of_run, beside.run))
        return seconds <= self.seconds and all(
            share is None or other is None or seconds <= share * other for share, other in shares
        )


@dataclass(frozen=True)
class Row:
    """One measured job; `read` in bytes and `files` where our own report tells them."""

    job: str
    measured: Measured
    read: int | None = None
    files: int | None = None
    beside: Beside = Beside()
    target: Target | None = None

    @property
    def seconds(self) -> float | None:
        """What others are held against."""
        return self.measured.median

    def cells(self) -> tuple[str, ...]:
        """The row as the table shows it."""
        found = self.measured
        return (
            self.job,
            f"{found.median:.2f} s",
            f"{found.fastest:.2f} … {found.slowest:.2f}",
            f"{found.peak / MB:.0f} MB",
            "" if self.read is None else f"{self.read / MB:.1f} MB",
            "" if self.files is None else f"{self.files / found.median:,.0f}",
            _share(found.median, self.beside.syft),
            _share(found.median, self.beside.run),
            "" if self.target is None else self._against(self.target),
        )

    def _against(self, target: Target) -> str:
        return f"{target.seconds:g} s, {'met' if target.met(self.measured.median, self.beside) else 'missed'}"


@dataclass(frozen=True)
class Missing:
    """A job that could not be measured, and why."""

    job: str
    why: str
    seconds: float | None = None

    def cells(self) -> tuple[str, ...]:
        """The row as the table shows it."""
        return (self.job, self.why)


def show_headings() -> None:
    """Print the first line."""
    _print(tuple(name for name, _ in _COLUMNS))


def show(row: Row | Missing) -> None:
    """Print one row at once."""
    _print(row.cells())


def _print(cells: tuple[str, ...]) -> None:
    padded = [
        cell.ljust(width) if place == 0 else cell.rjust(width)
        for place, (cell, (_, width)) in enumerate(zip(cells, _COLUMNS, strict=False))
    ]
    sys.stdout.write("  ".join(padded).rstrip() + "\n")
    sys.stdout.flush()


def _share(mine: float, others: float | None) -> str:
    if others is None:
        return ""
    return f"1/{others / mine:.0f}" if others >= 2 * mine else f"{mine / others:.2f}"
