"""Directories by path, against the plain resolution of links."""

from __future__ import annotations

import pytest

from inspector.python.folders import MISSING, Folders
from inspector.rootfs import is_file, resolve
from inspector.testing.tree import Dir, Hardlink, Link, Member
from tests.support import rootfs_of

TREE: dict[str, Member] = {
    "a/b/f": b"1",
    "a/b/.hidden/g": b"22",
    "a/up": Link("../a/b"),
    "a/abs": Link("/a/b/"),
    "a/loop": Link("loop"),
    "a/gone": Link("nothing"),
    "a/b/h": Hardlink("a/b/f"),
    "a/b/l": Link("f"),
    "z": Dir(),
}


@pytest.mark.parametrize(
    "path",
    ["/", "/a", "/a/b", "/a/b/", "/a//b", "/a/./b", "/a/up", "/a/up/.hidden", "/a/abs/.hidden", "/a/up/..", "/../a/b"],
)
def test_a_folder_is_where_its_path_leads(path: str) -> None:
    folders = Folders(rootfs_of(TREE))
    assert folders.at(path).path == resolve(folders.fs, path)
    assert folders.at(path) == folders.at(path)


@pytest.mark.parametrize("path", ["/no", "/a/b/f", "/a/b/f/x", "/a/loop", "/a/gone/x", "/" + "a/" * 3000])
def test_what_is_no_folder(path: str) -> None:
    assert Folders(rootfs_of(TREE)).at(path) == MISSING


def test_nodes_are_found_through_links() -> None:
    folders = Folders(rootfs_of(TREE))
    for path in ("/a/b/f", "/a/up/f", "/a/abs/l", "/a/b/../b/l", "/a/loop", "/a/gone", "/nothing/f"):
        assert folders.is_file(path) == is_file(folders.fs, path)
    node = folders.node("/a/up/l")
    assert node is not None
    assert node.size == 1


def test_files_below_follow_no_link() -> None:
    found = {path for path, _ in Folders(rootfs_of(TREE)).files_below("/a/up")}
    assert found == {"/a/b/f", "/a/b/h", "/a/b/.hidden/g"}
