"""ELF files in a layer's index: the same by every way of reading, by content, within bounds, and kept between runs."""

from __future__ import annotations

import contextlib
import gzip
import os
from array import array
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fixtures.elf import Elf
from inspector.elf import Content, LoaderFacts, NotElf, Skeleton, Symbols, read_skeleton, words_of
from inspector.errors import CorruptLayer
from inspector.layers import codec, taking
from inspector.layers.binaries import Binaries, remember
from inspector.layers.cache import IndexCache
from inspector.layers.entry import LayerIndex
from inspector.layers.file import FileRange
from inspector.layers.indexer import Indexed, Indexer
from inspector.layers.merge import MergedRootfs, merge
from inspector.layers.objects import KEPT_KEY, Gathering, pack_row, unpack_row
from inspector.layers.scan import scan_stream
from inspector.rootfs import NotKept
from inspector.sources.engine.diff_directory import DiffDirectory, FileRecord
from inspector.testing.tree import File, Hardlink, Link, Tree, tar_of
from tests.layers.test_scan import sha256

X = Elf(soname="libx.so.1", needed=("libc.so.6",), runpath="$ORIGIN", defines=("X_1",)).encode()
PROGRAM = Elf(loader="/lib64/ld-linux-x86-64.so.2", needed=("libc.so.6",)).encode()
PYTHON = Elf(loader="/lib64/ld-linux-x86-64.so.2", needed=("libc.so.6",), text=b"\0Py_BytesMain\0").encode()
LOADER = Elf(soname="ld-linux-x86-64.so.2", text=b"\0/lib64/\0/usr/lib64/\0\0 stable release version 2.36.\n").encode()
TREE: Tree = {
    "a/libx.so.1": File(X, 0o644),
    "a/libx.so": Link("libx.so.1"),
    "bin/tool": File(PROGRAM, 0o755),
    "bin/python": File(PYTHON, 0o755),
    "bin/run": File(b"#!/bin/sh\n", 0o755),
    "lib/ld-linux-x86-64.so.2": File(LOADER, 0o755),
    "lib/libtext.so": b"INPUT(libx.so.1)\n" * 9,
    "lib/libempty.so": b"",
    "lib/short.so": b"\x7fELF",
    "text": b"text",
    "z/libhard.so.1": Hardlink("a/libx.so.1"),
}


@pytest.fixture
def plain(tmp_path: Path) -> FileRange:
    content = tar_of(TREE)
    (tmp_path / "layer.tar").write_bytes(content)
    return FileRange(tmp_path / "layer.tar", 0, len(content))


def streamed(tree: Tree) -> LayerIndex:
    return scan_stream(iter([gzip.compress(tar_of(tree))]), None, None).index


def unpacked(tree: Tree, top: Path) -> None:
    for name, member in tree.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(member, Link):
            path.symlink_to(member.target)
        elif isinstance(member, Hardlink):
            os.link(top / member.target, path)
        elif isinstance(member, File):
            path.write_bytes(member.data)
            path.chmod(member.mode)
        elif isinstance(member, bytes):
            path.write_bytes(member)


def every_way(tree: Tree, tmp_path: Path) -> Iterator[tuple[str, MergedRootfs]]:
    """The file system of one layer, read by stream, by seeking and by a walk; the two last read symbols later."""
    content = tar_of(tree)
    (tmp_path / "layer.tar").write_bytes(content)
    top = tmp_path / "files"
    unpacked(tree, top)
    (tmp_path / "record").write_bytes(b"")
    for blob in (
        FileRange(tmp_path / "layer.tar", 0, len(content)),
        DiffDirectory(top, FileRecord(tmp_path / "record")),
    ):
        indexed = Indexer(None, verify=False, meter=lambda _: None).index(sha256(content), None, blob)
        assert indexed.binaries is not None
        yield indexed.how, merge([indexed.index], [indexed.binaries])
    yield "stream", merge([streamed(tree)])


