"""What the strings of a program tell of how it was built; with real ones, `test_truth` compares."""

from __future__ import annotations

import pytest

from fixtures.bases import debian, program
from fixtures.pythons import cpython
from inspector.python.built import Built, ReadBuilt, read_built
from inspector.python.interpreter import find_interpreter
from inspector.python.model import Interpreter
from inspector.python.version import Minor
from inspector.testing.tree import Link, Tree
from inspector.unknown import Absent, Unknown
from tests.support import config_of, rootfs_of

TAG = b"\0.cpython-312-x86_64-linux-gnu.so\0"
PREFIX = b"\0os_name\0WITH_NEXT_FRAMEWORK\0/opt/py\0\0\0EXEC_PREFIX\0VPATH\0"
OTHER = PREFIX.replace(b"/opt/py", b"/usr")


@pytest.mark.parametrize(
    ("objects", "minor", "prefix"),
    [
        ([TAG + PREFIX], "3.12", "/opt/py"),
        ([b"\x7fELF", TAG + PREFIX], "3.12", "/opt/py"),
        ([TAG + PREFIX, TAG + OTHER], "3.12", None),
        ([TAG, TAG.replace(b"312", b"313")], None, None),
        ([PREFIX.replace(b"EXEC_PREFIX\0", b"EXEC_PREFIX\0/opt/exec\0")], None, None),
        ([PREFIX.replace(b"/opt/py", b"opt/py")], None, None),
        ([b""], None, None),
    ],
)
def test_strings_of_a_program(objects: list[bytes], minor: str | None, prefix: str | None) -> None:
    found = read_built(objects)
    assert (found.minor and str(found.minor), found.prefix) == (minor, prefix)


def test_free_threads_are_in_the_tag() -> None:
    assert read_built([TAG.replace(b"312", b"313t")]).minor == Minor("cpython", 3, 13, "t")


def ask(built: Built | Unknown, tree: Tree) -> Interpreter | Unknown:
    read: ReadBuilt = lambda _program, _environment: built  # noqa: E731 - the seam itself
    config = config_of(env={"PATH": "/opt/far"})
    return find_interpreter(rootfs_of({**debian(), **tree}), config, built=read)[0]


COPY = cpython()["usr/local/bin/python3.11"]


def test_a_copy_takes_the_library_that_it_was_built_for() -> None:
    answer = ask(Built(prefix="/usr/local"), {**cpython(), "opt/far/python": COPY})
    assert isinstance(answer, Interpreter)
    assert (answer.prefix, answer.runs, answer.version[:4]) == ("/usr/local", "yes", "3.11")


def test_a_copy_whose_library_is_not_there_stops() -> None:
    answer = ask(Built(prefix="/never"), {**cpython(), "opt/far/python": COPY})
    assert isinstance(answer, Interpreter)
    assert answer.runs == "no"
    assert "'/never/lib/python3.11'" in answer.reasons[0]


def test_a_copy_that_does_not_start() -> None:
    assert ask(Absent("no libpython"), {**cpython(), "opt/far/python": COPY}) == Absent("no libpython")


def test_a_prefix_that_is_assumed_refuses_nothing() -> None:
    found, _ = find_interpreter(rootfs_of({**debian(), "usr/bin/python3.11": COPY}), config_of(), "python3.11")
    assert isinstance(found, Interpreter)
    assert found.runs == "unknown"


@pytest.mark.parametrize("name", ["env", "busybox"])
def test_programs_that_are_many_by_their_names(name: str) -> None:
    tree: Tree = {f"usr/bin/{name}": program(), "opt/far/python": Link(f"/usr/bin/{name}")}
    answer = ask(Built(), tree)
    assert isinstance(answer, Absent)
    assert f"'/usr/bin/{name}'" in answer.unknown
