"""The search of PATH."""

from __future__ import annotations

import pytest

from inspector.python.environment import environment_of
from inspector.python.which import Found, Missing, find_command
from inspector.testing.tree import Device, Dir, File, Link, Tree
from tests.support import config_of, rootfs_of

PROGRAM = File(b"#!/bin/sh\n", 0o755)


def look(tree: Tree, command: str = "x", path: str = "/a:/b", cwd: str = "") -> Found | Missing:
    fs = rootfs_of(tree)
    return find_command(fs, command, environment_of(fs, config_of(env={"PATH": path}, working_dir=cwd)))


def test_first_folder_wins() -> None:
    found = look({"b/x": PROGRAM, "a/x": PROGRAM})
    assert isinstance(found, Found)
    assert (found.path, found.resolved, found.skipped) == ("/a/x", "/a/x", ())


@pytest.mark.parametrize(
    ("member", "clause"),
    [
        (Dir(), "a directory"),
        (File(b"", 0o644), "not executable (mode 0644)"),
        (Link("/none"), "a link to '/none', which leads nowhere"),
        (Link("x"), "a link to 'x', which leads nowhere"),
        (Link("/dir"), "a directory"),
        (Device(numbers=(1, 3)), "a char"),
    ],
)
def test_what_cannot_be_executed_is_passed_over(member: File | Dir | Link | Device, clause: str) -> None:
    found = look({"a/x": member, "b/x": PROGRAM, "dir": Dir()})
    assert isinstance(found, Found)
    assert (found.path, found.skipped) == ("/b/x", (f"'/a/x' is {clause}",))
    missing = look({"a/x": member, "dir": Dir()})
    assert missing == Missing((f"'/a/x' is {clause}",))


def test_any_execute_bit_will_do() -> None:
    assert isinstance(look({"a/x": File(b"", 0o010)}), Found)


def test_links_stay_inside_the_root() -> None:
    found = look({"a/x": Link("../../../../opt/y"), "opt/y": Link("z"), "opt/z": PROGRAM})
    assert isinstance(found, Found)
    assert (found.path, found.resolved) == ("/a/x", "/opt/z")


def test_folder_behind_a_link() -> None:
    found = look({"usr/a/x": PROGRAM, "a": Link("usr/a")})
    assert isinstance(found, Found)
    assert (found.path, found.resolved) == ("/a/x", "/usr/a/x")


@pytest.mark.parametrize("path", ["", ":", ".", "a"])
def test_empty_path_and_relative_folders(path: str) -> None:
    found = look({"w/x": PROGRAM, "w/a/x": PROGRAM}, path=path, cwd="/w")
    if not path:
        assert isinstance(found, Missing)
    else:
        assert isinstance(found, Found)
        assert found.relative
        assert found.path == ("/w/a/x" if path == "a" else "/w/x")


@pytest.mark.parametrize("command", ["/opt/x", "./x", "../opt/x", "x/../x"])
def test_command_with_a_slash_is_not_looked_for(command: str) -> None:
    found = look({"opt/x": PROGRAM, "a/x": PROGRAM}, command=command, cwd="/opt")
    if command == "x/../x":
        assert isinstance(found, Missing)
    else:
        assert isinstance(found, Found)
        assert (found.resolved, found.relative) == ("/opt/x", False)
