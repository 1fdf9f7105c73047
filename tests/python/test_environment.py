"""User, home and PATH as engines pass them on (expectations seen with Docker 20.10 and runc 1.1)."""

from __future__ import annotations

import pytest

from inspector.python.environment import DEFAULT_PATH, environment_of
from inspector.python.interpreter import find_interpreter
from inspector.python.startup import find_startup
from inspector.rootfs import NotKept
from inspector.testing.tree import Link, Tree
from inspector.unknown import Unknown
from tests.support import config_of, rootfs_of

PASSWD = b"""\
root:x:0:0:root:/root:/bin/sh
broken line
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
app:x:1000:1000::/home/app:/bin/sh
late:x:1000:1000::/home/late:/bin/sh
bare:x:1001:1001:::/bin/sh
minus:x:-2:1::/:
short:x:7
"""
GROUP = b"staff:x:50:app\nvideo:x:44:app,bare\n"


@pytest.mark.parametrize(
    ("user", "home", "uid", "trouble"),
    [
        ("", "/root", 0, None),
        ("root", "/root", 0, None),
        ("0:0", "/root", 0, None),
        ("app", "/home/app", 1000, None),
        ("app:staff", "/home/app", 1000, None),
        ("app:ghosts", "/home/app", None, "group 'ghosts' has no entry in /etc/group"),
        ("1000", "/home/app", 1000, None),
        ("1000:5", "/home/app", 1000, None),
        ("bare", "/", 1001, None),
        ("4711", "/", 4711, None),
        ("minus", "/", None, "user 'minus' has the number -2"),
        ("3000000000", "/", None, "user '3000000000' is a larger number than engines take"),
        ("short", "/", 7, None),
        ("broken line", "/root", 0, None),
        ("late", "/home/app", 1000, None),
        ("ghost", "/", None, "user 'ghost' has no entry in /etc/passwd"),
    ],
)
def test_home_is_that_of_the_user(user: str, home: str, uid: int | None, trouble: str | None) -> None:
    environment = environment_of(rootfs_of({"etc/passwd": PASSWD, "etc/group": GROUP}), config_of(user=user))
    assert (environment.home, environment.uid, environment.trouble) == (home, uid, trouble)
    assert environment.get("HOME") == home


def test_without_passwd_root_is_root() -> None:
    environment = environment_of(rootfs_of({"x": b""}), config_of())
    assert (environment.home, environment.uid, environment.trouble) == ("/", 0, None)


@pytest.mark.parametrize(
    "tree",
    [
        {"etc/passwd": b"#" * (1 << 19)},
        {"etc/passwd": Link("../data/passwd"), "data/passwd": PASSWD},
    ],
)
def test_passwd_that_was_not_kept_leaves_the_user_undecided(tree: Tree) -> None:
    fs = rootfs_of(tree)
    with pytest.raises(NotKept):
        environment_of(fs, config_of())
    assert isinstance(find_interpreter(fs, config_of())[0], Unknown)
    assert find_startup(fs, config_of(cmd=["x"])).starts == "unknown"


@pytest.mark.parametrize(
    ("env", "path"),
    [
        ({}, tuple(DEFAULT_PATH.split(":"))),
        ({"PATH": ""}, ()),
        ({"PATH": "/a::b"}, ("/a", "", "b")),
    ],
)
def test_path(env: dict[str, str], path: tuple[str, ...]) -> None:
    assert environment_of(rootfs_of({"x": b""}), config_of(env=env)).path == path


@pytest.mark.parametrize(
    ("user", "groups"),
    [("", {0}), ("app", {1000, 50, 44}), ("app:staff", {50}), ("1000:7", {7}), ("4711", {0}), ("bare", {1001, 44})],
)
def test_groups_as_engines_give_them(user: str, groups: set[int]) -> None:
    fs = rootfs_of({"etc/passwd": PASSWD, "etc/group": GROUP})
    assert environment_of(fs, config_of(user=user)).groups == groups
