"""Fixture layers with tables of contents, to readers that know nothing of these."""

from __future__ import annotations

import gzip
import io
import json
import sys
import tarfile

import pytest

from fixtures.lazy import DIGEST, PREFIX, Lazy, estargz, zstd_chunked
from inspector.testing.tree import Dir, File, Hardlink, Link, Tree

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TREE: Tree = {
    "d/": Dir(),
    "d/file": b"content" * 1000,
    "d/program": File(b"#!/bin/sh\n", 0o755),
    "zeros": b"\1" + bytes(8000) + b"\1",
    "hard": Hardlink("d/file"),
    "link": Link("d/file"),
    "empty": b"",
}


@pytest.mark.parametrize("lazy", [estargz(TREE), estargz(TREE, chunk=1000), estargz(TREE, legacy=True)])
def test_estargz_is_gzip(lazy: Lazy) -> None:
    assert gzip.decompress(lazy.blob) == lazy.tar


@pytest.mark.parametrize("lazy", [zstd_chunked(TREE), zstd_chunked(TREE, chunk=2000, footer=40)])
def test_zstd_chunked_is_zstandard(lazy: Lazy) -> None:
    assert zstd.decompress(lazy.blob) == lazy.tar


def test_each_run_of_data_unpacks_alone() -> None:
    for lazy, decompress in ((estargz(TREE, chunk=1500), gzip.decompress), (zstd_chunked(TREE), zstd.decompress)):
        with tarfile.open(fileobj=io.BytesIO(lazy.tar)) as tar:
            for entry in lazy.entries:
                if "endOffset" in entry:
                    member = tar.extractfile(entry["name"])
                    assert member is not None
                    assert decompress(lazy.blob[entry["offset"] : entry["endOffset"]]) == member.read()


def test_the_footers_are_those_of_the_formats() -> None:
    lazy = estargz(TREE)
    footer = lazy.blob[-51:]
    assert footer[:4] == b"\x1f\x8b\x08\x04"
    assert footer[10:16] == b"\x1a\0SG\x16\0"
    assert footer[32:38] == b"STARGZ"
    assert gzip.decompress(footer) == b""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(lazy.blob[int(footer[16:32], 16) : -51]))) as tar:
        document = tar.extractfile("stargz.index.json")
        assert document is not None
        assert json.load(document)["entries"] == lazy.entries
    chunked = zstd_chunked(TREE)
    assert chunked.blob[-72:-64] == b"\x50\x2a\x4d\x18\x40\0\0\0"
    assert chunked.blob[-8:] == b"GNUlInUx"
    assert {*lazy.annotations} == {DIGEST}
    assert {*chunked.annotations} == {PREFIX + "manifest-checksum", PREFIX + "manifest-position"}


def test_holes_are_told() -> None:
    kinds = [entry.get("chunkType") for entry in zstd_chunked(TREE, chunk=2000).entries if "chunkSize" in entry]
    assert "zeros" in kinds
    assert None in kinds
