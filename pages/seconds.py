"""The stored results of `make bench` (docs/pictures/bench.txt), as a table and as bars."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_ROW = re.compile(r"^(?P<job>.+?)  +(?P<median>\d+\.\d\d) s  +\S+ … \S+ +(?P<peak>\d+) MB")


class Job(NamedTuple):
    """What is measured: how the row of the bench is called, how people call it, and the condition."""

    row: str
    label: str
    condition: str


API, WORKER = "ktrdr-backend:prod", "ktrdr-worker-cpu:test"
_JOBS = (
    Job(r"docker: check, all layers cached", "inspector, again", "from Docker, all layers cached"),
    Job(r"docker: check, access method storage", "inspector, root", "from Docker, root (storage), nothing cached"),
    Job(r"docker: check, access method files", "inspector, no root", "from Docker, no root (files), nothing cached"),
    Job(r"docker: docker run .*", "docker run", "`docker run … python -c 'import torch'`"),
    Job(r"docker: dive", "dive", "dive, from Docker"),
    Job(r"docker: syft", "syft", "syft, from Docker"),
    Job(r"docker-archive [\d,]+ MB: check, nothing cached", "", "from an uncompressed archive, nothing cached"),
    Job(r"docker-archive [\d,]+ MB: check --verify", "", "from the archive with `--verify`"),
    Job(r"docker-archive [\d,]+ MB: syft", "", "syft, from the archive"),
    Job(r"oci [\d,]+ MB: check, nothing cached", "", "from an OCI layout of gzip layers, nothing cached"),
    Job(r"oci [\d,]+ MB: syft", "", "syft, from the OCI layout"),
)


def rows(path: Path) -> dict[str, float]:
    """Seconds of each job, by the name that the bench gives it."""
    found = (_ROW.match(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {row["job"]: float(row["median"]) for row in found if row}


def of(measured: dict[str, float], image: str, job: Job) -> float | None:
    """Seconds of a job for an image; None where it wasn't measured."""
    pattern = re.compile(re.escape(image) + " " + job.row)
    return next((seconds for name, seconds in measured.items() if pattern.fullmatch(name)), None)


def seconds_table(path: Path) -> str:
    """The table of access-and-speed.md."""
    measured = rows(path)
    lines = ["| how | absent (0.31 GB) | present (1.18 GB) |", "|---|---|---|"]
    for job in _JOBS:
        cells = [of(measured, image, job) for image in (API, WORKER)]
        shown = ("" if seconds is None else f"{seconds:.1f} s" for seconds in cells)
        ours = "" if "syft" in job.condition or "dive" in job.condition or "run" in job.condition else "**inspector**, "
        lines.append(f"| {ours}{job.condition} | {' | '.join(shown)} |")
    return "\n".join(lines)


def bars(path: Path) -> Sequence[tuple[str, float]]:
    """The bars of the chart: each tool's seconds for the image with torch, the quickest first."""
    measured = rows(path)
    found = [(job.label, of(measured, WORKER, job)) for job in _JOBS if job.label]
    return [(label, seconds) for label, seconds in found if seconds is not None]