def test_every_way_of_reading_tells_the_same(tmp_path: Path) -> None:
    found = {}
    for how, fs in every_way(TREE, tmp_path):
        paths = ["/a/libx.so.1", "/z/libhard.so.1", "/bin/python", "/lib/ld-linux-x86-64.so.2"]
        odd = ["/bin/run", "/lib/libtext.so", "/lib/libempty.so", "/lib/short.so"]
        known = [(fs.skeleton(path), fs.symbols(path, whole=True)) for path in paths]
        found[how] = known, [fs.skeleton(path) for path in ("/bin/tool", *odd)]
        assert fs.loader("/lib/ld-linux-x86-64.so.2") == LoaderFacts(("/lib64", "/usr/lib64"), "2.36")
    assert set(found) == {"seek", "walk", "stream"}
    skeletons, (tool, *odd_ones) = found["stream"]
    assert isinstance(tool, Skeleton)
    assert skeletons[0] == skeletons[1]
    assert isinstance(skeletons[0][0], Skeleton)
    assert (skeletons[0][0].soname, skeletons[0][0].runpath) == ("libx.so.1", "$ORIGIN")
    assert isinstance(skeletons[2][0], Skeleton)
    assert skeletons[2][0].interpreter == "/lib64/ld-linux-x86-64.so.2"
    assert odd_ones == [
        NotElf("file too short"),
        NotElf("invalid ELF header"),
        NotElf("file too short"),
        NotElf("file too short"),
    ]
    assert found["seek"] == found["stream"] == found["walk"]


