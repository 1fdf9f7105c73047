"""All files below a directory at once, against the listing of each directory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.layers import below as module
from inspector.layers.merge import MergedRootfs
from inspector.rootfs import Kind, files_below, names_below, names_in, walk
from inspector.testing.tree import Device, Dir, Hardlink, Link, Member
from tests.effort import examples
from tests.support import rootfs_of

BASE: dict[str, Member] = {
    "v/a/x.py": b"1",
    "v/a/y.py": b"22",
    "v/a/__pycache__/x.pyc": b"333",
    "v/a/link": Link("x.py"),
    "v/b": Dir(0o700, owner=(7, 8)),
    "v/b/same.py": Hardlink("v/a/y.py"),
    "v/b/null": Device(),
    "v/b/up": Link("../a"),
    "w": b"4",
}
LATER: dict[str, Member] = {"v/a/x.py": b"55555", "v/b/.wh.null": b"", "v/c/new": Hardlink("v/a/x.py"), "v/a/z": Dir()}


def checked(fs: MergedRootfs, top: str) -> None:
    """Check all that is told of the files below a directory against its nodes."""
    found = files_below(fs, top)
    assert found is not None
    listed = list(walk(fs, top))
    begin = len(top.rstrip("/")) + 1
    nodes = {f"{path.rstrip('/')}/{name}"[begin:]: node for path, inside in listed for name, node in inside.items()}
    files = {path: node for path, node in nodes.items() if node.kind is Kind.FILE}
    assert list(found.inodes) == list(files) if not found.others else found.inodes.keys() == files.keys()
    assert found.inodes == {path: node.inode for path, node in files.items()}
    by_folder = {folder + name: inode for folder, names in found.folders.items() for name, inode in names.items()}
    assert by_folder == found.inodes
    assert found.sizes([*found.inodes.values()]) == [files[path].size for path in found.inodes]
    assert {path: found.node(path) for path in files} == files
    assert set(found.others) == {path for path in nodes if path not in files and nodes[path].kind is not Kind.DIRECTORY}
    assert found.layers >= {node.layer for node in files.values()}
    folders = [fs.lstat(top), *(node for node in nodes.values() if node.kind is Kind.DIRECTORY)]
    rights = {(each.mode, each.uid, each.gid) for each in found.directories}
    assert rights == {(node.mode, node.uid, node.gid) for node in folders if node is not None}
    assert {here: (set(one), set(two)) for here, one, two in names_below(fs, top)} == {
        f"{path.rstrip('/')}/": tuple(map(set, names_in(fs, path))) for path, _ in listed
    }


@pytest.mark.parametrize("top", ["/", "/v", "/v/a", "/v/b"])
@pytest.mark.parametrize("layers", [(BASE,), (BASE, LATER), (BASE, LATER, {"v/b/.wh..wh..opq": b"", "v/b/own": b"1"})])
def test_what_is_below_is_what_the_directories_list(layers: tuple[dict[str, Member], ...], top: str) -> None:
    checked(rootfs_of(*layers), top)


_PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)


@given(st.lists(st.lists(_PATHS, max_size=12, unique=True), min_size=1, max_size=3))
@examples(60)
def test_any_layers(layers: list[list[str]]) -> None:
    trees: list[dict[str, Member]] = []
    for paths in layers:
        folders = {path.rpartition("/")[0] for path in paths} | {
            path.partition("/")[0] for path in paths if "/" in path
        }
        trees.append({path: Dir() if path in folders else path.encode() for path in sorted(paths)})
    checked(rootfs_of(*trees), "/")


def test_what_is_no_directory_or_too_much_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    fs = rootfs_of(BASE)
    assert [files_below(fs, path) for path in ("/w", "/none", "/v/b/up")] == [None] * 3
    assert list(names_below(fs, "/none")) == []
    monkeypatch.setattr(module, "MAX_FILES", 6)
    assert files_below(fs, "/v") is None
    assert files_below(fs, "/v/a") is not None
    monkeypatch.setattr(module, "MAX_CHARACTERS", 10)
    assert files_below(rootfs_of(BASE), "/v/a") is None
