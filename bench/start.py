"""What is known already: verdicts from one row, beside `--version` and a run; and the imports on the way there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.images import POLICY, Named
from bench.measure import Measured, measure
from bench.table import Beside, Missing, Row, Target
from bench.tools import Tools

OF_VERSION = 3
"""Times `--version` that a known image may take; four of them, four times that."""
OF_RUN = 1 / 20
"""The part of `docker run … import torch` that it may take."""
IMPORTS = 0.060
"""Seconds that imports may take on the way to a verdict that is known."""
_LINE = re.compile(r"import time:\s+(\d+) \|")


def known_rows(tools: Tools, images: Sequence[Named], ran: Row | None) -> Iterator[Row | Missing]:
    """The engine's images one by one, then all together, each checked before; `ran` is the import in a container."""
    version = tools.version()
    yield version
    least = version.measured.median * OF_VERSION
    beside = Beside(run=None if ran is None else ran.measured.median)
    for image in images:
        name = f"docker:{image.name}"
        tools.check("", name, image.role, times=1)  # so that it is known
        target = Target(least, of_run=None if ran is None else OF_RUN)
        yield tools.check(f"{image.name} docker: check, known", name, image.role, beside=beside, target=target)
    references = [f"docker:{image.name}" for image in images]
    if len(images) > 1:
        row = Row(f"{len(images)} images docker: check, known", _check(tools, references), target=Target(least * 4))
        yield replace(row, beside=beside)
    yield Row(f"{len(images)} images docker: imports on the way", _imports(tools, references), target=Target(IMPORTS))


def _words(tools: Tools, references: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    policy = tools.folder / "inspector.toml"
    policy.write_text(POLICY, encoding="utf-8")
    words = ["check", "--exit-zero", "--role", "api", str(policy), *references]
    return words, {"INSPECTOR_CACHE_DIR": str(tools.folder / "cache")}


def _check(tools: Tools, references: Sequence[str]) -> Measured:
    words, env = _words(tools, references)
    return measure([tools.inspector, *words], times=tools.times, env=env)


def _imports(tools: Tools, references: Sequence[str]) -> Measured:
    """The sum of what `-X importtime` tells, of the fastest of the runs as of a quiet machine."""
    words, env = _words(tools, references)
    python = [sys.executable, "-X", "importtime", "-m", "inspector", *words]
    sums = []
    for _ in range(tools.times + 1):
        done = subprocess.run(python, env={**_environment(), **env}, capture_output=True, text=True, check=True)
        sums.append(sum(map(int, _LINE.findall(done.stderr))) / 1e6)
    counted = sorted(sums[1:])
    return Measured(counted[len(counted) // 2], counted[0], counted[-1], 0, b"")


def _environment() -> dict[str, str]:
    """Ours, with bytecode kept, as it is where a program was installed."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
