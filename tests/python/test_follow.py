"""From the first words of a container to the program that runs."""

from __future__ import annotations

import pytest

from fixtures.bases import debian, program
from fixtures.pythons import conda, cpython, script, venv
from inspector.python.environment import environment_of
from inspector.python.follow import End, Follower
from inspector.python.question import ask, read_options, started
from inspector.testing.tree import File, Tree
from tests.support import config_of, rootfs_of

PYTHON = ("python", "-c", "import torch")
IMAGE: Tree = {
    **debian(),
    **cpython(),
    **venv("app/.venv"),
    **conda(),
    **conda(prefix="opt/conda/envs/gpu"),
    "opt/conda/etc/profile.d/conda.sh": b"conda() { :; }\n",
    "opt/conda/bin/conda": File(b"#!/opt/conda/bin/python\nimport conda\n", 0o755),
    "app/.venv/bin/uvicorn": script("uvicorn", "/app/.venv/bin/python"),
    "app/pyproject.toml": b"",
    "usr/bin/tini": program(),
    "usr/bin/uv": program(),
    "usr/bin/supervisord": File(b"#!/usr/local/bin/python3\nimport supervisor\n", 0o755),
    "usr/bin/node": program(),
}
ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


def follow(*words: str, text: str = "", user: str = "") -> list[End]:
    """Where the words end; `text` is an executable script /e."""
    tree = {**IMAGE, "e": File(text.encode(), 0o755)} if text else IMAGE
    fs, config = rootfs_of(tree), config_of(env=ENV, working_dir="/app", user=user)
    return Follower(fs).follow(words, environment_of(fs, config))


@pytest.mark.parametrize(
    ("words", "kind", "path"),
    [
        (("python",), "python", "/usr/local/bin/python"),
        (("/app/.venv/bin/uvicorn", "a:b"), "python", "/app/.venv/bin/python"),
        (("tini", "-s", "--", ".venv/bin/python"), "python", "/app/.venv/bin/python"),
        (("env", "PATH=/opt/conda/bin", "python"), "python", "/opt/conda/bin/python"),
        (("sh", "-c", "cd / && exec app/.venv/bin/python"), "python", "/app/.venv/bin/python"),
        (("uv", "run", "uvicorn"), "python", "/app/.venv/bin/python"),
        (("uv", "run", "--with", "x", "python"), "unknown", "/usr/bin/uv"),
        (("/opt/conda/bin/conda", "run", "-n", "gpu", "python"), "python", "/opt/conda/envs/gpu/bin/python"),
        (("/opt/conda/bin/conda", "run", "-n", "none", "python"), "unknown", "/opt/conda/bin/conda"),
        (("supervisord", "-n"), "unknown", "/usr/bin/supervisord"),
        (("node", "x.js"), "program", "/usr/bin/node"),
        (("bash",), "program", "/usr/bin/bash"),
        (("gunicorn",), "unknown", None),
    ],
)
def test_where_commands_end(words: tuple[str, ...], kind: str, path: str | None) -> None:
    (end,) = follow(*words)
    assert (end.kind, end.path, end.doubts) == (kind, path, ())


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (
            '#!/bin/bash\n. /opt/conda/etc/profile.d/conda.sh && conda activate gpu\nexec "$@"',
            "/opt/conda/envs/gpu/bin/python",
        ),
        ('#!/bin/sh\nexport PATH=/app/.venv/bin:$PATH\nexec "$@"', "/app/.venv/bin/python"),
        ('#!/bin/sh\nif [ "$1" = python ]; then PATH=/app/.venv/bin:$PATH; fi\n"$@"', "/app/.venv/bin/python"),
        ('#!/bin/sh\n( PATH=/app/.venv/bin:$PATH )\nexec "$@"', "/usr/local/bin/python"),
    ],
)
def test_scripts_are_followed(text: str, path: str) -> None:
    (end,) = follow("/e", *PYTHON, text=text)
    assert (end.path, end.argv, end.doubts) == (path, PYTHON, ())


@pytest.mark.parametrize(
    "line", ['eval "$(setup)"', ". /made/later", "source <(x)", 'export "$(x)=y"', "PYTHONPATH=$(x); export PYTHONPATH"]
)
def test_what_can_t_be_followed_is_a_doubt(line: str) -> None:
    tree = {**IMAGE, "made/later": b"PATH=/x", "e": File(f'#!/bin/bash\n{line}\nexec "$@"\n'.encode(), 0o755)}
    question = ask(rootfs_of(tree), config_of(env=ENV, entrypoint=["/e"]), "python")
    assert question.passes == "unknown"
    assert question.doubts


@pytest.mark.parametrize(
    "text", ["while true; do x; done", "f() { f; }; f", "for i in a b; do for j in a b; do x || y=$i$j; done; done"]
)
def test_hostile_scripts_end(text: str) -> None:
    assert follow("/e", *PYTHON, text=f'#!/bin/sh\n{text}\nexec "$@"\n')


def test_scripts_that_run_each_other_end() -> None:
    (end,) = follow("/e", text='#!/bin/sh\nexec /e "$@"\n')
    assert (end.kind, "run one another" in end.why) == ("unknown", True)


@pytest.mark.parametrize(
    ("words", "letters", "program"),
    [
        (("-I", "app.py"), {"I"}, "app.py"),
        (("-sE", "-m", "app"), {"s", "E"}, ""),
        (("-W", "ignore", "-Xdev", "x.py", "-S"), set(), "x.py"),
        ((), set(), ""),
    ],
)
def test_options_of_python(words: tuple[str, ...], letters: set[str], program: str) -> None:
    assert read_options(words) == (letters, program)


def test_an_archive_brings_its_own_modules() -> None:
    tree = {**IMAGE, "app.pex": File(b"#!/usr/local/bin/python3\nPK\x03\x04", 0o755)}
    told = started(rootfs_of(tree), config_of(env=ENV, cmd=["/app.pex"]))
    assert told.unknown is not None
    assert "archive" in told.unknown.unknown
