"""An audit of a thousand tags in a real registry, whose own log tells what it was asked for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from inspector.layers.cache import default_cache
from tests.cli.program import ROOT, clean_environment
from tests.lab.many import REPOSITORIES, Stocked, asked, layers_asked, stock

TAGS, LAYERS = 1000, 200
MAX_GROWTH = 16 << 20
"""Bytes that ten times as many tags may take more; documents alone are held up to 32 MB."""


@pytest.fixture(scope="module")
def stocked(docker: None) -> Iterator[Stocked]:
    del docker
    with stock(TAGS, LAYERS) as made:
        yield made


def words(stocked: Stocked, cache: Path, *more: str, repositories: Sequence[str] = REPOSITORIES) -> list[str]:
    names = [f"{stocked.host}/{repository}" for repository in repositories]
    command = [sys.executable, "-m", "inspector", "audit", *names, "--no-policy", "--format", "jsonl"]
    return [*command, "--cache-dir", str(cache), *more]


def audit(
    stocked: Stocked, cache: Path, *more: str, repositories: Sequence[str] = REPOSITORIES
) -> tuple[list[dict[str, Any]], int]:
    """The lines of an audit that ends well, and the bytes of memory that it took at most."""
    with tempfile.TemporaryFile() as output:
        command = words(stocked, cache, *more, repositories=repositories)
        process = subprocess.Popen(command, cwd=ROOT, env=clean_environment(), stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        output.seek(0)
        return [json.loads(line) for line in output], usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def test_each_layer_once_and_then_manifests_only(stocked: Stocked, tmp_path: Path) -> None:
    since = stocked.log.stat().st_size
    lines, peak = audit(stocked, tmp_path)
    layers = layers_asked(stocked.log, stocked.fleet, since)
    assert (len(layers), set(layers.values())) == (LAYERS, {1})
    assert sum(len(line["tags"]) for line in lines) == TAGS
    assert len(lines) == TAGS // 2
    since = stocked.log.stat().st_size
    again, _ = audit(stocked, tmp_path)
    assert list(asked(stocked.log, since)) == []  # nothing but HEAD
    assert sorted(line["image"] for line in again) == sorted(line["image"] for line in lines)
    _, small = audit(stocked, tmp_path / "small", "--include", "1.?", "--include", "1.?0")
    assert peak < small + MAX_GROWTH


def test_killed_in_the_middle_it_goes_on_where_it_stopped(stocked: Stocked, tmp_path: Path) -> None:
    """Nobody reads its lines, so it comes to a halt when the pipe is full, and is killed there.

    One repository suffices, since its images have all layers.
    """
    one = REPOSITORIES[:1]
    since = stocked.log.stat().st_size
    command = words(stocked, tmp_path, "-q", repositories=one)
    process = subprocess.Popen(command, cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE)
    try:
        _wait_for_a_halt(stocked, since)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    begun = layers_asked(stocked.log, stocked.fleet, since)
    cache = default_cache(tmp_path)
    known = cache.info().layers
    cache.close()
    assert 0 < known <= len(begun) < LAYERS
    since = stocked.log.stat().st_size
    lines, _ = audit(stocked, tmp_path, repositories=one)
    rest = layers_asked(stocked.log, stocked.fleet, since)
    assert (len(rest), set(rest.values())) == (LAYERS - known, {1})
    assert sum(len(line["tags"]) for line in lines) == TAGS // 2


def _wait_for_a_halt(stocked: Stocked, since: int) -> None:
    until = time.monotonic() + 60
    before, count = -1, 0
    while count == 0 or count != before:
        assert time.monotonic() < until
        time.sleep(0.5)
        before, count = count, sum(layers_asked(stocked.log, stocked.fleet, since).values())
