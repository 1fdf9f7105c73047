"""Modules written to a folder, imported by the Python that runs the tests, and asked of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from inspector.imports import Imported, find_imports
from inspector.oci import ImageConfig
from inspector.python.interpreter import find_interpreter
from tests.loader.host import DirectoryRootfs
from tests.support import config_of

PYTHON = Path(sys.executable)


def write(top: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files below a folder; one whose name ends with a slash is a folder."""
    for name, content in files.items():
        path = top / name
        if name.endswith("/"):
            path.mkdir(parents=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def config(paths: Sequence[Path], cwd: Path, python: Path = PYTHON, **variables: str) -> ImageConfig:
    """The configuration of an image that would run our own Python with a search path."""
    env = {"PATH": str(python.parent), "PYTHONPATH": os.pathsep.join(map(str, paths)), **variables}
    return config_of(env=env, working_dir=str(cwd))


def ours(name: str, asked: ImageConfig, python: Path = PYTHON) -> Imported:
    """Our answer."""
    fs = DirectoryRootfs("/")
    interpreter, _ = find_interpreter(fs, asked, python.name)
    return find_imports(fs, asked, interpreter, [name], fs.read)[name]


def really(name: str, asked: ImageConfig, python: Path = PYTHON) -> str:
    """What the Python says: the exception that it ends with, empty where the import works."""
    words = [str(python), "-c", f"import {name}"]
    ran = subprocess.run(words, env=asked.env, cwd=asked.working_dir, capture_output=True, text=True, check=False)
    last = [line for line in ran.stderr.splitlines() if line and not line.startswith(" ")]
    return "" if ran.returncode == 0 else last[-1] if last else f"status {ran.returncode}"
