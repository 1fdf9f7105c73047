"""Whether an interpreter comes up: settings that stop it, rights that its user lacks."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from fixtures.bases import debian
from fixtures.pythons import cpython
from fixtures.tree import Dir, File
from inspector.python.environment import environment_of
from inspector.python.interpreter import find_interpreter
from inspector.python.model import Interpreter
from inspector.python.which import Missing, find_command
from tests.support import config_of, rootfs_of

PATH = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
SITE = "usr/local/lib/python3.11/site-packages"


def runs(env: dict[str, str] | None = None, user: str = "", **changed: Dir | File) -> tuple[str, str]:
    """Whether the official image's Python runs, and why not; `changed` by the last name of the path."""
    paths = {"python": "usr/local/bin/python3.11", "site": SITE}
    tree = {**debian(), **cpython(), **{paths[name]: member for name, member in changed.items()}}
    python, _ = find_interpreter(rootfs_of(tree), config_of(env=PATH | (env or {}), user=user))
    assert isinstance(python, Interpreter)
    return python.runs, "; ".join(python.reasons)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("PYTHONHASHSEED", value) for value in ("", "random", "0", "4294967295", "4294967296", "-1", "abc", "5 ")),
        *(("PYTHONUTF8", value) for value in ("", "0", "1", "2", "on")),
        *(("PYTHONMALLOC", value) for value in ("", "debug", "malloc", "pymalloc_debug", "fast")),
    ],
)
def test_settings_are_refused_as_python_itself_does(name: str, value: str) -> None:
    command = [sys.executable, "-c", ""]
    real = subprocess.run(command, env=os.environ | {name: value}, capture_output=True, check=False)
    assert runs({name: value})[0] == ("no" if real.returncode else "yes")


def test_a_program_that_only_its_owner_may_run() -> None:
    program = cpython()["usr/local/bin/python3.11"]
    assert isinstance(program, File)
    closed = File(program.data, 0o700)
    assert runs(python=closed)[0] == "yes"
    environment = environment_of(rootfs_of({}), config_of(user="1000"))
    fs = rootfs_of({**debian(), **cpython(), "usr/local/bin/python3.11": closed})
    assert isinstance(find_command(fs, "/usr/local/bin/python", environment), Missing)


def test_a_site_that_only_its_owner_may_list() -> None:
    assert runs(site=Dir(0o711))[0] == "yes"
    assert runs(user="1000", site=Dir(0o711)) == ("unknown", f"'/{SITE}' may be closed to user '1000'")
    assert runs(user="1000", site=Dir(0o755))[0] == "yes"
