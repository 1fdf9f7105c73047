"""The rows of the last release, kept in yardsticks of their own run, and what became slower since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from bench.table import Row

RELEASED = Path(__file__).with_name("released.json")
SLOWER = 1.3
"""A row that takes so many times what it took in the last release is too slow."""


class Stored(msgspec.Struct, frozen=True):
    """One row: its seconds on the machine of that run, the same in yardsticks, and the bytes of its peak."""

    seconds: float
    yardsticks: float
    peak: int


class Release(msgspec.Struct, frozen=True):
    """A run that was stored: of which version, on what machine, and its rows by their jobs."""

    version: str
    machine: str
    rows: dict[str, Stored]


def stored_of(version: str, machine: str, rows: Iterable[Row]) -> Release:
    """Return what is kept of a run: our own rows, as other tools are none of ours to compare."""
    kept = {
        row.job: Stored(round(row.measured.median, 4), round(row.ratio, 4), row.measured.peak)
        for row in rows
        if row.is_ours and row.ratio is not None
    }
    return Release(version, machine, kept)


def write(release: Release, path: Path = RELEASED) -> None:
    """Write a run to be compared with."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(release), indent=1) + b"\n")


def read(path: Path = RELEASED) -> Release | None:
    """Return the run of the last release; None where none was stored."""
    if not path.exists():
        return None
    return msgspec.json.decode(path.read_bytes(), type=Release)


def slower(now: Release, before: Release) -> Iterator[str]:
    """Yield a line for each row that takes `SLOWER` times what it took, in yardsticks."""
    for job, row in now.rows.items():
        old = before.rows.get(job)
        if old is not None and row.yardsticks >= SLOWER * old.yardsticks:
            times = row.yardsticks / old.yardsticks
            yield (
                f"{job}: {times:.2f} times as slow as in {before.version} "
                f"({row.yardsticks:.2f} yardsticks, {old.yardsticks:.2f} then)"
            )


def uncompared(now: Release, before: Release) -> list[str]:
    """List the jobs that only one of the two runs has."""
    return sorted(now.rows.keys() ^ before.rows.keys())
