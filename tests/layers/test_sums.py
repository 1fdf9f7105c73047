"""The sums of torch's sources in a layer's index: by every way of reading, under every name, kept between runs."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from inspector.layers import codec, sums
from inspector.layers.binaries import Binaries, remember
from inspector.layers.cache import IndexCache
from inspector.layers.entry import LayerIndex
from inspector.layers.file import FileRange
from inspector.layers.indexer import Indexed, Indexer
from inspector.layers.merge import merge
from inspector.layers.scan import scan_stream
from inspector.layers.source_sums import SourceSums
from inspector.rootfs import Kind, NotKept
from inspector.sources.engine.diff_directory import DiffDirectory, FileRecord
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


def every_way(tree: Tree, folder: Path) -> list[Indexed]:
    """The layer by each way of reading that takes sums, or can take them later."""
    passed = (streamed(tree), streamed(tree, again=False))
    return [
        *(Indexed(index, cached=False, bytes_read=0, how="stream", binaries=Binaries(index)) for index in passed),
        sought(tree, folder),
    ]


def sum_at(indexed: Indexed, path: str) -> bytes:
    assert indexed.binaries is not None
    return merge([indexed.index], [indexed.binaries]).sum(f"/{path}")


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
    for index in (streamed(tree), streamed(tree, again=False), streamed(tree, piece=100)):
        assert index.objects.sums == expected
        assert index.entries[1].path == "z"
    later = sought(tree, tmp_path).index
    assert not later.objects.sums
    assert (0 in later.objects.offsets) is summed or path.endswith(".so")


def walked(tree: Tree, folder: Path) -> Indexed:
    """The layer by its directory, as overlay2 keeps it."""
    (folder / "record").touch()
    blob = DiffDirectory(unpack(tree, folder / "diff"), FileRecord(folder / "record"))
    return Indexer(None, verify=False, meter=lambda _: None).index("", None, blob)


def sums_in(indexed: Indexed) -> dict[str, bytes | NotKept]:
    """The sums of all regular files, by path."""
    entries, binaries = indexed.index.entries, indexed.binaries
    assert binaries is not None
    places = [at for at, entry in enumerate(entries) if entry.kind is Kind.FILE]
    return {entries.path(at): found for at, found in binaries.sums(places).items()}


DIRECTORY: Tree = {"cache/a": SOURCE, PATH: Hardlink("cache/a"), "opt/torch/b.py": b"b", "opt/torch/c.py": SOURCE}


def test_of_a_directory_they_are_taken_when_they_are_asked_for(tmp_path: Path) -> None:
    indexed = walked(DIRECTORY, tmp_path)
    assert not indexed.index.objects.sums
    assert sum_at(indexed, PATH) == SUM
    assert sums_in(indexed) == {
        "cache/a": SUM,
        "opt/torch/b.py": hashlib.sha256(b"b").digest()[:16],
        "opt/torch/c.py": SUM,
    }


def test_a_source_of_a_directory_that_changed_is_no_matter_of_the_others(tmp_path: Path) -> None:
    indexed = walked(DIRECTORY, tmp_path)
    (tmp_path / "diff/opt/torch/b.py").write_bytes(b"longer")
    (tmp_path / "diff/opt/torch/c.py").unlink()
    (tmp_path / "diff/opt/torch/c.py").symlink_to(tmp_path / "diff/cache/a")
    found = {path: str(each) if isinstance(each, NotKept) else each for path, each in sums_in(indexed).items()}
    assert found.pop("cache/a") == SUM
    assert found == {
        "opt/torch/b.py": "it changed since its layer was read",
        "opt/torch/c.py": "it can't be read any more: Too many levels of symbolic links",
    }


def test_a_folder_that_became_a_link_is_not_followed_to_a_source(tmp_path: Path) -> None:
    indexed = walked(DIRECTORY, tmp_path)
    (tmp_path / "diff/opt/torch").rename(tmp_path / "torch")
    (tmp_path / "diff/opt/torch").symlink_to(tmp_path / "torch")
    assert {path: isinstance(each, NotKept) for path, each in sums_in(indexed).items()} == {
        "cache/a": False,
        "opt/torch/b.py": True,
        "opt/torch/c.py": True,
    }


def test_none_is_known_of_a_directory_that_the_engine_made_again(tmp_path: Path) -> None:
    indexed = walked(DIRECTORY, tmp_path)
    (tmp_path / "record").unlink()
    assert all(isinstance(each, NotKept) for each in sums_in(indexed).values())


@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_a_source_longer_than_what_lies_in_memory_is_summed(tmp_path: Path, mode: int) -> None:
    tree: Tree = {PATH: File(b"#" * 3_000_000, mode), "z": b"what follows"}
    for indexed in every_way(tree, tmp_path):
        assert sum_at(indexed, PATH) == hashlib.sha256(b"#" * 3_000_000).digest()[:16]
        assert indexed.index.entries[1].path == "z"


@pytest.mark.parametrize("first", ["cache/4f", "ostree/repo/objects/4f/0b.file"])
def test_a_further_name_asks_for_the_sum(tmp_path: Path, first: str) -> None:
    tree: Tree = {first: SOURCE, PATH: Hardlink(first), "z": b"what follows"}
    for indexed in every_way(tree, tmp_path):
        assert sum_at(indexed, PATH) == SUM


def test_what_is_not_summed_is_read_when_it_is_asked_for_and_kept(tmp_path: Path) -> None:
    with contextlib.closing(IndexCache(tmp_path / "layers.sqlite")) as cache:
        for _ in range(2):
            indexed = sought({"elsewhere.py": SOURCE}, tmp_path, cache)
            assert sum_at(indexed, "elsewhere.py") == SUM
            remember([indexed.binaries] if indexed.binaries else [])
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
    for indexed in every_way(tree, tmp_path):
        assert indexed.binaries is not None
        found = indexed.binaries.sums(range(3))
        assert sum(isinstance(each, bytes) for each in found.values()) <= 1
        assert indexed.binaries.missed


TIMED: Tree = {"torch/a.py": SOURCE, "torch/b.py": b"b\n", "torch/c.txt": b"c", "numpy/d.py": File(b"d\n", 0o755)}


def test_those_that_are_taken_later_need_no_further_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.layers.offsets.offsets_of", None)
    indexed = sought(TIMED, tmp_path)
    for path in ("torch/b.py", "torch/a.py", "numpy/d.py"):
        content = TIMED[path]
        whole = content.data if isinstance(content, File) else content
        assert isinstance(whole, bytes)
        assert sum_at(indexed, path) == hashlib.sha256(whole).digest()[:16]


def test_what_was_taken_later_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(IndexCache(tmp_path / "layers.sqlite")) as cache:
        first = sought(TIMED, tmp_path, cache)
        assert first.binaries is not None
        sum_at(first, "torch/a.py")
        remember([first.binaries])
        second = sought(TIMED, tmp_path, cache)
        assert second.binaries is not None
        assert sum_at(second, "torch/b.py") == hashlib.sha256(b"b\n").digest()[:16]
        remember([second.binaries])
        third = sought(TIMED, tmp_path, cache)
        monkeypatch.setattr(FileRange, "reader", None)
        assert sum_at(third, "torch/a.py") == SUM
        assert sum_at(third, "torch/b.py") == hashlib.sha256(b"b\n").digest()[:16]


def test_a_layer_that_changed_since_gives_none(tmp_path: Path) -> None:
    indexed = sought(TREE, tmp_path)
    os.utime(tmp_path / "layer.tar", ns=(1, 1))
    with pytest.raises(NotKept, match="its layer changed"):
        sum_at(indexed, PATH)


def test_a_layer_that_changes_meanwhile_gives_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    indexed = sought(TREE, tmp_path)
    take = SourceSums.take

    def taken(self: SourceSums, position: int, read: Callable[[int], bytes]) -> bytes | NotKept:
        os.utime(tmp_path / "layer.tar", ns=(1, 1))
        return take(self, position, read)

    monkeypatch.setattr(SourceSums, "take", taken)
    for _ in range(2):
        with pytest.raises(NotKept, match="its layer changed"):
            sum_at(indexed, PATH)


def test_a_row_of_sums_is_damaged_or_whole() -> None:
    found = {3: SUM, 1: bytes(16)}
    assert sums.unpack_sums(sums.pack_sums(found)) == found
    assert sums.unpack_sums(sums.pack_sums(found)[:-1]) == {}
