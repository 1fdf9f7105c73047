"""From bytes to an index: packed or plain, and refused where they lie."""

from __future__ import annotations

import gzip
import hashlib
import tarfile

import pytest

from fixtures.tree import Dir, File, Hardlink, Link, Tree, tar_of
from inspector.errors import DigestMismatch, LimitExceeded
from inspector.layers.reading import MAX_FILE
from inspector.layers.scan import scan_stream
from inspector.rootfs import Kind
from tests.support import scan_bytes

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


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.layers.scan.MAX_UNPACKED", 10 << 20)
    with pytest.raises(LimitExceeded, match="bomb"):
        scan_bytes(gzip.compress(bytes(20 << 20)), sha256(b""))


def test_a_file_that_claims_to_be_larger_than_any_file_system_takes_is_refused() -> None:
    claimed = tarfile.TarInfo("f")
    claimed.size = MAX_FILE + 1
    with pytest.raises(LimitExceeded, match="'f' is said to have"):
        scan_bytes(claimed.tobuf(tarfile.GNU_FORMAT) + bytes(1024), "")


def test_the_names_of_a_layer_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.layers.gate.MAX_IMAGE", 9_000)
    with pytest.raises(LimitExceeded, match="names and metadata"):
        scan_bytes(tar_of({f"{number}" + "x" * 90: b"" for number in range(60)}), "")
