"""A machine's files as a root file system: each looked at by name, none through a link, and all within bounds."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from fixtures.bases import debian
from fixtures.pythons import cpython
from fixtures.roots import write_root
from inspector import work
from inspector.elf import NotElf, Skeleton
from inspector.errors import LimitExceeded, NotFound
from inspector.rootfs import Kind, NotKept, resolve, walk
from inspector.sources.venv import machine
from inspector.sources.venv.machine import Machine
from inspector.testing.tree import File, Hardlink, Link, Tree
from tests.lab.ours import listing
from tests.support import few, rootfs_of

if sys.platform != "linux":
    pytest.skip("environments are read on Linux alone", allow_module_level=True)

TREE: Tree = {
    **debian(),
    **cpython(),
    "srv/script": File(b"#!/bin/sh\n" + b"x" * 9000, 0o755),
    "srv/again": Hardlink("srv/script"),
    "srv/link": Link("/usr/local"),
}


@pytest.fixture
def fs(tmp_path: Path) -> Machine:
    return Machine(("/",), root=str(write_root(TREE, tmp_path / "root")))


def test_it_shows_what_an_image_of_the_same_files_shows(fs: Machine) -> None:
    image = rootfs_of(TREE)
    assert {path: set(nodes) for path, nodes in walk(fs)} == {path: set(nodes) for path, nodes in walk(image)}
    for path in listing(image):
        ours, theirs = fs.lstat(f"/{path}"), image.lstat(f"/{path}")
        assert ours is not None
        assert theirs is not None
        assert (ours.kind, ours.mode, ours.size, ours.target) == (theirs.kind, theirs.mode, theirs.size, theirs.target)
    python = "/usr/local/bin/python3.11"
    assert fs.head(python) == image.head(python)
    assert fs.skeleton(python) == image.skeleton(python)
    assert fs.symbols(python, whole=True) == image.symbols(python, whole=True)
    assert resolve(fs, "/usr/local/bin/python") == resolve(image, "/usr/local/bin/python") == python


def test_names_of_one_content_are_known(fs: Machine) -> None:
    one, other = fs.lstat("/srv/script"), fs.lstat("/srv/again")
    assert one is not None
    assert other is not None
    assert one.inode == other.inode


def test_links_are_never_followed(fs: Machine) -> None:
    assert fs.scandir("/srv/link") == {}
    assert fs.readlink("/srv/link") == "/usr/local"
    for ask in (fs.read, fs.head, fs.skeleton):
        with pytest.raises(NotFound):
            ask("/srv/link")
    with pytest.raises(NotFound):
        fs.readlink("/srv/script")


def test_what_is_not_there(fs: Machine) -> None:
    for path in ("/none", "/srv/script/below", "/" + "x" * 5000, "/nul\0byte"):
        assert fs.lstat(path) is None
        assert fs.scandir(path) == {}
        with pytest.raises(NotFound):
            fs.content(path)


def test_a_socket_is_nothing_and_a_pipe_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        fs = Machine(("/",), root=str(tmp_path))
        assert {name: node.kind for name, node in fs.scandir("/").items()} == {"pipe": Kind.FIFO}
        assert fs.lstat("/socket") is None
    with pytest.raises(NotFound):
        fs.read("/pipe")


def test_a_script_is_no_elf(fs: Machine) -> None:
    assert isinstance(fs.skeleton("/srv/script"), NotElf)
    assert isinstance(fs.skeleton("/usr/local/bin/python3.11"), Skeleton)


def test_bounds(fs: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MAX_CONTENT", 100)
    with pytest.raises(NotKept, match="more than 100 bytes"):
        fs.read("/srv/script")
    fs.budget = few(steps=5)
    with pytest.raises(LimitExceeded):
        list(walk(fs))
    assert isinstance(fs.budget, work.Budget)
    monkeypatch.setattr(machine, "MAX_BINARIES", 0)
    with pytest.raises(NotKept, match="one of more than 0 files"):
        Machine(("/",), root=fs._root).skeleton("/usr/local/bin/python3.11")
