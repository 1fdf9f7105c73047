"""What every store must do, whichever outer container it reads; and the names of members in an outer tar."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.packing import bzip2, xz, zstd
from inspector.errors import LimitExceeded, Malformed, NotFound
from inspector.oci import MAX_DOCUMENT
from inspector.sources import store as store_module
from inspector.sources.directory import Directory
from inspector.sources.seekable import SeekableArchive
from inspector.sources.shown import shown
from inspector.sources.store import BlobStore, Members
from inspector.sources.streamed import StreamedArchive
from inspector.testing.tree import Dir, File, Hardlink, Link, Tree, tar_of

LAYER = tar_of({"etc/hostname": b"x" * 600})
TREE: Tree = {
    "manifest.json": b'[{"a": 1}]',
    "empty.json": b"",
    "deep/er/layer.tar": LAYER,
    "layer.gz": gzip.compress(LAYER),
    "none.tar": bytes(1024),
    "large.json": b"[" + b" " * MAX_DOCUMENT + b"]",
}


def directory(path: Path, tree: Tree) -> BlobStore:
    for name, member in tree.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        match member:
            case bytes():
                target.write_bytes(member)
            case Link(text):
                target.symlink_to(text)
            case _:
                raise TypeError(member)
    return Directory(path)


def mapped_bytes(path: Path, content: bytes) -> BlobStore:
    (path / "it.tar").write_bytes(content)
    return SeekableArchive(path / "it.tar")


def streamed_bytes(_: Path, content: bytes) -> BlobStore:
    return StreamedArchive(io.BytesIO(content), "stdin", meter=lambda _: None)


def mapped(path: Path, tree: Tree) -> BlobStore:
    return mapped_bytes(path, tar_of(tree))


def streamed(pack: Callable[[bytes], bytes]) -> Callable[[Path, Tree], BlobStore]:
    return lambda path, tree: streamed_bytes(path, pack(tar_of(tree)))


STORES = {
    "directory": directory,
    "mapped": mapped,
    "plain stream": streamed(bytes),
    "gzip": streamed(gzip.compress),
    "bzip2": streamed(bzip2),
    "xz": streamed(xz),
    "zstd": streamed(zstd),
}
ARCHIVES = {name: make for name, make in STORES.items() if name != "directory"}
LAYERS = [("deep/er/layer.tar", False), ("layer.gz", True)]


@pytest.mark.parametrize("make", STORES.values(), ids=STORES)
def test_documents_and_sizes(make: Callable[[Path, Tree], BlobStore], tmp_path: Path) -> None:
    store = make(tmp_path, TREE)
    assert store.document("manifest.json") == b'[{"a": 1}]'
    assert store.document("/./deep/../manifest.json") == b'[{"a": 1}]'
    assert store.document("../../manifest.json") == b'[{"a": 1}]'
    assert store.size("layer.gz") == len(gzip.compress(LAYER))
    assert store.size("nope") is None
    assert store.size("deep") is None
    assert store.size("a" * 5000) is None


@pytest.mark.parametrize("make", STORES.values(), ids=STORES)
def test_layers_are_told_by_their_bytes(make: Callable[[Path, Tree], BlobStore], tmp_path: Path) -> None:
    store = make(tmp_path, TREE)
    diff_id = f"sha256:{hashlib.sha256(LAYER).hexdigest()}"
    for name, compressed in LAYERS:
        stored = store.layer(name)
        assert stored.compressed is compressed
        assert stored.stored_size == store.size(name)
        scanned = stored.blob.scan(diff_id, None, verify=True, meter=lambda _: None)
        assert [entry.path for entry in scanned.index.entries] == ["etc/hostname"]
        assert scanned.index.verified
    empty = f"sha256:{hashlib.sha256(bytes(1024)).hexdigest()}"
    assert store.layer("none.tar").blob.scan(empty, None, verify=True, meter=lambda _: None).index.entries == []


@pytest.mark.parametrize("make", STORES.values(), ids=STORES)
def test_what_is_missing_or_too_large_is_named(make: Callable[[Path, Tree], BlobStore], tmp_path: Path) -> None:
    store = make(tmp_path, TREE)
    with pytest.raises(NotFound, match="'no/pe'"):
        store.document("no/pe")
    with pytest.raises(NotFound, match="'no/pe'"):
        store.layer("no/pe")
    with pytest.raises(LimitExceeded, match=r"'large\.json'"):
        store.document("large.json")


@pytest.mark.parametrize("make", STORES.values(), ids=STORES)
def test_links_are_followed_before_and_behind_their_targets(
    make: Callable[[Path, Tree], BlobStore], tmp_path: Path
) -> None:
    tree: Tree = {
        "a/early": Link("../b/late"),
        "b/late": b"{}",
        "c/behind": Link("../a/early"),
        "dangling": Link("nowhere"),
    }
    store = make(tmp_path, tree)
    assert [store.document(name) for name in ("a/early", "b/late", "c/behind")] == [b"{}"] * 3
    assert store.size("a/early") == 2
    assert store.size("dangling") is None


@pytest.mark.parametrize("make", ARCHIVES.values(), ids=ARCHIVES)
def test_links_stay_inside_the_archive(make: Callable[[Path, Tree], BlobStore], tmp_path: Path) -> None:
    tree: Tree = {"up": Link("../../../etc/it"), "root": Link("/etc/it"), "etc/it": b"{}", "hard": Hardlink("etc/it")}
    store = make(tmp_path, tree)
    assert [store.document(name) for name in ("up", "root", "hard")] == [b"{}"] * 3


@pytest.mark.parametrize("make", ARCHIVES.values(), ids=ARCHIVES)
def test_links_that_never_end_are_malformed(make: Callable[[Path, Tree], BlobStore], tmp_path: Path) -> None:
    store = make(tmp_path, {"a": Link("b"), "b": Link("a"), "self": Link("self")})
    for name in ("a", "b", "self"):
        with pytest.raises(Malformed, match="never end"):
            store.size(name)


class Several(dict[str, object]):
    """Members of an archive in order, several of which may have one name."""

    def __init__(self, members: list[tuple[str, object]]) -> None:
        super().__init__()
        self.members = members

    def items(self) -> list[tuple[str, object]]:  # type: ignore[override]  # a mapping can't hold a name twice
        """See `dict.items`."""
        return self.members


@pytest.mark.parametrize("make", ARCHIVES.values(), ids=ARCHIVES)
@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([("n", b"1"), ("n", b"22")], 2),
        ([("n", b"1"), ("./n", b"22")], 2),
        ([("n", b"1"), ("n", Link("other")), ("other", b"333")], 3),
        ([("n", Link("other")), ("other", b"333"), ("n", b"1")], 1),
    ],
)
def test_of_one_name_the_last_member_counts_and_is_refused_as_a_document(
    make: Callable[[Path, Tree], BlobStore], members: list[tuple[str, object]], expected: int, tmp_path: Path
) -> None:
    store = make(tmp_path, Several(members))  # type: ignore[arg-type]
    assert store.size("n") == expected
    with pytest.raises(Malformed, match="'n' more than once"):
        store.document("n")


@pytest.mark.parametrize("make", ARCHIVES.values(), ids=ARCHIVES)
@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([("n", b"1"), ("n/", Dir())], None),
        ([("n", b"1"), ("other", b"2"), ("n", b"1")], b"1"),
        ([("../n", b"1")], b"1"),
        ([("/n", File(b"1"))], b"1"),
    ],
)
def test_a_name_that_stands_for_one_content_is_read(
    make: Callable[[Path, Tree], BlobStore], members: list[tuple[str, object]], expected: bytes | None, tmp_path: Path
) -> None:
    store = make(tmp_path, Several(members))  # type: ignore[arg-type]
    assert (store.document("n") if store.size("n") else None) == expected


@pytest.mark.parametrize("make", ARCHIVES.values(), ids=ARCHIVES)
def test_members_are_bounded(
    make: Callable[[Path, Tree], BlobStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MAX_MEMBERS", 5)
    with pytest.raises(LimitExceeded, match="members"):
        make(tmp_path, {f"{number}": b"" for number in range(6)})


@pytest.mark.parametrize("cut", [600, 1000, 1200, 2048, 3000])
@pytest.mark.parametrize("make", [mapped_bytes, streamed_bytes])
def test_an_archive_cut_inside_a_member_is_malformed(
    make: Callable[[Path, bytes], BlobStore], cut: int, tmp_path: Path
) -> None:
    whole = tar_of({"a.json": b"[" * 700, "layer.tar": LAYER})
    with pytest.raises(Malformed, match=r"is cut .*not wholly written") as raised:
        make(tmp_path, whole[:cut])
    assert type(raised.value) is Malformed


@pytest.mark.parametrize("make", [mapped_bytes, streamed_bytes])
def test_a_corrupt_header_is_malformed_and_names_the_archive(
    make: Callable[[Path, bytes], BlobStore], tmp_path: Path
) -> None:
    corrupt = bytearray(tar_of({"a": b"x" * 512, "b": b""}))
    corrupt[1024 + 5] ^= 1
    with pytest.raises(Malformed, match=r"^(stdin|.*it\.tar): .*checksum") as raised:
        make(tmp_path, bytes(corrupt))
    assert type(raised.value) is Malformed


@pytest.mark.parametrize("make", [mapped_bytes, streamed_bytes])
def test_a_size_past_the_end_costs_nothing(make: Callable[[Path, bytes], BlobStore], tmp_path: Path) -> None:
    info = tarfile.TarInfo("layer.tar")
    info.size = 1 << 60
    with pytest.raises((Malformed, LimitExceeded), match=r"cut|is said to have"):
        make(tmp_path, info.tobuf(tarfile.GNU_FORMAT) + b"x" * 512)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are Unix's")
def test_a_directory_holds_regular_files_only(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "manifest.json")
    store = Directory(tmp_path)
    assert store.size("manifest.json") is None
    with pytest.raises(NotFound):
        store.document("manifest.json")
    (tmp_path / "other").mkdir()
    assert store.size("other") is None


def test_members_forget_a_link_that_is_replaced() -> None:
    members: Members[int] = Members("x.tar")
    members.put("a", 1)
    assert members.find("./a") == 1
    assert members.find("b") is None


def test_shown_names_are_escaped_and_cut() -> None:
    assert shown("a\x1b[0m\n\udcff") == r"'a\x1b[0m\n\udcff'"
    assert len(shown("x" * 10**6)) < 250


@pytest.mark.skipif(os.name == "nt", reason="such files can't be made there")
@pytest.mark.parametrize("name", ["C:secret", "..\\secret", "f:stream", "\\\\host\\share"])
def test_names_that_lead_away_on_windows_lead_nowhere_there(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert Directory(tmp_path).size(name) == 1
    monkeypatch.setattr("inspector.sources.directory._LEADS_AWAY", "\\:")
    assert Directory(tmp_path).size(name) is None
    with pytest.raises(NotFound):
        Directory(tmp_path).document(name)


def test_a_member_larger_than_any_archive_is_refused_before_it_is_waited_for() -> None:
    member = tarfile.TarInfo("manifest.json")
    member.size = 1 << 60
    stream = io.BytesIO(member.tobuf(tarfile.GNU_FORMAT) + b"[" * 10_000)
    with pytest.raises(LimitExceeded, match="is said to have"):
        StreamedArchive(stream, "a pipe", meter=lambda _: None)


def test_names_of_members_are_bounded_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MAX_NAMES", 30)
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of({"a" * 20: b"", "link": Link("b" * 6)}))
    assert SeekableArchive(path).size("a" * 20) == 0
    path.write_bytes(tar_of({"a" * 20: b"", "link": Link("b" * 7)}))
    with pytest.raises(LimitExceeded, match="the names in it have more than 30 characters together"):
        SeekableArchive(path)
    with pytest.raises(LimitExceeded, match="the names in it"):
        StreamedArchive(io.BytesIO(path.read_bytes()), "stdin", meter=lambda _: None)
