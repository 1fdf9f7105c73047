"""What PYTHONPATH puts ahead of the modules that Python imports at its start."""

from __future__ import annotations

import pytest

from fixtures.bases import debian
from fixtures.pythons import cpython
from inspector.python.interpreter import find_interpreter
from inspector.python.model import Interpreter
from inspector.testing.tree import Dir, Hardlink, Tree
from tests.support import config_of, rootfs_of

LIBRARY = "usr/local/lib/python3.11"


def runs(tree: Tree, version: str = "3.11.9", path: str = "/w", user: str = "") -> tuple[str, str]:
    """Whether the official image's Python runs with what is in `tree` besides, and why not."""
    env = {"PATH": "/usr/local/bin", "PYTHONPATH": path}
    fs = rootfs_of({**debian(), **cpython(version), "w/x": b"", **tree})
    python, _ = find_interpreter(fs, config_of(env=env, user=user))
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


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (b"1/0", "no"),
        (b"'''what it is'''\npass\nraise ImportError('no')", "no"),
        (b"raise Missing", "no"),
        (b"raise", "no"),
        (b"raise run('x')", "unknown"),
        (b"raise ImportError(run())", "unknown"),
        (b"raise ImportError from run()", "unknown"),
        (b"'%s' % 0", "unknown"),
        (b"1/1", "unknown"),
        (b"import codecs\n1/0", "unknown"),
        (b"if x: raise", "unknown"),
        (b"(", "unknown"),
        (b"pass", "unknown"),
    ],
)
def test_python_does_not_start_with_an_encodings_that_surely_raises(source: bytes, told: str) -> None:
    assert runs({"w/encodings/__init__.py": source})[0] == told


@pytest.mark.parametrize(
    "beside",
    [
        "w/encodings/__pycache__/__init__.cpython-311.pyc",
        "w/encodings/__init__.cpython-311-x86_64-linux-gnu.so",
        "v/x",
        "v",
    ],
)
def test_an_encodings_that_raises_may_not_be_what_is_loaded(beside: str) -> None:
    assert runs({"w/encodings/__init__.py": b"1/0", beside: b""}, path="/v:/w")[0] == "unknown"


def test_an_encodings_that_raises_may_be_closed_to_the_user() -> None:
    tree: Tree = {"w/encodings": Dir(mode=0o700), "w/encodings/__init__.py": b"1/0"}
    assert runs(tree, user="1000")[0] != "no"
    assert runs(tree, user="0")[0] == "no"


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


@pytest.mark.parametrize("path", ["/proc/self/root", "/proc/1/cwd", "/proc/self/cwd/..", "/proc/self/cwd/a/../b"])
def test_what_only_a_process_has_is_not_known(path: str) -> None:
    told, why = runs({}, path=path)
    assert told == "unknown"
    assert "on the search path leads to '/proc" in why


def test_the_working_directory_of_a_process_is_known() -> None:
    assert runs({"proc/self/cwd/encodings.py": b""}, path="/proc/self/cwd")[0] == "yes"
