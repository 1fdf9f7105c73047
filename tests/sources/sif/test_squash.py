"""Squashfs files, as they are made and as they are damaged."""

from __future__ import annotations

import io
import struct
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.squash import PACKINGS, squashfs
from inspector.errors import CorruptLayer, InspectorError, LimitExceeded, Unsupported
from inspector.layers.blob import Scanned
from inspector.layers.entries import OwnRoom
from inspector.layers.merge import merge
from inspector.layers.readers import FileReader
from inspector.layers.scan import make_index
from inspector.rootfs import Kind, NotKept
from inspector.sources.sif import packing as packings
from inspector.sources.sif import squash as squash_module
from inspector.sources.sif import walk
from inspector.sources.sif.blob import SquashBlob
from inspector.sources.sif.content import Blocks, head
from inspector.sources.sif.squash import Squash
from inspector.testing.tree import Device, Dir, File, Hardlink, Link, Tree
from tests.effort import examples

TREE: Tree = {
    "a/main.py": b"print(1)\n" * 5000,
    "a/again": Hardlink("a/main.py"),
    "bin": Link("usr/bin"),
    "dev/null": Device(numbers=(1, 3)),
    "empty": b"",
    "etc/passwd": b"root:x:0:0::/root:/bin/sh\n",
    "tmp": Dir(0o1777),
    "usr/bin/tool": File(b"#!/bin/sh\nexit 0\n" + b"# long\n" * 3000, 0o755, owner=(7, 8)),
    "zeros": bytes(12_288) + b"end",
    **{f"many/{number:04}-with-a-name-that-is-long": b"%d" % number for number in range(1000)},
}


def scanned(content: bytes, path: Path) -> Scanned:
    path.write_bytes(content)
    return SquashBlob(path, 0, len(content)).scan("", None, verify=False, meter=lambda _: None)


def opened(content: bytes) -> Squash:
    return Squash(FileReader(io.BytesIO(content), 0, len(content)), len(content))


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_name_and_what_it_is(packing: str, tmp_path: Path) -> None:
    entries = scanned(squashfs(TREE, packing), tmp_path / "a").index.entries
    found = {entry.path: entry for entry in entries}
    parents = {path.rpartition("/")[0] for path in TREE} | {"usr"}
    assert set(found) == {*TREE, *parents}
    assert entries[0].path == ""
    assert (found["bin"].kind, found["bin"].link, found["bin"].size) == (Kind.SYMLINK, "usr/bin", 0)
    assert (found["a/again"].kind, found["a/main.py"].kind) == (Kind.FILE, Kind.HARDLINK)
    assert found["a/main.py"].link == "a/again"
    assert (found["dev/null"].kind, found["dev/null"].device) == (Kind.CHAR, (1, 3))
    assert (found["usr/bin/tool"].mode, found["usr/bin/tool"].uid, found["usr/bin/tool"].gid) == (0o755, 7, 8)
    assert found["tmp"].mode == 0o1777
    assert found["etc/passwd"].data == TREE["etc/passwd"]
    assert found["usr/bin/tool"].data.startswith(b"#!/bin/sh")
    assert found["zeros"].size == 12_291


@pytest.mark.parametrize("packing", PACKINGS)
def test_files_are_read_at_any_place(packing: str) -> None:
    squash = opened(squashfs(TREE, packing))
    for path in ("a/main.py", "a/again", "zeros", "usr/bin/tool", "empty"):
        inode = squash.find(path)
        assert inode is not None
        member = TREE["a/main.py" if path == "a/again" else path]
        data = member.data if isinstance(member, File) else member
        assert isinstance(data, bytes)
        blocks = Blocks(squash, inode)
        assert blocks.read_at(0, len(data) + 9) == data == head(squash, inode, 1 << 30)
        for at, size in ((0, 10), (4090, 10), (12_280, 100), (len(data), 5)):
            assert blocks.read_at(at, size) == data[at : at + size]
    assert squash.find("bin/tool") is None
    assert squash.find("nothing") is None


