"""The table that the measurements are shown in, row by row as they come."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.measure import Measured

MB = 1e6
_COLUMNS = (
    ("job", 72),
    ("median", 9),
    ("range", 15),
    ("peak", 8),
    ("spread", 7),
    ("yardsticks", 10),
    ("read", 10),
    ("per s", 10),
    ("beside syft", 11),
    ("beside run", 10),
    ("at most", 28),
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
    """What is asked of a job: seconds at most, and no more than these shares of others' time in the same run."""

    seconds: float | None = None
    of_syft: float | None = None
    of_run: float | None = None

    def met(self, seconds: float, beside: Beside) -> bool:
        """Whether a job that took so many seconds is as quick as it should be."""
        shares = ((self.of_syft, beside.syft), (self.of_run, beside.run))
        return (self.seconds is None or seconds <= self.seconds) and all(
            share is None or other is None or seconds <= share * other for share, other in shares
        )

    def __str__(self) -> str:
        shares = ((self.of_syft, "of syft"), (self.of_run, "of run"))
        parts = [] if self.seconds is None else [f"{self.seconds:.3g} s"]
        parts += [f"{_fraction(share)} {whose}" for share, whose in shares if share is not None]
        return ", ".join(parts)


@dataclass(frozen=True)
class Row:
    """One measured job; `read` in bytes and `files`, or what else there are many of, where known.

    `is_ours` says that it is compared with the last release. `yardstick` is in seconds, of the same group of rows.
    """

    job: str
    measured: Measured
    read: int | None = None
    files: int | None = None
    beside: Beside = Beside()
    target: Target | None = None
    is_ours: bool = True
    yardstick: float | None = None

    @property
    def seconds(self) -> float | None:
        """What others are compared with."""
        return self.measured.median

    @property
    def ratio(self) -> float | None:
        """The time in yardsticks, which other machines have nearly alike."""
        return self.measured.median / self.yardstick if self.yardstick else None

    def with_yardstick(self, seconds: float) -> Row:
        """Return the same in yardsticks of so many seconds, unless it has one of its own."""
        return self if self.yardstick else replace(self, yardstick=seconds)

    def cells(self) -> tuple[str, ...]:
        """The row as the table shows it."""
        found = self.measured
        return (
            self.job,
            f"{found.median:.2f} s",
            f"{found.fastest:.2f} … {found.slowest:.2f}",
            f"{found.peak / MB:.0f} MB",
            f"±{(found.slowest - found.fastest) / 2 / found.median:.0%}",
            "" if self.ratio is None else f"{self.ratio:.2f}",
            "" if self.read is None else f"{self.read / MB:.1f} MB",
            "" if self.files is None else f"{self.files / found.median:,.0f}",
            _share(found.median, self.beside.syft),
            _share(found.median, self.beside.run),
            "" if self.target is None else self._against(self.target),
        )

    def _against(self, target: Target) -> str:
        return f"{target}: {'met' if target.met(self.measured.median, self.beside) else 'missed'}"


@dataclass(frozen=True)
class Missing:
    """A job that could not be measured, and why."""

    job: str
    why: str
    seconds: float | None = None

    def cells(self) -> tuple[str, ...]:
        """The row as the table shows it."""
        return (self.job, self.why)


def headings() -> str:
    """Return the first line."""
    return _line(tuple(name for name, _ in _COLUMNS))


def line(row: Row | Missing) -> str:
    """Return one row as it is printed."""
    return _line(row.cells())


def _line(cells: tuple[str, ...]) -> str:
    padded = [
        cell.ljust(width) if place == 0 else cell.rjust(width)
        for place, (cell, (_, width)) in enumerate(zip(cells, _COLUMNS, strict=False))
    ]
    return "  ".join(padded).rstrip()


def _fraction(share: float) -> str:
    return f"1/{1 / share:.0f}" if share < 0.5 else f"{share:g}"


def _share(mine: float, others: float | None) -> str:
    if others is None:
        return ""
    return f"1/{others / mine:.0f}" if others >= 2 * mine else f"{mine / others:.2f}"
