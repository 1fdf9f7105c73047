"""The rows of the last release, kept in yardsticks of their own run, and what became slower since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from bench.table import Row

RELEASED = Path(__file__).with_name("released.json")
SLOWER = 1.3
"""A row that takes so many times what it took in the last release is too slow."""


class Stored(msgspec.Struct, frozen=True, omit_defaults=True):
    """One row: its seconds (median, fastest, slowest), the median in yardsticks of the same run, and its peak.

    Beside it, the seconds of syft and of `docker run`, or of what else the job can't do without; and what is asked of
    it, with whether it was met.
    """

    seconds: float
    fastest: float
    slowest: float
    yardsticks: float
    peak: int
    is_ours: bool = True
    syft: float | None = None
    run: float | None = None
    target: str = ""
    met: bool = True


class Release(msgspec.Struct, frozen=True):
    """A run that was stored: of which version, on what machine, and its rows by their jobs."""

    version: str
    machine: str
    rows: dict[str, Stored]


def stored_of(version: str, machine: str, rows: Iterable[Row]) -> Release:
    """Return what is kept of a run."""
    return Release(version, machine, {row.job: _stored(row) for row in rows if row.ratio is not None})


def _stored(row: Row) -> Stored:
    found, target = row.measured, row.target
    return Stored(
        seconds=round(found.median, 4),
        fastest=round(found.fastest, 4),
        slowest=round(found.slowest, 4),
        yardsticks=round(row.ratio or 0.0, 4),
        peak=found.peak,
        is_ours=row.is_ours,
        syft=row.beside.syft,
        run=row.beside.run,
        target=str(target or ""),
        met=target is None or target.met(found.median, row.beside),
    )


def write(release: Release, path: Path = RELEASED) -> None:
    """Write a run to be compared with."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(release), indent=1) + b"\n")


def read(path: Path = RELEASED) -> Release | None:
    """Return the run of the last release; None where none was stored."""
    if not path.exists():
        return None
    return msgspec.json.decode(path.read_bytes(), type=Release)


def slower(now: Release, before: Release) -> Iterator[str]:
    """Yield a line for each row of ours that takes `SLOWER` times what it took, in yardsticks."""
    for job, row in now.rows.items():
        old = before.rows.get(job)
        if old is not None and row.is_ours and row.yardsticks >= SLOWER * old.yardsticks:
            times = row.yardsticks / old.yardsticks
            yield (
                f"{job}: {times:.2f} times as slow as in {before.version} "
                f"({row.yardsticks:.2f} yardsticks, {old.yardsticks:.2f} then)"
            )


def uncompared(now: Release, before: Release) -> list[str]:
    """List the jobs that only one of the two runs has."""
    return sorted(now.rows.keys() ^ before.rows.keys())
