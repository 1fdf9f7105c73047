"""What becomes of a command behind an image's entrypoint."""

from __future__ import annotations

import pytest

from fixtures.bases import debian, program
from inspector.python.entrypoint import Passes, entrypoint_passes
from inspector.python.environment import environment_of
from inspector.testing.tree import File
from tests.support import config_of, rootfs_of


@pytest.mark.parametrize(
    ("entrypoint", "expected"),
    [
        ([], "direct"),
        (["/usr/bin/tini", "--"], "direct"),
        (["tini"], "direct"),
        (["dumb-init", "-v", "--"], "direct"),
        (["tini", "--", "python3"], "argument"),
        (["tini", "-g", "--", "/entry.sh"], "unknown"),
        (["python3"], "argument"),
        (["/usr/bin/python3", "-m", "app"], "argument"),
        (["/entry.sh"], "unknown"),
        (["sh", "-c", "app"], "argument"),
        (["bash"], "unknown"),
        (["env"], "unknown"),
        (["/missing"], "argument"),
    ],
)
def test_what_becomes_of_the_command(entrypoint: list[str], expected: Passes) -> None:
    tree = {**debian(), "usr/bin/python3": program(), "entry.sh": File(b'#!/bin/sh\nexec "$@"\n', 0o755)}
    fs, config = rootfs_of(tree), config_of(entrypoint=entrypoint)
    assert entrypoint_passes(fs, config, environment_of(fs, config)) == expected
