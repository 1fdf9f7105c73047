"""Programs of this machine: what `ldd` says that they load, and what the model maps at their start."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.elf import Skeleton
from inspector.loader import LoadFailure, Process, Tables
from tests.loader.host import DirectoryRootfs
from tests.loader.room import level
from tests.loader.test_sweep import rights

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("ldd") is None, reason="ldd is of glibc's Linux"
)
_LINE = re.compile(r"\t(?:.* => )?(/\S+|not found)")


def programs(step: int) -> list[str]:
    """One in `step` programs of `/usr/bin`, with a loader."""
    fs = DirectoryRootfs()
    found = []
    for path in sorted(Path("/usr/bin").iterdir())[::step]:
        if path.is_file() and not path.is_symlink() and os.access(path, os.R_OK):
            skeleton = fs.skeleton(str(path))
            if isinstance(skeleton, Skeleton) and skeleton.interpreter:
                found.append(str(path))
    return found


def listed(paths: list[str]) -> dict[str, list[str]]:
    """What ldd lists for each program, the loader among it."""
    ran = subprocess.run(["ldd", *paths], capture_output=True, text=True, check=False)
    found: dict[str, list[str]] = {}
    at: list[str] = []
    for line in ran.stdout.splitlines():
        if line.startswith("/"):
            at = found.setdefault(line.rstrip(":"), [])
        elif match := _LINE.match(line):
            at.append(os.path.realpath(match[1]))
    return found


def disagreements(paths: list[str]) -> list[str]:
    fs = DirectoryRootfs()
    tables = Tables(fs)
    found = []
    for path, real in listed(paths).items():
        process = Process(fs, dict(os.environ), rights=rights(), level=level(), tables=tables)
        started = process.start(path)
        text = started.text if isinstance(started, LoadFailure) else ""
        mine = [each.file for each in process.loaded[1:]]
        if sorted(mine) != sorted(real) or text:
            found.append(f"{path}: {text}\n    real: {sorted(real)}\n    mine: {sorted(mine)}")
    return found


def test_some_programs_load_what_ldd_lists() -> None:
    paths = programs(12)
    assert len(paths) > 10
    found = disagreements(paths)
    assert not found, "\n".join(found)


@pytest.mark.lab
def test_all_programs_load_what_ldd_lists() -> None:
    found = disagreements(programs(1))
    assert not found, "\n".join(found)
