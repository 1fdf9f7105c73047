"""What tells the version of an interpreter."""

from __future__ import annotations

import pytest

from fixtures.pythons import conda, cpython, standard_library
from inspector.python.environment import environment_of
from inspector.python.version import Minor, is_python, library_minors, named_minor, patch_level
from inspector.testing.tree import Tree
from tests.support import config_of, rootfs_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("python3.11", Minor("cpython", 3, 11)),
        ("python3.13t", Minor("cpython", 3, 13, "t")),
        ("python3.11-dbg", Minor("cpython", 3, 11)),
        ("python3.6m", Minor("cpython", 3, 6)),
        ("platform-python3.6", Minor("cpython", 3, 6)),
        (".python3.11-wrapped", Minor("cpython", 3, 11)),
        ("pypy3.10", Minor("pypy", 3, 10)),
        ("python3", None),
        ("python", None),
    ],
)
def test_version_in_a_name(name: str, expected: Minor | None) -> None:
    assert named_minor(f"/usr/bin/{name}") == expected
    assert is_python(name)


@pytest.mark.parametrize("name", ["uv", "mise", "python3.11-config", "ipython3", "bpython", "python3.9999", "pythonw"])
def test_what_is_no_python_by_its_name(name: str) -> None:
    assert not is_python(f"/usr/bin/{name}")


def test_names_that_follow_from_the_version() -> None:
    threaded = Minor("cpython", 3, 13, "t")
    assert (str(threaded), threaded.folder, threaded.archive, threaded.abi) == (
        "3.13",
        "python3.13t",
        "python313t.zip",
        "cp313t",
    )
    assert Minor("cpython", 3, 7).abi == "cp37m"
    assert Minor("cpython", 3, 8) < Minor("cpython", 3, 10)


def test_libraries_of_the_nearest_prefix() -> None:
    tree: Tree = {
        **standard_library("usr/lib/python3.9", "3.9.1"),
        **standard_library("usr/lib64/python3.12", "3.12.1"),
        **standard_library("lib/python3.8", "3.8.1"),
        "usr/lib/python3.10/site-packages/x.py": b"",
        "usr/lib/python3.7": b"a file",
    }
    fs = rootfs_of(tree)
    assert [minor.folder for minor in library_minors(fs, "/usr/bin")] == ["python3.9", "python3.12"]
    assert library_minors(fs, "/opt/bin") == []


def dpkg(version: str) -> bytes:
    return f"Package: a\nVersion: 3.11.0\n\nPackage: python3.11-minimal\nStatus: ok\nVersion: {version}\n".encode()


@pytest.mark.parametrize(
    ("tree", "prefix", "program", "env", "expected"),
    [
        (cpython("3.11.9"), "/usr/local", "/usr/local/bin/python3.11", {}, "3.11.9"),
        (conda("3.11.4"), "/opt/conda", "/opt/conda/bin/python3.11", {}, "3.11.4"),
        ({}, "/r/versions/3.11.2", "/r/versions/3.11.2/bin/python3.11", {}, "3.11.2"),
        ({}, "/u/cpython-3.11.3-linux", "/u/cpython-3.11.3-linux-x86_64-gnu/bin/python3.11", {}, "3.11.3"),
        ({"var/lib/dpkg/status": dpkg("3.11.2-6+deb12u6")}, "/usr", "/usr/bin/python3.11", {}, "3.11.2"),
        ({"var/lib/dpkg/status": dpkg("3.11.0~rc1-1")}, "/usr", "/usr/bin/python3.11", {}, "3.11.0"),
        ({"var/lib/dpkg/status": dpkg("3.11.2-6")}, "/opt", "/opt/bin/python3.11", {}, None),
        ({"lib/apk/db/installed": b"P:python3\nV:3.11.8-r1\n"}, "/usr", "/usr/bin/python3.11", {}, "3.11.8"),
        ({"usr/lib/apk/db/installed": b"P:python3\nV:3.11.8-r1\n"}, "/usr", "/usr/bin/python3.11", {}, "3.11.8"),
        ({}, "/usr/local", "/usr/local/bin/python3.11", {"PYTHON_VERSION": "3.11.5"}, "3.11.5"),
        ({}, "/usr/local", "/usr/local/bin/python3.11", {"PYTHON_VERSION": "3.12.5"}, None),
        ({}, "/usr", "/usr/bin/python3.11", {"PYTHON_VERSION": "3.11.5"}, None),
        (cpython("3.11.9"), "/usr/local", "/x/versions/3.11.2/bin/python3.11", {}, "3.11.9"),
    ],
)
def test_patch_level(tree: Tree, prefix: str, program: str, env: dict[str, str], expected: str | None) -> None:
    fs = rootfs_of({**tree, "x": b""})
    environment = environment_of(fs, config_of(env=env))
    assert patch_level(fs, Minor("cpython", 3, 11), prefix, program, environment) == expected
