"""From bytes to an index: the same by seeking and by streaming, packed or plain, and refused where they lie."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path

import pytest

from fixtures.tree import Dir, File, Hardlink, Link, Tree, tar_of
from inspector.errors import CorruptLayer, DigestMismatch, LimitExceeded
from inspector.layers.blob import FileRange, Scanned
from inspector.layers.scan import scan_bytes, scan_stream
from inspector.rootfs import Kind

TREE: Tree = {
    "usr": Dir(),
    "usr/bin/tool": File(b"#!/usr/bin/env python3\n" + b"x" * 9000, 0o755),
    "usr/bin/elf": File(b"\x7fELF" + b"\0" * 9000, 0o755),
    "usr/bin/blob": File(b"MZ" + b"\0" * 9000, 0o755),
    "app/x-1.dist-info/METADATA": b"Name: x\nVersion: 1\n\n",
    "app/METADATA": b"not of a distribution",
    "app/x.pth": b"/opt\n",
    "app/data": b"d" * 5000,
    "lnk": Link("app/data"),
    "hard": Hardlink("app/data"),
}


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def scan_at(path: Path, content: bytes, diff_id: str, *, before: bytes = b"", verify: bool = False) -> Scanned:
    path.write_bytes(before + content + b"after")
    return FileRange(path, len(before), len(content)).scan(diff_id, None, verify=verify, meter=lambda _: None)


def test_seeking_and_streaming_find_the_same(tmp_path: Path) -> None:
    content = tar_of(TREE)
    sought = scan_at(tmp_path / "x", content, sha256(content), before=b"b" * 70_001)
    streamed = scan_at(tmp_path / "x", content, sha256(content), before=b"b" * 70_001, verify=True)
    packed = scan_bytes(gzip.compress(content), sha256(content))
    assert (sought.how, streamed.how, packed.how) == ("seek", "stream", "stream")
    assert (sought.index.verified, streamed.index.verified, packed.index.verified) == (False, True, True)
    assert sought.index.entries == streamed.index.entries == packed.index.entries
    contents = [member for member in TREE.values() if isinstance(member, (bytes, File))]
    total = sum(len(member.data if isinstance(member, File) else member) for member in contents)
    assert sought.index.size == streamed.index.size == total + len("app/data")
    assert streamed.bytes_read == len(content)
    assert packed.bytes_read == len(gzip.compress(content))


def test_seeking_leaves_data_alone(tmp_path: Path) -> None:
    content = tar_of({f"f{n}": b"x" * 100_000 for n in range(20)})
    assert scan_at(tmp_path / "x", content, sha256(content)).bytes_read < 20_000


def test_the_bytes_that_matter_are_kept() -> None:
    content = tar_of(TREE)
    entries = {entry.path: entry for entry in scan_bytes(content, sha256(content)).index.entries}
    assert {path: len(entry.data) for path, entry in entries.items() if entry.data} == {
        "usr/bin/tool": 4096,
        "usr/bin/elf": 1024,
        "usr/bin/blob": 4,
        "app/x-1.dist-info/METADATA": 20,
        "app/x.pth": 5,
    }
    assert entries["hard"].kind is Kind.HARDLINK


def test_what_is_kept_of_one_layer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.layers.scan.MAX_KEPT", 5000)
    content = tar_of({f"{n}.pth": b"x" * 1000 for n in range(10)})
    index = scan_bytes(content, sha256(content)).index
    assert [len(entry.data) for entry in index.entries] == [1000] * 5 + [0] * 5
    assert "were not read" in index.warnings[0]


def test_both_digests_are_checked() -> None:
    content = tar_of(TREE)
    packed = gzip.compress(content)
    right = scan_stream(iter([packed]), sha256(content), sha256(packed))
    assert (right.index.diff_id, right.index.blob_digest) == (sha256(content), sha256(packed))
    with pytest.raises(DigestMismatch, match="unpacked"):
        scan_stream(iter([packed]), sha256(b"other"), sha256(packed))
    with pytest.raises(DigestMismatch, match="stored"):
        scan_stream(iter([packed]), sha256(content), sha256(b"other"))


def test_digests_are_of_all_bytes_also_of_those_behind_the_end_mark() -> None:
    content = tar_of(TREE) + b"garbage behind the end"
    assert scan_bytes(content, sha256(content)).index.verified
    with pytest.raises(DigestMismatch):
        scan_bytes(content, sha256(tar_of(TREE)))


def test_a_digest_that_nobody_told_is_found() -> None:
    content = tar_of(TREE)
    assert scan_stream(iter([gzip.compress(content)]), None, None).index.diff_id == sha256(content)


def test_sha512_is_a_digest_too() -> None:
    content = tar_of(TREE)
    assert scan_bytes(content, f"sha512:{hashlib.sha512(content).hexdigest()}").index.verified


@pytest.mark.parametrize("content", [b"PK\x03\x04" + bytes(600), b"<html>not found</html>"])
def test_what_is_no_tar_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CorruptLayer, match="no tar"):
        scan_bytes(content, sha256(content))
    with pytest.raises(CorruptLayer, match="no tar"):
        scan_at(tmp_path / "x", content, sha256(content))


def test_an_empty_layer_has_no_entries(tmp_path: Path) -> None:
    assert scan_bytes(b"", sha256(b"")).index.entries == []
    assert scan_at(tmp_path / "x", b"", sha256(b"")).index.entries == []
    assert scan_at(tmp_path / "x", bytes(1024), sha256(bytes(1024))).index.entries == []


def test_a_file_that_ends_before_its_layer_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(tar_of(TREE))
    blob = FileRange(path, 0, 10 << 20)
    with pytest.raises(CorruptLayer, match="cut"):
        blob.scan(sha256(b""), None, verify=False, meter=lambda _: None)


def test_a_tar_without_an_end_mark_is_hashed_since_it_may_be_cut(tmp_path: Path) -> None:
    whole = tar_of({"a": b"", "b": b""})
    sloppy, cut = whole[:1024], whole[:512]
    assert scan_at(tmp_path / "x", sloppy, sha256(sloppy)).how == "stream"
    with pytest.raises(DigestMismatch):
        scan_at(tmp_path / "x", cut, sha256(whole))


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.layers.scan.MAX_UNPACKED", 10 << 20)
    with pytest.raises(LimitExceeded, match="bomb"):
        scan_bytes(gzip.compress(bytes(20 << 20)), sha256(b""))


def test_the_meter_is_told_of_all_stored_bytes(tmp_path: Path) -> None:
    content = tar_of({f"f{n}": os.urandom(100_000) for n in range(3)})
    path = tmp_path / "x"
    for stored, verify in ((content, False), (content, True), (gzip.compress(content), False)):
        path.write_bytes(stored)
        told: list[int] = []
        FileRange(path, 0, len(stored)).scan(sha256(content), None, verify=verify, meter=told.append)
        assert sum(told) == len(stored)


def test_the_identity_of_a_range_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"1")
    blob = FileRange(path, 0, 1)
    first = blob.identity
    assert first == blob.identity != FileRange(path, 1, 0).identity
    os.utime(path, ns=(1, 1))
    assert blob.identity != first
