"""A layer in a file: the same by seeking and by streaming, and refused where the file is cut."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from inspector.errors import CorruptLayer, DigestMismatch
from inspector.layers.blob import Scanned
from inspector.layers.file import FileRange
from inspector.testing.tree import File, tar_of
from tests.layers.test_scan import TREE, sha256
from tests.support import scan_bytes


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
