"""What PYTHONPATH puts ahead of the modules that Python imports at its start."""

from __future__ import annotations

import pytest

from fixtures.bases import debian
from fixtures.pythons import cpython
from inspector.python.interpreter import find_interpreter
from inspector.python.model import Interpreter
from inspector.testing.tree import Hardlink, Tree
from tests.support import config_of, rootfs_of

LIBRARY = "usr/local/lib/python3.11"


def runs(tree: Tree, version: str = "3.11.9", path: str = "/w") -> tuple[str, str]:
    """Whether the official image's Python runs with what is in `tree` besides, and why not."""
    env = {"PATH": "/usr/local/bin", "PYTHONPATH": path}
    fs = rootfs_of({**debian(), **cpython(version), "w/x": b"", **tree})
    python, _ = find_interpreter(fs, config_of(env=env))
    assert isinstance(python, Interpreter)
    return python.runs, "; ".join(python.reasons)


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ({}, "yes"),
        ({"w/encodings/__init__.py": b"import codecs"}, "unknown"),
        ({"w/encodings/__init__.py": b""}, "no"),
        ({"w/encodings.py": b""}, "no"),
        ({"w/encodings/data.json": b""}, "yes"),
        ({"w/os.py": b"1/0", "w/site.py": b"1/0"}, "yes"),
    ],
)
def test_another_encodings_is_imported_before_all_else(tree: Tree, told: str) -> None:
    assert runs(tree)[0] == told


def test_a_copy_of_its_own_does_no_harm() -> None:
    names = [f"encodings/{name}.py" for name in ("__init__", "aliases", "utf_8")]
    copies: Tree = {f"w/{name}": Hardlink(f"{LIBRARY}/{name}") for name in names}
    assert runs(copies)[0] == "yes"
    assert runs({**copies, "w/encodings/aliases.py": b"1/0"})[0] == "unknown"
    assert runs({"w/encodings/__init__.py": b"1/0"}, path=f"/{LIBRARY}:/w")[0] == "yes"


def test_before_3_11_more_is_imported_from_the_search_path() -> None:
    assert runs({"w/os.py": b"1/0"}, "3.10.4") == (
        "unknown",
        "'/w/os.py' takes the place of what Python imports at its start",
    )


def test_what_only_a_process_has_is_not_known() -> None:
    told, why = runs({}, path="/proc/self/cwd")
    assert told == "unknown"
    assert "'/proc/self/cwd' on the search path" in why
