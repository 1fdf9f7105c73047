"""Programs that an image brings and that are followed without being run: scripts of a shell, sources of Python."""

from __future__ import annotations

import json
from functools import cache

from inspector.errors import InspectorError
from inspector.imports import find_imports
from inspector.layers.merge import MergedRootfs
from inspector.python.environment import environment_of
from inspector.python.shell.run import Shell
from inspector.python.shell.state import Dialect, State
from inspector.report import document
from tests.fuzz import pythons

_DIALECTS: tuple[Dialect, ...] = ("dash", "bash", "ash", "")
_FILE = f"{pythons.SITE}/asked.py"


@cache
def _files() -> MergedRootfs:
    """Return an image with the module: what it holds is asked for beside."""
    return pythons.with_file(_FILE, b"asked")


def script(content: bytes) -> None:
    """Follow a script; the first byte chooses the shell."""
    dialect, text = _DIALECTS[content[0] % len(_DIALECTS)] if content else "", content[1:].decode("utf-8", "replace")
    fs = _files()
    state = State(environment_of(fs, pythons.CONFIG), ("entry", "serve", "x"), dialect=dialect)
    try:
        ends = Shell(fs, lambda _, path: f"export SOURCED={path}").script(text, state)
    except InspectorError:
        return
    assert ends, "a script ends"


def source(content: bytes) -> None:
    """Follow the import of a module."""
    fs = _files()
    interpreter, _ = pythons.known()
    answer = find_imports(
        fs, pythons.CONFIG, interpreter, ["asked"], lambda path: content if path == f"/{_FILE}" else b""
    )
    told = document.encode(answer)
    assert pythons.inked(told)
    json.loads(told)
