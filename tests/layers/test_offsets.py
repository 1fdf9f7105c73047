"""Where the bytes of files lie in a tar that can be sought."""

from __future__ import annotations

import io

import pytest

from inspector.layers.offsets import offsets_of
from inspector.layers.readers import FileReader
from inspector.rootfs import NotKept
from inspector.testing.tree import Dir, Link, Tree, tar_of
from tests.support import index_of

TREE: Tree = {"a/": Dir(), "a/one": b"first", "link": Link("a/one"), "a/two": b"second"}


def test_each_file_is_found() -> None:
    tar = tar_of(TREE)
    found = offsets_of(FileReader(io.BytesIO(tar), 0, len(tar)), index_of(TREE).entries)
    assert [tar[found[at] : found[at] + 5] for at in (1, 3)] == [b"first", b"secon"]


@pytest.mark.parametrize("other", [{**TREE, "a/three": b""}, {"a/": Dir()}, {**TREE, "a/one": b"longer"}])
def test_another_tar_is_refused(other: Tree) -> None:
    tar = tar_of(other)
    with pytest.raises(NotKept, match="not the one"):
        offsets_of(FileReader(io.BytesIO(tar), 0, len(tar)), index_of(TREE).entries)