@pytest.mark.parametrize("small", [0, taking.SMALL])
def test_of_programs_in_a_stream_only_a_python_has_symbols(small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name, or by those of Python's functions that it names; whether it is had whole, or read as it goes by."""
    monkeypatch.setattr(taking, "SMALL", small)
    loader = "/lib64/ld-linux-x86-64.so.2"
    tree: Tree = {
        "bin/tool": File(PROGRAM, 0o755),
        "bin/text": File(Elf(loader=loader, needed=("libc.so.6",), text=b"\0Py_BytesMain\0").encode(), 0o755),
        "bin/start": File(Elf(loader=loader, undefined=("Py_BytesMain",)).encode(), 0o755),
        "bin/pypy3": File(PROGRAM, 0o755),
        "lib/libtool.so": File(PROGRAM, 0o755),
    }
    index = streamed(tree)
    assert len(index.objects.skeletons) == len(tree)
    assert {index.entries.path(at) for at in index.objects.symbols} == {"bin/start", "bin/pypy3", "lib/libtool.so"}


def test_a_library_that_comes_in_many_pieces_tells_the_same() -> None:
    content = tar_of({"lib/libx.so.1": Elf(soname="libx.so.1", symbols=("x",), text=bytes(9000)).encode()})
    pieces = [content[at : at + 700] for at in range(0, len(content), 700)]
    found, whole = (scan_stream(iter(chunks), None, None).index.objects for chunks in (pieces, [content]))
    assert (found.skeletons, found.symbols) == (whole.skeletons, whole.symbols)
    assert found.symbols


def test_a_tar_that_is_cut_in_a_library_is_refused() -> None:
    content = tar_of({"lib/libx.so.1": Elf(soname="libx.so.1", text=bytes(9000)).encode()})[:5000]
    pieces = [content[at : at + 700] for at in range(0, len(content), 700)]
    with pytest.raises(CorruptLayer, match="cut inside a member's data at byte 5000"):
        scan_stream(iter(pieces), None, None)


STORE = "sysroot/ostree/repo/objects"
SITE = "usr/lib/python3/site-packages"
OSTREE: Tree = {
    f"{STORE}/0a/{'1' * 62}.file": b"cuda = None\n",
    f"{STORE}/0b/{'2' * 62}.file": File(X, 0o644),
    f"{STORE}/0c/{'3' * 62}.file": File(LOADER, 0o644),
    f"{STORE}/0d/{'4' * 62}.file": File(b"#!/bin/sh\nexit\n", 0o755),
    "filler": bytes(1000),
    f"{SITE}/torch/version.py": Hardlink(f"{STORE}/0a/{'1' * 62}.file"),
    f"{SITE}/torch/libx.so.1": Hardlink(f"{STORE}/0b/{'2' * 62}.file"),
    "usr/lib/ld-linux-x86-64.so.2": Hardlink(f"{STORE}/0c/{'3' * 62}.file"),
    "usr/bin/run": Hardlink(f"{STORE}/0d/{'4' * 62}.file"),
}


def test_a_file_is_kept_if_any_of_its_names_is_of_use(tmp_path: Path) -> None:
    for _, fs in every_way(OSTREE, tmp_path):
        assert fs.read(f"/{SITE}/torch/version.py") == b"cuda = None\n"
        assert isinstance(fs.skeleton(f"/{SITE}/torch/libx.so.1"), Skeleton)
        assert fs.symbols(f"/{SITE}/torch/libx.so.1").partial == ""
        assert fs.head("/usr/bin/run").startswith(b"#!/bin/sh")


def test_a_program_of_which_a_further_name_wants_all_is_read_whole(tmp_path: Path) -> None:
    """Its first bytes were taken for a program's head, as its first name asked, before that was known."""
    tree: Tree = {"opt/blob": File(b"Name: x\n" * 900, 0o755), f"{SITE}/x.dist-info/METADATA": Hardlink("opt/blob")}
    for how, fs in every_way(tree, tmp_path):
        assert fs.read(f"/{SITE}/x.dist-info/METADATA") == b"Name: x\n" * 900, how


def test_a_loader_is_known_by_its_own_name(tmp_path: Path) -> None:
    """Wherever it is stored, and whatever leads to it, also in a stream that goes by once."""
    tree: Tree = {"opt/data": File(LOADER, 0o644), "lib64/ld-linux-x86-64.so.2": Link("/opt/data")}
    for how, fs in every_way(tree, tmp_path):
        assert fs.loader("/opt/data").glibc == "2.36", how


def test_an_object_of_any_name_is_found_in_a_layer_that_can_be_sought(tmp_path: Path) -> None:
    tree: Tree = {"a": bytes(700), "opt/data": File(X, 0o644), "z": bytes(700)}
    found = [(fs.skeleton("/opt/data"), fs.symbols("/opt/data", whole=True)) for _, fs in every_way(tree, tmp_path)]
    assert isinstance(found[0][0], Skeleton)
    assert found[0] == found[1] == found[2]


def test_a_packed_layer_is_read_again_where_a_further_name_asks(tmp_path: Path) -> None:
    content = gzip.compress(tar_of(OSTREE))
    (tmp_path / "layer.tgz").write_bytes(content)
    blob = FileRange(tmp_path / "layer.tgz", 0, len(content))
    scanned = blob.scan(sha256(tar_of(OSTREE)), sha256(content), verify=True, meter=lambda _: None)
    assert scanned.index.verified
    assert scanned.bytes_read == 2 * len(content)
    fs = merge([scanned.index])
    assert fs.read(f"/{SITE}/torch/version.py") == b"cuda = None\n"
    assert fs.loader("/usr/lib/ld-linux-x86-64.so.2").glibc == "2.36"


def test_an_ordinary_packed_layer_is_read_once(tmp_path: Path) -> None:
    content = gzip.compress(tar_of(TREE))
    (tmp_path / "layer.tgz").write_bytes(content)
    blob = FileRange(tmp_path / "layer.tgz", 0, len(content))
    scanned = blob.scan(sha256(tar_of(TREE)), sha256(content), verify=True, meter=lambda _: None)
    assert scanned.bytes_read == len(content)


def test_what_is_held_of_a_stream_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those named by their content are held rather than the others."""
    monkeypatch.setattr("inspector.layers.reading.MAX_HELD", 10)
    fs = merge([streamed({"a": bytes(30), **OSTREE, "b": bytes(30)})])
    with pytest.raises(NotKept):
        fs.read(f"/{SITE}/torch/version.py")
    monkeypatch.setattr("inspector.layers.reading.MAX_HELD", 40)
    fs = merge([streamed({"a": bytes(30), **OSTREE, "b": bytes(30)})])
    assert fs.read(f"/{SITE}/torch/version.py") == b"cuda = None\n"


def test_what_is_kept_of_a_layer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.layers.objects.MAX_SKELETONS", 2)
    fs = merge([streamed({f"lib{number}.so": File(X, 0o644) for number in range(3)})])
    assert isinstance(fs.skeleton("/lib1.so"), Skeleton)
    for ask in (fs.skeleton, fs.symbols):
        with pytest.raises(NotKept, match="more ELF files"):
            ask("/lib2.so")


def test_an_index_survives_being_packed() -> None:
    index = streamed(TREE)
    again = codec.decode(codec.encode(index))
    assert again is not None
    assert again.objects == index.objects
    assert index.objects.symbols
    assert again.objects.symbols == {}
    assert unpack_row(pack_row(index.objects.symbols)) == index.objects.symbols
    assert unpack_row(b"\xc1") == {}


def test_symbols_are_kept_beside_the_index(tmp_path: Path) -> None:
    content = gzip.compress(tar_of(TREE))
    (tmp_path / "layer.tgz").write_bytes(content)
    blob = FileRange(tmp_path / "layer.tgz", 0, len(content))
    diff_id = sha256(tar_of(TREE))
    for cached in (False, True):
        cache = IndexCache(tmp_path / "cache" / "layers.sqlite")
        indexed = Indexer(cache, verify=True, meter=lambda _: None).index(diff_id, sha256(content), blob)
        assert (indexed.cached, indexed.binaries is None) == (cached, False)
        assert (
            merge([indexed.index], [indexed.binaries or Binaries(indexed.index)]).symbols("/a/libx.so.1")
            == symbols_of()
        )
        cache.close()


def symbols_of() -> Symbols:
    return merge([streamed(TREE)]).symbols("/a/libx.so.1")


def test_symbols_that_can_be_read_at_any_time_are_not_kept(tmp_path: Path, plain: FileRange) -> None:
    diff_id = sha256(tar_of(TREE))
    for _ in range(2):
        with contextlib.closing(IndexCache(tmp_path / "cache" / "layers.sqlite")) as cache:
            indexed = Indexer(cache, verify=False, meter=lambda _: None).index(diff_id, None, plain)
            assert indexed.binaries is not None
            assert merge([indexed.index], [indexed.binaries]).symbols("/z/libhard.so.1", whole=True) == symbols_of()
            remember([indexed.binaries])
            assert KEPT_KEY not in cache.read_later(indexed.index, plain.identity)


def test_of_symbols_that_went_by_those_are_kept_that_were_asked_for(tmp_path: Path) -> None:
    tree: Tree = {f"lib{name}.so": File(Elf(symbols=(f"do_{name}",), undefined=("out",)).encode()) for name in "ab"}
    content = gzip.compress(tar_of(tree))
    (tmp_path / "layer.tgz").write_bytes(content)
    blob = FileRange(tmp_path / "layer.tgz", 0, len(content))

    def indexed() -> tuple[Binaries, MergedRootfs]:
        found = Indexer(cache, verify=True, meter=lambda _: None).index(sha256(tar_of(tree)), sha256(content), blob)
        assert found.binaries is not None
        return found.binaries, merge([found.index], [found.binaries])

    with contextlib.closing(IndexCache(tmp_path / "cache" / "layers.sqlite")) as cache:
        binaries, fs = indexed()
        whole = fs.symbols("/liba.so")
        remember([binaries])
        held = cache.info().bytes
        assert indexed()[1].symbols("/libb.so").names == b"out", "other images of the same run may ask for more"
    with contextlib.closing(IndexCache(tmp_path / "cache" / "layers.sqlite")) as cache:
        binaries, fs = indexed()
        found = fs.symbols("/liba.so")
        assert (found.kept, found.names, found.undefined()) == (True, b"", array("I", whole.undefined()))
        assert set(words_of(found.exported)) == set(words_of(whole.exported))
        assert not binaries.lacks
        with pytest.raises(NotKept):
            fs.symbols("/liba.so", whole=True)
        assert binaries.lacks
        again = indexed()[0]
        with pytest.raises(NotKept):
            merge([streamed(tree)], [again]).symbols("/libb.so")
        assert again.lacks
        assert cache.info().bytes < held


def test_skeletons_are_read_when_they_are_asked_for_and_remembered(
    tmp_path: Path, plain: FileRange, monkeypatch: pytest.MonkeyPatch
) -> None:
    diff_id = sha256(plain.path.read_bytes())
    with contextlib.closing(IndexCache(tmp_path / "cache" / "layers.sqlite")) as cache:
        first = Indexer(cache, verify=False, meter=lambda _: None).index(diff_id, None, plain)
        assert not first.index.objects.skeletons
        told = _asked(first)
        assert told[0] == read_skeleton(Content(X))
        assert first.binaries is not None
        remember([first.binaries])
        monkeypatch.setattr(FileRange, "open_file", lambda *_: pytest.fail("it was read again"))
        again = Indexer(cache, verify=False, meter=lambda _: None).index(diff_id, None, plain)
        assert again.cached
        assert _asked(again) == told == _asked(Indexed(streamed(TREE), cached=False, bytes_read=0, how="stream"))


def _asked(indexed: Indexed) -> tuple[object, ...]:
    fs = merge([indexed.index], [indexed.binaries or Binaries(indexed.index)])
    loader = "/lib/ld-linux-x86-64.so.2"
    return fs.skeleton("/a/libx.so.1"), fs.skeleton("/lib/libtext.so"), fs.skeleton(loader), fs.loader(loader)


def test_symbols_go_with_their_layer(tmp_path: Path) -> None:
    index = streamed(TREE)
    with contextlib.closing(IndexCache(tmp_path / "layers.sqlite")) as cache:
        cache.put(index, None)
        assert cache.passed(index, None) == index.objects.symbols
        assert cache.info().bytes > len(codec.encode(index))
        cache.clear()
        assert cache.passed(index, None) == {}


def test_a_file_that_changed_since_is_not_read(plain: FileRange) -> None:
    indexed = Indexer(None, verify=False, meter=lambda _: None).index(sha256(tar_of(TREE)), None, plain)
    assert indexed.binaries is not None
    fs = merge([indexed.index], [indexed.binaries])
    os.utime(plain.path, (1, 1))
    with pytest.raises(NotKept, match="changed"):
        fs.symbols("/a/libx.so.1")
    plain.path.unlink()
    with pytest.raises(NotKept, match="can't be read"):
        fs.symbols("/a/libx.so.1")


def test_an_index_that_looked_at_nothing_says_so() -> None:
    index = streamed(TREE)
    bare = msgspec.structs.replace(index, objects=Gathering(all_seen=False).objects)
    fs = merge([bare])
    with pytest.raises(NotKept, match="tells nothing"):
        fs.skeleton("/a/libx.so.1")
    with pytest.raises(NotKept, match="tells nothing"):
        fs.symbols("/a/libx.so.1")


def test_damaged_symbols_are_not_known() -> None:
    index = streamed(TREE)
    index.objects.symbols = dict.fromkeys(index.objects.symbols, b"\0\0")
    index.objects.skeletons = dict.fromkeys(index.objects.skeletons, b"\0\0")
    fs = merge([index])
    with pytest.raises(NotKept, match="damaged"):
        fs.symbols("/a/libx.so.1")
    with pytest.raises(NotKept, match="damaged"):
        fs.skeleton("/a/libx.so.1")
