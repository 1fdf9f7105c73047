"""The choice that pyenv's and asdf's shims make."""

from __future__ import annotations

import pytest

from fixtures.bases import debian
from fixtures.pythons import cpython
from inspector.python.interpreter import find_interpreter
from inspector.python.model import Interpreter
from inspector.testing.tree import File, Tree
from inspector.unknown import Absent, Unknown
from tests.support import config_of, rootfs_of

ROOT = "opt/pyenv"
PYENV: Tree = {
    **debian(),
    **cpython("3.12.3", "usr/local"),
    f"{ROOT}/shims/python": File(
        b'#!/usr/bin/env bash\nset -e\nprogram="${0##*/}"\nexport PYENV_ROOT="/opt/pyenv"\n'
        b'exec "/opt/pyenv/libexec/pyenv" exec "$program" "$@"\n',
        0o755,
    ),
    **cpython("3.10.2", f"{ROOT}/versions/3.10.2"),
    **cpython("3.11.7", f"{ROOT}/versions/3.11.7"),
    **cpython("3.11.12", f"{ROOT}/versions/3.11.12"),
    f"{ROOT}/version": b"3.10.2\n",
}
ENV = {"PATH": f"/{ROOT}/shims:/usr/local/bin:/usr/bin"}


@pytest.mark.parametrize(
    ("env", "files", "version"),
    [
        ({}, {}, "3.10.2"),
        ({"PYENV_VERSION": "3.11.7"}, {"app/.python-version": b"3.10.2"}, "3.11.7"),
        ({"PYENV_VERSION": "python-3.11.7"}, {}, "3.11.7"),
        ({"PYENV_VERSION": "3.11"}, {}, "3.11.12"),
        ({"PYENV_VERSION": "3"}, {}, "3.11.12"),
        ({"PYENV_VERSION": "system"}, {}, "3.12.3"),
        ({"PYENV_VERSION": "9.9:3.11.7"}, {}, "3.11.7"),
        ({"PYENV_ROOT": "/elsewhere"}, {}, "3.10.2"),
        ({}, {"app/.python-version": b"3.11.7\n"}, "3.11.7"),
        ({}, {".python-version": b"# pinned\n\n3.11.7 3.10.2\n"}, "3.11.7"),
        ({}, {".python-version": b"3.10.2", "app/.python-version": b"../..\n3.11.7\n"}, "3.11.7"),
        ({}, {"app/.python-version": b"\n"}, "3.12.3"),
        ({}, {f"{ROOT}/version": b"system\n"}, "3.12.3"),
    ],
)
def test_pyenv(env: dict[str, str], files: Tree, version: str) -> None:
    answer, _ = find_interpreter(rootfs_of({**PYENV, **files}), config_of(env=ENV | env, working_dir="/app"))
    assert isinstance(answer, Interpreter), answer
    assert answer.version == version
    assert answer.path == f"/{ROOT}/shims/python"


@pytest.mark.parametrize("version", ["9.9", "3.1", "../3.11.7", "3.11.7/"])
def test_version_that_pyenv_has_not(version: str) -> None:
    answer, _ = find_interpreter(rootfs_of(PYENV), config_of(env=ENV | {"PYENV_VERSION": version}))
    assert isinstance(answer, Unknown)
    assert not isinstance(answer, Absent)


ASDF: Tree = {
    **debian(),
    **cpython("3.12.3", "usr/local"),
    "root/.asdf/shims/python": File(
        b'#!/usr/bin/env bash\n# asdf-plugin: python 3.11.7\nexec asdf exec "python" "$@"\n', 0o755
    ),
    **cpython("3.11.7", "root/.asdf/installs/python/3.11.7"),
    **cpython("3.10.2", "root/.asdf/installs/python/3.10.2"),
}


@pytest.mark.parametrize(
    ("env", "files", "version"),
    [
        ({"ASDF_PYTHON_VERSION": "3.10.2"}, {}, "3.10.2"),
        ({}, {"app/.tool-versions": b"nodejs 20\npython 3.9.1 3.11.7\n"}, "3.11.7"),
        ({}, {".tool-versions": b"python 3.11.7 # comment\n", "root/.tool-versions": b"python 3.10.2\n"}, "3.11.7"),
        ({}, {"root/.tool-versions": b"python system\n"}, "3.12.3"),
        ({}, {}, None),
    ],
)
def test_asdf(env: dict[str, str], files: Tree, version: str | None) -> None:
    environment = {"PATH": "/root/.asdf/shims:/usr/local/bin:/usr/bin"} | env
    answer, _ = find_interpreter(rootfs_of({**ASDF, **files}), config_of(env=environment, working_dir="/app"))
    assert (answer.version if isinstance(answer, Interpreter) else None) == version
