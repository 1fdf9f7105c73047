"""The stored result of `make bench` (bench/released.json) as the table of every row that the documentation shows."""

from __future__ import annotations

from pathlib import Path

from bench import compare
from bench.compare import Release, Stored

NONE = "No result is stored yet: `make bench ARGS=--release` writes one."
_HEAD = """| job | seconds | spread | memory | beside syft | beside `docker run` or the least | asked |
|---|---|---|---|---|---|---|"""


def bench_table(path: Path = compare.RELEASED) -> str:
    """Return all rows of the last release, and where they were measured."""
    release = compare.read(path)
    return NONE if release is None else _table(release)


def _table(release: Release) -> str:
    where = f"Version {release.version}; {release.machine}."
    return "\n".join([where, "", _HEAD, *(_row(job, row) for job, row in release.rows.items())])


def _row(job: str, row: Stored) -> str:
    cells = (
        job.replace("|", "\\|"),
        f"{row.seconds:.2f}",
        f"±{(row.slowest - row.fastest) / 2 / row.seconds:.0%}",
        f"{row.peak / 1e6:.0f} MB",
        _beside(row.seconds, row.syft),
        _beside(row.seconds, row.run),
        f"{row.target}{'' if row.met else ': missed'}",
    )
    return f"| {' | '.join(cells)} |"


def _beside(seconds: float, other: float | None) -> str:
    if other is None:
        return ""
    return f"1/{other / seconds:.0f}" if other >= 2 * seconds else f"{seconds / other:.2f}"
