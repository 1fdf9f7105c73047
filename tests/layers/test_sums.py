"""The sums of torch's sources in a layer's index: by every way of reading, under every name, kept between runs."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
from pathlib import Path

import pytest

from inspector.layers import codec, sums
from inspector.layers.cache import IndexCache
from inspector.layers.entry import LayerIndex
from inspector.layers.merge import merge
from inspector.layers.scan import scan_stream
from inspector.rootfs import NotKept
from inspector.sources.engine.walk import Walk
from inspector.testing.tree import File, Hardlink, Tree, tar_of
from tests.layers.indexing import sought
from tests.sources.engine.unpacked import unpack

PATH = "opt/site-packages/torch/nn/functional.py"
SOURCE = b"import os\n" * 40
TREE: Tree = {PATH: SOURCE}
SUM = hashlib.sha256(SOURCE).digest()[:16]


def streamed(tree: Tree, *, again: bool = True, piece: int = 1 << 20) -> LayerIndex:
    packed = gzip.compress(tar_of(tree))
    pieces = [packed[at : at + piece] for at in range(0, len(packed), piece)]
    return scan_stream(iter(pieces), None, None, again=(lambda: iter(pieces)) if again else None).index


@pytest.mark.parametrize(
    ("path", "summed"),
    [
        (PATH, True),
        ("usr/lib/python3/dist-packages/torch/__init__.py", True),
        ("site-packages/torchgen/model.py", True),
        ("site-packages/numpy/core/x.py", True),
        ("a/site-packages/typing_extensions.py", True),
        ("site-packages/torch/lib/x.so", False),
        ("site-packages/torch/_C/__init__.pyi", False),
        ("site-packages/torchvision/io.py", False),
        ("site-packages/other.py", False),
    ],
)
def test_sources_that_an_import_may_read_are_summed(tmp_path: Path, path: str, summed: bool) -> None:  # noqa: FBT001
    tree: Tree = {path: SOURCE, "z": b"what follows"}
    expected = {0: SUM} if summed else {}
    for index in (streamed(tree), streamed(tree, again=False), streamed(tree, piece=100), sought(tree, tmp_path).index):
        assert index.objects.sums == expected
        assert index.entries[1].path == "z"


def test_a_walk_over_a_directory_sums_them_under_any_of_their_names(tmp_path: Path) -> None:
    tree: Tree = {"cache/a": SOURCE, PATH: Hardlink("cache/a"), "opt/torch/b.py": b"b", "opt/other.py": b"c"}
    walk = Walk(unpack(tree, tmp_path / "diff"), lambda _: None)
    walk.run()
    found = {walk.entries.path(at): found for at, found in walk.objects.sums.items()}
    assert found == {"cache/a": SUM, "opt/torch/b.py": hashlib.sha256(b"b").digest()[:16]}


@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_a_source_longer_than_what_lies_in_memory_is_summed(tmp_path: Path, mode: int) -> None:
    tree: Tree = {PATH: File(b"#" * 3_000_000, mode), "z": b"what follows"}
    for index in (streamed(tree), streamed(tree, again=False), sought(tree, tmp_path).index):
        assert merge([index]).sum(f"/{PATH}") == hashlib.sha256(b"#" * 3_000_000).digest()[:16]
        assert index.entries[1].path == "z"


@pytest.mark.parametrize("first", ["cache/4f", "ostree/repo/objects/4f/0b.file"])
def test_a_further_name_asks_for_the_sum(tmp_path: Path, first: str) -> None:
    tree: Tree = {first: SOURCE, PATH: Hardlink(first), "z": b"what follows"}
    for index in (streamed(tree), streamed(tree, again=False), sought(tree, tmp_path).index):
        assert merge([index]).sum(f"/{PATH}") == SUM


def test_what_is_not_summed_is_read_when_it_is_asked_for_and_kept(tmp_path: Path) -> None:
    with contextlib.closing(IndexCache(tmp_path / "layers.sqlite")) as cache:
        for _ in range(2):
            indexed = sought({"elsewhere.py": SOURCE}, tmp_path, cache)
            assert indexed.binaries is not None
            assert merge([indexed.index], [indexed.binaries]).sum("/elsewhere.py") == SUM
            indexed.binaries.remember(frozenset())
            (tmp_path / "layer.tar").touch()
    with pytest.raises(NotKept, match=r"elsewhere\.py': no sum of it was taken"):
        merge([streamed({"elsewhere.py": SOURCE})]).sum("/elsewhere.py")


def test_an_index_keeps_them_and_none_that_is_cut() -> None:
    index = streamed(TREE)
    kept = codec.decode(codec.encode(index))
    assert kept is not None
    assert kept.objects == index.objects
    assert kept.objects.sums == {0: SUM}
    index.objects.sums[0] = SUM[:-1]
    assert codec.decode(codec.encode(index)) is None


@pytest.mark.parametrize(("bound", "value"), [("MAX_FILES", 1), ("MAX_BYTES", 500), ("MAX_SOURCE", 10)])
def test_what_passes_a_bound_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, value: int
) -> None:
    monkeypatch.setattr(sums, bound, value)
    tree: Tree = {f"torch/{name}.py": SOURCE for name in "abc"}
    for index in (streamed(tree), streamed(tree, again=False), sought(tree, tmp_path).index):
        assert len(index.objects.sums) <= 1
