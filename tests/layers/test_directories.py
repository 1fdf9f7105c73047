"""Directories whose names are packed away: the answers stay the same, and the work is bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import LimitExceeded
from inspector.layers import directories, tree
from inspector.layers.entries import Entries, Entry
from inspector.layers.entry import LayerIndex
from inspector.layers.merge import MergedRootfs, merge
from inspector.layers.tree import OPAQUE
from inspector.rootfs import Kind
from tests.effort import examples
from tests.lab.ours import listing

PATHS = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3).map("/".join)
LAYERS = st.lists(st.lists(PATHS, max_size=20, unique=True), min_size=1, max_size=4)


def index(paths: list[str]) -> LayerIndex:
    """A layer of files; those with others below them are directories, and each `f` is a whiteout or an opaque mark."""
    folders = {path.rpartition("/")[0] for path in paths}
    folders |= {"/".join(path.split("/")[:depth]) for path in paths for depth in (1, 2) if path.count("/") >= depth}
    entries = []
    for path in sorted(paths):
        parent, _, name = path.rpartition("/")
        if path in folders:
            entries.append(Entry(path, Kind.DIRECTORY, 0o755))
        elif name == "f":
            mark = OPAQUE if len(paths) % 2 else ".wh.a"
            if mark == OPAQUE or f"{parent}/a".lstrip("/") not in [*paths, *folders]:
                entries.append(Entry(f"{parent}/{mark}".lstrip("/"), Kind.FILE, 0o644))
        else:
            entries.append(Entry(path, Kind.FILE, 0o644, len(path)))
    return LayerIndex(f"sha256:{0:064}", Entries(entries), verified=True, size=0)


@given(LAYERS)
@examples(60)
def test_packing_changes_no_answer(layers: list[list[str]]) -> None:
    indexes = [index(paths) for paths in layers]
    expected = listing(merge(indexes))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(directories, "MAX_OPEN", 2)
        patch.setattr(tree, "_STRIDE", 1)
        fs = merge(indexes)
        assert listing(fs) == expected
        for path in expected:
            assert fs.lstat("/" + path) is not None


def crowd(count: int, folders: int = 1) -> MergedRootfs:
    entries = Entries(Entry(f"{number % folders}/{number}", Kind.FILE, 0o644) for number in range(count))
    return merge([LayerIndex(f"sha256:{0:064}", entries, verified=True, size=0)])


def test_a_directory_of_too_many_files_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directories, "MAX_OPEN", 100)
    monkeypatch.setattr(directories, "MAX_CROWD", 500)
    assert len(crowd(450).scandir("/0")) == 450
    with pytest.raises(LimitExceeded, match="more than 500 files in one directory"):
        crowd(1000)


def test_going_to_and_fro_between_packed_directories_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directories, "MAX_OPEN", 100)
    monkeypatch.setattr(tree, "_STRIDE", 1)
    assert len(crowd(1000, 5).scandir("/")) == 5
    monkeypatch.setattr(directories, "MAX_STEPS", 20_000)
    with pytest.raises(LimitExceeded, match="more links and directories"):
        crowd(1000, 5)
