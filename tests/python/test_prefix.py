"""What can't be compared with an interpreter at hand: later releases, and prefixes that are compiled in."""

from __future__ import annotations

import pytest

from fixtures.bases import program
from fixtures.pythons import conda, cpython, standard_library, venv
from inspector.python.environment import environment_of
from inspector.python.prefix import Prefixes, find_prefixes
from inspector.python.version import Minor
from inspector.testing.tree import Dir, Link, Tree
from inspector.unknown import Unknown
from tests.support import config_of, rootfs_of


def prefixes(tree: Tree, executable: str, version: tuple[int, int] = (3, 11), **env: str) -> Prefixes | Unknown:
    fs = rootfs_of(tree)
    return find_prefixes(fs, executable, Minor("cpython", *version), environment_of(fs, config_of(env=env)))


def found(tree: Tree, executable: str, version: tuple[int, int] = (3, 11), **env: str) -> Prefixes:
    answer = prefixes(tree, executable, version, **env)
    assert isinstance(answer, Prefixes), answer
    return answer


BAD_HOME = b"home = /gone/bin\n"


@pytest.mark.parametrize(
    ("tree", "executable", "base"),
    [
        ({**cpython("3.11.1"), **venv("v"), "v/pyvenv.cfg": BAD_HOME}, "/v/bin/python", "/usr/local"),
        ({**cpython("3.11.1", "usr"), **venv("v", "/usr/bin"), "v/pyvenv.cfg": BAD_HOME}, "/v/bin/python", "/usr"),
        ({**conda("3.11.1"), **venv("v", "/opt/conda/bin"), "v/pyvenv.cfg": BAD_HOME}, "/v/bin/python", "/opt/conda"),
        ({**cpython("3.11.1", "opt/py"), **venv("v", "/opt/py/bin"), "v/pyvenv.cfg": BAD_HOME}, "/v/bin/python", None),
    ],
)
def test_prefix_compiled_in(tree: Tree, executable: str, base: str | None) -> None:
    answer = prefixes(tree, executable)
    assert (answer.base if isinstance(answer, Prefixes) else None) == base
    if isinstance(answer, Prefixes):
        assert "'/gone/bin'" in answer.assumed


def test_libraries_of_two_places() -> None:
    tree = {**cpython("3.11.1", "opt/py"), "opt/py/lib/python3.11/lib-dynload": Link("/nowhere")}
    tree = {path: member for path, member in tree.items() if "/lib-dynload/" not in path}
    tree["opt/lib/python3.11/lib-dynload"] = Dir()
    answer = found(tree, "/opt/py/bin/python3.11")
    assert (answer.base, answer.exec_base) == ("/opt/py", "/opt")


@pytest.mark.parametrize(("version", "exec_base"), [((3, 13), "/opt/py"), ((3, 14), "/opt")])
def test_extension_modules_lie_beside_the_library_from_3_14(version: tuple[int, int], exec_base: str) -> None:
    folder = f"lib/python3.{version[1]}"
    tree: Tree = {
        **standard_library(f"opt/{folder}", "3.14.0"),
        f"opt/py/{folder}/lib-dynload": Dir(),
        "opt/py/bin/python": program(),
    }
    answer = found(tree, "/opt/py/bin/python", version)
    assert (answer.base, answer.exec_base) == ("/opt", exec_base)


@pytest.mark.parametrize(
    ("place", "version", "expected"),
    [
        ("v/pyvenv.cfg", (3, 13), None),
        ("v/pyvenv.cfg", (3, 14), "/v"),
        ("v/bin/pyvenv.cfg", (3, 14), "/v/bin"),
    ],
)
def test_environments_are_found_here_from_3_14(place: str, version: tuple[int, int], expected: str | None) -> None:
    name = f"3.{version[1]}.0"
    tree = {**cpython(name), **venv("v", version=name)}
    cfg = tree.pop("v/pyvenv.cfg")
    answer = found({**tree, place: cfg}, "/v/bin/python", version)
    assert (answer.venv, answer.base) == (expected, "/usr/local")
    with_home = found({**tree, place: cfg}, "/v/bin/python", version, PYTHONHOME="/usr/local")
    assert with_home.venv == expected


def test_build_folder_is_unknown() -> None:
    tree: Tree = {"src/python3.11": program(), "src/pybuilddir.txt": b"build/lib"}
    answer = prefixes(tree, "/src/python3.11")
    assert isinstance(answer, Unknown)
    assert "built" in answer.unknown


def test_relative_home_is_taken_against_the_working_directory() -> None:
    tree = {**cpython("3.11.1", "py"), **venv("v", "/py/bin"), "v/pyvenv.cfg": b"home = py/bin\n"}
    assert found(tree, "/v/bin/python").base == "/py"
