"""A layer that a copy of this process reads: the same answers, and none of it where it isn't safe or no use."""

from __future__ import annotations

import _ctypes
import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from fixtures.roles import right_images
from inspector import work
from inspector.elf import NotElf, Skeleton
from inspector.errors import CorruptLayer
from inspector.facts import ImageFacts
from inspector.layers import binaries
from inspector.layers.cache import IndexCache
from inspector.layers.file import FileRange
from inspector.layers.indexer import Indexer
from inspector.pipeline import Options, ahead, inspect
from inspector.pipeline.shared import SharedIndexer
from inspector.rootfs import Kind
from inspector.sources.engine.diff_directory import DiffDirectory, FileRecord
from inspector.sources.image import Layer
from inspector.testing.blobs import archive_of
from inspector.testing.tree import File, Tree, tar_of
from inspector.work import copies
from tests.comparable import comparable
from tests.sources.engine.unpacked import unpack

GPU = right_images()["worker-gpu"]
LIBRARY = "usr/lib/python3/dist-packages/torch/_C.cpython-311-x86_64-linux-gnu.so"
CUT = "usr/lib/python3/dist-packages/other/libcut.so.1"
TREE: Tree = {
    "usr/lib/python3/dist-packages/torch/a.py": b"a = 1\n" * 50,
    "usr/lib/python3/dist-packages/typing_extensions.py": b"b = 2\n" * 60,
    "usr/lib/python3/dist-packages/other/c.py": b"c = 3\n",
    LIBRARY: Path(_ctypes.__file__).read_bytes(),
    CUT: b"\x7fELF cut",
    "usr/bin/tool": File(b"\x7fELF cut", 0o755),
}
LAYER = "sha256:" + "a" * 64
Began = list[work.Aside | None]


@pytest.fixture(autouse=True)
def began(monkeypatch: pytest.MonkeyPatch) -> Began:
    """Have small layers read ahead too, whatever threads pytest has; what was begun."""
    copied = work.aside
    made: Began = []

    def begin(action: Callable[[], Iterator[bytes]]) -> work.Aside | None:
        made.append(copied(action))
        return made[-1]

    monkeypatch.setattr(copies, "_may_copy", lambda: True)
    monkeypatch.setattr(ahead, "LEAST", 1)
    monkeypatch.setattr(work, "aside", begin)
    return made


def facts_of(path: Path, cache: IndexCache | None = None, *, aside: bool = True, verify: bool = False) -> ImageFacts:
    return inspect(str(path), Options(cache=cache, meanwhile=bool if aside else None, verify=verify))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "image.tar"
    path.write_bytes(archive_of(GPU, ["worker:1"]))
    return path


def test_an_image_gives_the_same_facts_and_leaves_the_same_cache(archive: Path, tmp_path: Path, began: Began) -> None:
    found = {}
    for aside in (True, False):
        path = tmp_path / str(aside) / "layers.sqlite"
        with contextlib.closing(IndexCache(path)) as cache:
            facts = facts_of(archive, cache, aside=aside)
        with contextlib.closing(sqlite3.connect(path)) as database:
            rows = [database.execute(f"SELECT content FROM {table}").fetchall() for table in ("layer", "symbols")]
        found[aside] = comparable(facts), facts.evidence.bytes_read, rows
    assert found[True] == found[False]
    assert len(began) == 1
    assert began[0] is not None


@pytest.mark.parametrize("way", ["tar", "directory"])
def test_a_layer_gives_the_same_index_sums_and_libraries(way: str, tmp_path: Path) -> None:
    layer = layer_of(way, tmp_path)
    metered: list[int] = []
    indexer = Indexer(None, verify=False, meter=metered.append)
    expected = indexer.index(LAYER, None, layer.blob)
    counts: list[int] = []
    with ahead.reading_ahead([layer], indexer, bool) as begun:
        assert begun is not None
        found = begun.take(counts.append)
        assert found is not None
        assert found.ahead is not None
        sums = found.ahead.sums()
        files = [(each.path, at, found.ahead.elf(at)) for at, each in enumerate(found.index.entries)]
    assert (found.index, found.how, found.bytes_read) == (expected.index, expected.how, expected.bytes_read)
    assert expected.binaries is not None
    summed = [at for at, entry in enumerate(expected.index.entries) if entry.kind is Kind.FILE and at in sums]
    assert sums == expected.binaries.sums(summed)
    assert {expected.index.entries[at].path.rpartition("/")[2] for at in sums} == {"a.py", "typing_extensions.py"}
    assert sum(counts) == sum(metered)
    read = {path: (at, told) for path, at, told in files if told is not None}
    assert read.keys() == {LIBRARY, CUT}
    for at, (skeleton, symbols) in read.values():
        assert skeleton == expected.binaries.skeleton(at)
        assert symbols == (None if isinstance(skeleton, NotElf) else expected.binaries.symbols(at))


