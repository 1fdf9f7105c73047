"""The program as tests run it: within the process, or as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from click.testing import CliRunner, Result

from inspector.cli.root import cli

ROOT = Path(__file__).parents[2]


def run(*arguments: str | Path, stdin: bytes = b"") -> Result:
    """The program within this process, without a terminal."""
    return CliRunner(catch_exceptions=False).invoke(cli, [str(each) for each in arguments], input=stdin)


def start(
    *arguments: str | Path,
    cwd: Path = ROOT,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    before: Sequence[str] = (),
) -> subprocess.CompletedProcess[bytes]:
    """The program as its own process, its streams piped; `before` are the words of a command that runs it."""
    command = [*before, sys.executable, "-m", "inspector", *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=cwd,
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
        env=clean_environment(environment),
    )


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our environment without what bears on colour and width, and with our package to import."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    return {**kept, "PYTHONPATH": str(ROOT), **(more or {})}
