"""A layer's directory against its tar, by name."""

from __future__ import annotations

import os
import sys
import tarfile
from pathlib import Path

import pytest

from inspector.errors import LimitExceeded
from inspector.sources.access import AccessUnusable
from inspector.sources.engine import compared
from inspector.sources.engine.compared import find_difference
from inspector.testing.tree import Device, Dir, Hardlink, Link, Tree
from tests.sources.engine.unpacked import unpack
from tests.support import index_of

if sys.platform != "linux":
    pytest.skip("engines keep their files on Linux alone", allow_module_level=True)

TREE: Tree = {
    "a": Dir(0o755),
    "a/b/file": b"1",
    "a/b/empty": b"",
    "a/b/again": Hardlink("a/b/file"),
    "a/link": Link("/nowhere"),
    "c/.wh.gone": b"",
}


def difference(tree: Tree, top: Path) -> str:
    return find_difference(top, index_of(tree).entries)


def test_a_directory_as_engines_unpack_it_is_the_tar(tmp_path: Path) -> None:
    assert difference(TREE, unpack(TREE, tmp_path / "diff")) == ""


@pytest.mark.parametrize(
    ("removed", "told"),
    [
        ("a/b/empty", "1 files"),
        ("a/b/again", "1 files"),
        ("a/link", "1 files"),
        ("c/gone", ""),
        ("a/b/file", "1 files"),
    ],
)
def test_what_is_gone_is_told(tmp_path: Path, removed: str, told: str) -> None:
    top = unpack(TREE, tmp_path / "diff")
    (top / removed).unlink()
    assert difference(TREE, top).startswith(told)


@pytest.mark.parametrize("added", ["a/b/new", "a/.wh.file", "c/other", "d"])
def test_what_was_added_is_told(tmp_path: Path, added: str) -> None:
    top = unpack(TREE, tmp_path / "diff")
    (top / added).mkdir()
    assert difference(TREE, top) == f"{added!a} in it is not in the layer's tar"


def test_devices_may_be_missing(tmp_path: Path) -> None:
    tree: Tree = {**TREE, "pipe": Device(tarfile.FIFOTYPE)}
    top = unpack(tree, tmp_path / "diff")
    assert difference(tree, top) == ""
    (top / "pipe").unlink()
    (top / "a/link").unlink()
    assert difference(tree, top) == ""


def test_deep_directories_are_walked_and_links_are_not_followed(tmp_path: Path) -> None:
    top = unpack(TREE, tmp_path / "diff")
    (top / "a/link").unlink()
    (top / "a/link").symlink_to(tmp_path)
    assert difference(TREE, top) == ""
    deep = "/".join(["d"] * 300)
    (top / "x").mkdir()
    folder = os.open(top / "x", os.O_RDONLY)
    for name in deep.split("/"):
        os.mkdir(name, dir_fd=folder)
        below = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    assert difference({**TREE, f"x/{deep}": Dir(0o755)}, top) == ""


def test_files_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = unpack(TREE, tmp_path / "diff")
    monkeypatch.setattr(compared, "MAX_HEADERS", 4)
    with pytest.raises(LimitExceeded, match="more than 4 files"):
        difference(TREE, top)
    with pytest.raises(AccessUnusable, match="there is no"):
        difference(TREE, tmp_path / "nowhere")
