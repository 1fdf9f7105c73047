"""Whether the command of an image could be executed."""

from __future__ import annotations

import pytest

from fixtures.bases import alpine, debian, program
from fixtures.pythons import cpython, script, venv
from inspector.oci import ImageConfig
from inspector.python.startup import find_startup
from inspector.testing.tree import Dir, File, Link, Tree
from inspector.unknown import Tri
from tests.support import config_of, rootfs_of

IMAGE: Tree = {
    **debian(),
    **cpython(),
    **venv("app/.venv"),
    "app/.venv/bin/uvicorn": script("uvicorn", "/app/.venv/bin/python"),
    "app/.venv/bin/moved": script("moved", "/build/.venv/bin/python"),
    "usr/local/bin/entry.sh": File(b'#!/bin/sh\nexec "$@"\n', 0o755),
    "usr/local/bin/crlf.sh": File(b"#!/bin/sh\r\n", 0o755),
    "usr/local/bin/noexec": File(b"#!/bin/sh\n", 0o644),
    "usr/local/bin/arm": program("aarch64"),
    "srv/file": b"",
    "secret": Dir(0o700),
    "secret/x": program(),
    "secret/y": File(b"#!/secret/x\n", 0o755),
}
PATH = {"PATH": "/app/.venv/bin:/usr/local/bin:/usr/bin:/bin"}


def config(*words: str, entry: tuple[str, ...] = (), user: str = "", cwd: str = "/app") -> ImageConfig:
    return config_of(env=PATH, entrypoint=list(entry), cmd=list(words), user=user, working_dir=cwd)


CASES: list[tuple[ImageConfig, Tri, str | None, str]] = [
    (config("uvicorn", "app:app"), "yes", "/app/.venv/bin/uvicorn", ""),
    (config("uvicorn", entry=("entry.sh",)), "yes", "/usr/local/bin/entry.sh", ""),
    (config("python3"), "yes", "/app/.venv/bin/python3", ""),
    (config("./.venv/bin/python"), "yes", "/app/.venv/bin/python", ""),
    (config("./python"), "no", None, "'./python' is not found in the image"),
    (config("gunicorn"), "no", None, "'gunicorn' is not found in PATH"),
    (config("noexec"), "no", None, "not executable (mode 0644)"),
    (config("moved"), "no", "/app/.venv/bin/moved", "'/build/.venv/bin/python'"),
    (config("crlf.sh"), "no", "/usr/local/bin/crlf.sh", r"'/bin/sh\r'"),
    (config("arm"), "no", "/usr/local/bin/arm", "aarch64"),
    (config(), "no", None, "no command"),
    (config("uvicorn app:app"), "no", None, "'uvicorn app:app' is not found"),
    (config("sh", user="nobody-here"), "no", "/usr/bin/sh", "'nobody-here'"),
    (config("sh", cwd="/srv/file"), "no", "/usr/bin/sh", "'/srv/file' is a file"),
    (config("sh", cwd="/srv/new"), "yes", "/usr/bin/sh", ""),
    (config("/secret/x"), "yes", "/secret/x", ""),
    (config("/secret/x", user="1000"), "unknown", "/secret/x", "'/secret'"),
    (config("/secret/y", user="1000"), "unknown", "/secret/y", "'/secret'"),
    (config("/bin/sh", "-c", "uvicorn app:app --port $PORT"), "yes", "/bin/sh", ""),
    (config("/bin/sh", "-c", "exec uvicorn app:app"), "yes", "/bin/sh", ""),
    (config("/bin/sh", "-c", "gunicorn app:app"), "no", "/bin/sh", "'gunicorn'"),
    (config("/bin/sh", "-c", "exec gunicorn app:app"), "no", "/bin/sh", "'gunicorn'"),
    (config("/bin/sh", "-c", "cd /srv"), "yes", "/bin/sh", "only the shell"),
    (config("/bin/sh", "-c", "A=1 gunicorn"), "yes", "/bin/sh", "only the shell"),
    (config("/bin/sh", "-c", "gunicorn || uvicorn"), "yes", "/bin/sh", "only the shell"),
    (config("/bin/sh", "-c", "$APP"), "yes", "/bin/sh", "only the shell"),
    (config("/bin/sh", "-c", "'unbalanced"), "yes", "/bin/sh", "only the shell"),
    (config("/bin/sh", "-c"), "yes", "/bin/sh", ""),
]


@pytest.mark.parametrize(("asked", "starts", "path", "clause"), CASES, ids=range(len(CASES)))
def test_startup(asked: ImageConfig, starts: Tri, path: str | None, clause: str) -> None:
    startup = find_startup(rootfs_of(IMAGE), asked)
    assert (startup.starts, startup.path) == (starts, path)
    assert clause in "; ".join(startup.reasons)
    assert bool(startup.reasons) is bool(clause)
    assert startup.argv == asked.entrypoint + asked.cmd


def test_image_without_a_shell() -> None:
    startup = find_startup(rootfs_of({"app": program()}), config_of(cmd=["/bin/sh", "-c", "app"]))
    assert (startup.starts, startup.path) == ("no", None)


def test_busybox() -> None:
    startup = find_startup(rootfs_of(alpine()), config_of(cmd=["/bin/sh"]))
    assert (startup.starts, startup.reasons) == ("yes", ())


def test_relative_folder_in_path_is_refused() -> None:
    tree = {**debian(), "app/run": program()}
    startup = find_startup(rootfs_of(tree), config_of(env={"PATH": "app"}, cmd=["run"]))
    assert (startup.starts, startup.path) == ("no", "/app/run")
    assert "relative" in startup.reasons[0]


def test_dangling_command_is_named() -> None:
    tree = {**debian(), "usr/bin/app": Link("/opt/app")}
    startup = find_startup(rootfs_of(tree), config_of(cmd=["app"]))
    assert "'/opt/app'" in startup.reasons[0]
