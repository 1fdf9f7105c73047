"""Torch's list of architectures in a layer's index: by every way of reading, under every name, kept between runs."""

from __future__ import annotations

import contextlib
import gzip
from pathlib import Path

import pytest

from fixtures.elf import Elf
from fixtures.fatbin import fatbin
from inspector.elf import Listed
from inspector.layers import codec, taking
from inspector.layers.cache import IndexCache
from inspector.layers.entry import LayerIndex
from inspector.layers.merge import merge
from inspector.layers.scan import scan_stream
from inspector.rootfs import NotKept
from inspector.testing.tree import Hardlink, Tree, tar_of
from tests.layers.indexing import sought

PATH = "opt/torch/lib/libtorch_python.so"
LIST = Listed(("sm_80", "sm_90"))
TORCH = Elf(text=b"ipc_hsm_80 sm_90\0").encode()
TREE: Tree = {PATH: TORCH}


def streamed(tree: Tree) -> LayerIndex:
    return scan_stream(iter([gzip.compress(tar_of(tree))]), None, None).index


def test_a_stream_has_it_and_keeps_it() -> None:
    index = streamed(TREE)
    assert merge([index]).listed(f"/{PATH}") == LIST
    kept = codec.decode(codec.encode(index))
    assert kept is not None
    assert merge([kept]).listed(f"/{PATH}") == LIST


@pytest.mark.parametrize("size", [0, 3 << 20, 9 << 20])
def test_a_large_file_is_searched_as_it_goes_by(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(taking, "SMALL", 1000)
    tree: Tree = {PATH: Elf(text=bytes(size) + b"sm_80 sm_90\0").encode(), "z": b"what follows"}
    index = streamed(tree)
    assert merge([index]).listed(f"/{PATH}") == LIST
    assert index.entries[1].path == "z"


def test_what_lies_behind_all_that_is_loaded_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as the names of debuggers' symbols, a third of the file."""
    monkeypatch.setattr(taking, "SMALL", 1000)
    index = streamed({PATH: TORCH + bytes(9 << 10) + b"\0sm_70 sm_80 sm_90\0" + bytes(9 << 10), "z": b"what follows"})
    assert merge([index]).listed(f"/{PATH}") == LIST
    assert index.entries[1].path == "z"


def test_a_name_that_is_a_link_asks_for_it(tmp_path: Path) -> None:
    tree: Tree = {"cas/0123": TORCH, PATH: Hardlink("cas/0123")}
    content = gzip.compress(tar_of(tree))
    index = scan_stream(iter([content]), None, None, again=lambda: iter([content])).index
    assert merge([index]).listed(f"/{PATH}") == LIST
    assert merge([index]).listed("/cas/0123") == LIST
    found = sought(tree, tmp_path)
    assert found.binaries is not None
    assert merge([found.index], [found.binaries]).listed(f"/{PATH}") == LIST


def test_seeking_reads_it_once_and_the_cache_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(IndexCache(tmp_path / "cache.db")) as cache:
        first = sought(TREE, tmp_path, cache)
        assert first.binaries is not None
        assert merge([first.index], [first.binaries]).listed(f"/{PATH}") == LIST
        first.binaries.remember(frozenset())
        again = sought(TREE, tmp_path, cache)
        assert again.cached
        assert again.binaries is not None
        monkeypatch.setattr("inspector.layers.binaries.read_listed", None)
        assert merge([again.index], [again.binaries]).listed(f"/{PATH}") == LIST


def test_a_library_of_another_name_is_not_searched_in_a_stream() -> None:
    index = streamed({"lib/libother.so": TORCH})
    with pytest.raises(NotKept):
        merge([index]).listed("/lib/libother.so")


def test_what_is_no_elf_file_has_none() -> None:
    with pytest.raises(NotKept):
        merge([streamed({PATH: b"sm_80 sm_90\0"})]).listed(f"/{PATH}")


def test_the_first_page_of_a_compat_library_is_kept(tmp_path: Path) -> None:
    name = "usr/local/cuda-13.1/compat/libcuda.so.590.44.01"
    tree: Tree = {name: b"\x7fELF" + bytes(9000), f"{name}.txt": b"\x7fELF" + bytes(9000)}
    for index in (streamed(tree), sought(tree, tmp_path).index):
        fs = merge([index])
        assert len(fs.head(f"/{name}")) == 4096
        with pytest.raises(NotKept):
            fs.head(f"/{name}.txt")


def test_kernels_are_found_as_they_go_by(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = "opt/torch/lib/libtorch_cuda.so"
    library = Elf(text=bytes(100_000), sections={".nv_fatbin": fatbin("sm_80 sm_90", "sm_50")}).encode()
    assert merge([streamed({name: library})]).listed(f"/{name}") == LIST
    monkeypatch.setattr(taking, "SMALL", 1000)
    assert merge([streamed({name: library})]).listed(f"/{name}") == LIST
    found = sought({name: library}, tmp_path)
    assert found.binaries is not None
    assert merge([found.index], [found.binaries]).listed(f"/{name}") == LIST