def test_a_file_that_is_read_later_must_be_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(squashfs(TREE))
    blob = SquashBlob(path, 0, path.stat().st_size)
    index = blob.scan("", None, verify=False, meter=lambda _: None).index
    position = next(at for at in range(len(index.entries)) if index.entries.path(at) == "zeros")
    with blob.open_file(index, position) as source:
        assert source.read_at(12_288, 3) == b"end"
    path.write_bytes(squashfs({**TREE, "zeros": b"other"}))
    with pytest.raises(NotKept), blob.open_file(index, position):
        pass
    with pytest.raises(Unsupported, match="no digest of its files"):
        blob.scan("", None, verify=True, meter=lambda _: None)


def changed(content: bytes, at: int, layout: str, *values: int) -> bytes:
    """The same with fields of the superblock changed."""
    out = bytearray(content)
    struct.pack_into(layout, out, at, *values)
    return bytes(out)


PLAIN = squashfs({"a": b"1"})


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"hsqs", CorruptLayer, "no squashfs"),
        (PLAIN[:-1], CorruptLayer, "is cut"),
        (changed(PLAIN, 28, "<H", 3), Unsupported, "version 3"),
        (changed(PLAIN, 12, "<I", 5000), CorruptLayer, "blocks of 5000 bytes"),
        (changed(PLAIN, 12, "<I", 1 << 30), CorruptLayer, "blocks of"),
        (changed(PLAIN, 20, "<H", 3), Unsupported, "LZO"),
        (changed(PLAIN, 20, "<H", 9), Unsupported, "number 9"),
        (changed(PLAIN, 20, "<H", 6), CorruptLayer, "corrupt"),
        (changed(PLAIN, 32, "<Q", 1 << 60), CorruptLayer, "behind its end"),
        (changed(PLAIN, 64, "<Q", 1 << 62), CorruptLayer, "behind its end"),
        (changed(PLAIN, 72, "<Q", 0), CorruptLayer, "."),
        (squashfs({"a/x": b"1", "b": Hardlink("a")}), CorruptLayer, "in more than one place"),
        (squashfs({"..": b"1"}), CorruptLayer, "can't be there"),
        (squashfs({"a\0b": b"1"}), CorruptLayer, "can't be there"),
        (squashfs({"a": Link("x" * 5000)}), CorruptLayer, "text of 5000 bytes"),
    ],
)
def test_what_is_refused(content: bytes, error: type[InspectorError], says: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=says) as raised:
        scanned(content, tmp_path / "a")
    assert str(raised.value).count(str(tmp_path)) == 1


def test_directories_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = squashfs({"/".join("d" * 30): Dir()})
    monkeypatch.setattr(walk, "MAX_DEPTH", 20)
    with pytest.raises(LimitExceeded, match="within each other"):
        scanned(deep, tmp_path / "deep")
    monkeypatch.setattr(walk, "MAX_HEADERS", 100)
    with pytest.raises(LimitExceeded, match="more than 100 files"):
        scanned(squashfs(TREE), tmp_path / "many")
    monkeypatch.setattr(squash_module, "MAX_UNPACKED", 10_000)
    with pytest.raises(LimitExceeded, match="unpacks more than"):
        scanned(squashfs(TREE), tmp_path / "work")


def test_a_block_is_unpacked_no_further_than_it_may_be() -> None:
    """A block of a table has 8 KiB, and one of a file what the superblock says, whatever its stream holds."""
    for number, pack in PACKINGS.values():
        bomb = pack(bytes(1 << 20))
        assert packings.unpacker(number)(bomb, 8192) == bytes(8192)


SMALL = [squashfs({path: TREE[path] for path in TREE if "many" not in path}, packing) for packing in PACKINGS]


@examples(100)
@given(st.data())
def test_damaged_ones_are_refused_in_our_words_and_soon(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SMALL)))
    for _ in range(data.draw(st.integers(1, 6))):
        last = len(content) - 1
        at = data.draw(st.integers(0, last) | st.integers(0, 95) | st.integers(last - 800, last))
        content[at] = data.draw(st.integers(0, 255))
    began = time.process_time()
    try:
        found = walk.SquashWalk(opened(bytes(content)), lambda _: None, OwnRoom())
        found.run()
        merge([make_index("", found, verified=False)], literal=True)
    except InspectorError:
        pass
    assert time.process_time() - began < 20