@pytest.mark.parametrize("way", ["tar", "directory"])
def test_libraries_that_were_read_ahead_are_not_read_again(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = layer_of(way, tmp_path)
    indexer = SharedIndexer(None, verify=False, meter=lambda _: None, expected=[LAYER])
    with indexer.reading_ahead([layer], bool):
        found = indexer.index(LAYER, None, layer.blob)
        for each in ("skeleton_of", "symbols_of"):
            monkeypatch.setattr(binaries, each, None)
        assert found.binaries is not None
        at = [entry.path for entry in found.index.entries].index(LIBRARY)
        assert isinstance(found.binaries.skeleton(at), Skeleton)
        assert found.binaries.symbols(at).exported


def layer_of(way: str, folder: Path) -> Layer:
    if way == "directory":
        (folder / "record").touch()
        blob = DiffDirectory(unpack(TREE, folder / "diff"), FileRecord(folder / "record"))
        return Layer(blob=blob, diff_id=LAYER, walked=True, stored_size=1)
    tar = tar_of(TREE)
    (folder / "layer.tar").write_bytes(tar)
    return Layer(blob=FileRange(folder / "layer.tar", 0, len(tar)), diff_id=LAYER, stored_size=len(tar))


def test_what_is_told_of_libraries_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "MAX_BYTES", 100)
    with ahead.reading_ahead(
        [layer_of("tar", tmp_path)], Indexer(None, verify=False, meter=lambda _: None), bool
    ) as begun:
        assert begun is not None
        found = begun.take(lambda _: None)
        assert found is not None
        told = {each.path for at, each in enumerate(found.index.entries) if begun.elf(at) is not None}
    assert told == {CUT}


def test_the_largest_is_read_that_is_read_by_its_headers(tmp_path: Path, began: Began) -> None:
    small = layer_of("tar", tmp_path)
    assert isinstance(small.blob, FileRange)
    packed = msgspec.structs.replace(small, compressed=True, stored_size=1 << 40)
    with ahead.reading_ahead([packed], Indexer(None, verify=False, meter=lambda _: None), bool) as begun:
        assert begun is None
    none = msgspec.structs.replace(small, blob=FileRange(small.blob.path, 0, 0))
    with ahead.reading_ahead([none, small, packed], Indexer(None, verify=False, meter=lambda _: None), bool) as begun:
        assert begun is not None
        assert begun.identity == small.blob.identity
    assert len(began) == 1


def test_no_copy_reads_what_is_known_or_is_to_be_verified(archive: Path, tmp_path: Path, began: Began) -> None:
    facts_of(archive, verify=True)
    assert began == []
    with contextlib.closing(IndexCache(tmp_path / "layers.sqlite")) as cache:
        facts_of(archive, cache)
        inspect(str(archive), Options(cache=cache, meanwhile=bool, sizes=True))
    assert len(began) == 1


def test_a_layer_that_a_copy_can_not_read_is_read_here_and_says_why(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = comparable(facts_of(archive, aside=False))
    monkeypatch.setattr(ahead, "_read", lambda *_: iter(()))
    assert comparable(facts_of(archive)) == expected
    content = bytearray(archive.read_bytes())
    start = content.index(b"site-packages/torch/version.py\0")
    content[start : start + 8] = b"elsewhere"[:8]
    archive.write_bytes(content)
    with pytest.raises(CorruptLayer, match="checksum"):
        facts_of(archive)


def test_other_bytes_than_those_that_were_read_ahead_are_read(tmp_path: Path) -> None:
    layer = layer_of("tar", tmp_path)
    assert isinstance(layer.blob, FileRange)
    indexer = SharedIndexer(None, verify=False, meter=lambda _: None, expected=[layer.diff_id])
    with indexer.reading_ahead([layer], bool):
        layer.blob.path.write_bytes(tar_of({**TREE, "new": b""}).ljust(layer.blob.length, b"\0"))
        found = indexer.index(layer.diff_id, None, FileRange(layer.blob.path, 0, layer.blob.path.stat().st_size))
    assert "new" in [entry.path for entry in found.index.entries]
