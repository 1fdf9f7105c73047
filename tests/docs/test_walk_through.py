"""A new user's first minutes, in six commands: from an empty environment, by the wheel, without an engine.

It fetches the dependencies of the wheel from the package index, which takes longer than all other tests of the pages:
`INSPECTOR_TESTS=thorough` runs it, as CI does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import venv
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.forms import FORMS
from inspector.testing import Image
from tests.docs.blocks import ROOT
from tests.docs.world import images
from tests.effort import THOROUGH

pytestmark = pytest.mark.skipif(not THOROUGH, reason="asks the package index; INSPECTOR_TESTS=thorough runs it")


class User:
    """Somebody with an empty environment and an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        venv.create(folder / "venv", with_pip=True)
        self._programs = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "INSPECTOR_TESTS")}
        self._environment = {**kept, "INSPECTOR_CACHE_DIR": str(folder / "cache"), "NO_COLOR": "1", "COLUMNS": "120"}

    def types(self, program: str, *arguments: str) -> tuple[int, str]:
        """The exit code and all that is printed."""
        done = subprocess.run(
            [self._programs / program, *arguments],
            cwd=self.folder,
            env=self._environment,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        return done.returncode, done.stdout

    def builds(self, image: Image) -> None:
        """Save an image as worker.tar, as `docker build` and `docker save` would."""
        FORMS["docker-25"](self.folder / "worker.tar", [image])


def wheel(folder: Path) -> Path:
    """The wheel of this project."""
    words = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(words, check=True, timeout=300)
    (path,) = folder.glob("*.whl")
    return path


def test_from_nothing_to_a_verdict_in_six_commands(tmp_path: Path) -> None:
    user, cpu, cuda = User(tmp_path), images()["worker:cpu"], images()["worker:gpu"]
    user.builds(cpu)

    code, printed = user.types("pip", "install", "--quiet", str(wheel(tmp_path / "dist")))
    assert code == 0, printed

    code, printed = user.types("inspector", "worker.tar")
    assert code == 0, printed
    assert "2.13.0+cpu" in printed

    code, printed = user.types("inspector", "init", "worker.tar")
    assert code == 0, printed
    policy = tomllib.loads((user.folder / "inspector.toml").read_text(encoding="utf-8"))
    assert [role["torch"] for role in policy["roles"].values()] == ["cpu"]

    code, printed = user.types("inspector", "check")
    assert code == 0, printed

    user.builds(replace(cuda, tags=cpu.tags))
    code, printed = user.types("inspector", "check")
    assert code == 1, printed
    assert "torch-build" in printed

    user.builds(cpu)
    code, printed = user.types("inspector", "check")
    assert code == 0, printed
