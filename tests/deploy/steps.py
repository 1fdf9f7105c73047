"""Steps of CI services, taken out of their files and run as the service would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

PROJECT = Path(__file__).parents[2]


def yaml(name: str) -> Any:
    """What a file of the project holds."""
    return YAML(typ="safe").load(PROJECT / name)


def environment(folder: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Ours, with our package to import and the commands `inspector` and `python` in front."""
    commands = folder / "commands"
    commands.mkdir(exist_ok=True)
    for name, words in {"inspector": "-m inspector ", "python": ""}.items():
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words}"$@"\n')
        (commands / name).chmod(0o755)
    found = os.pathsep.join((str(commands), os.environ["PATH"]))
    return {**os.environ, "PYTHONPATH": str(PROJECT), "PATH": found, **more}


def shell(script: str, cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A script as the services run it: stopping at the first command that fails."""
    words = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]
    return subprocess.run(words, cwd=cwd, env=env, check=False, capture_output=True, text=True, timeout=300)
