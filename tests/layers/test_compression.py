"""Packed streams: told by their bytes, unpacked whole, refused when cut or followed by anything else."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import CorruptLayer
from inspector.layers.compression import OUTPUT, Packing, decompressed, sniff
from inspector.testing.tree import tar_of
from tests.effort import examples

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SKIPPABLE = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
PACK: dict[Packing, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}


def chunks(content: bytes, size: int = 1 << 16) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def unpack(content: bytes, packing: Packing, size: int = 1 << 16) -> bytes:
    return b"".join(decompressed(chunks(content, size), packing))


@pytest.mark.parametrize("packing", PACK)
def test_sniffed_by_content(packing: Packing) -> None:
    assert sniff(PACK[packing](b"x")[:512]) == packing


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (tar_of({"a": b"1"})[:512], "tar"),
        (bytes(512), "tar"),
        (b"", "tar"),
        (SKIPPABLE, "zstd"),
        (b"PK\x03\x04" + bytes(508), ""),
        (b"\x1f", ""),
        (b"garbage", ""),
    ],
)
def test_sniff(head: bytes, kind: str) -> None:
    assert sniff(head) == kind


@given(st.sampled_from(sorted(PACK)), st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.integers(1, 97))
@examples(60)
def test_streams_in_a_row_are_one(packing: Packing, parts: list[bytes], size: int) -> None:
    """Concatenated gzip members, zstd frames and the like are valid, wherever reads happen to end."""
    content = b"".join(PACK[packing](part) for part in parts)
    assert unpack(content, packing, size) == b"".join(parts)


def test_skippable_frames_are_skipped() -> None:
    content = SKIPPABLE + zstd.compress(b"a") + SKIPPABLE + zstd.compress(b"b") + SKIPPABLE
    assert unpack(content, "zstd") == b"ab"
    assert unpack(content, "zstd", 5) == b"ab"


@pytest.mark.parametrize("packing", PACK)
def test_output_comes_in_bounded_pieces(packing: Packing) -> None:
    pieces = list(decompressed(chunks(PACK[packing](bytes(5 * OUTPUT))), packing))
    assert max(map(len, pieces)) <= OUTPUT
    assert sum(map(len, pieces)) == 5 * OUTPUT


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("keep", [0.2, 0.5, 0.99])
def test_a_cut_stream_is_refused(packing: Packing, keep: float) -> None:
    content = PACK[packing](bytes(range(256)) * 100)
    with pytest.raises(CorruptLayer, match=packing):
        unpack(content[: int(len(content) * keep)], packing)


@pytest.mark.parametrize("packing", PACK)
def test_a_damaged_stream_is_refused(packing: Packing) -> None:
    content = bytearray(PACK[packing](bytes(range(256)) * 100))
    content[len(content) // 2] ^= 0xFF
    if packing == "zstd":  # frames need no check sum: there it is the diff_id that tells
        assert unpack(bytes(content), packing) != bytes(range(256)) * 100
        return
    with pytest.raises(CorruptLayer):
        unpack(bytes(content), packing)


@pytest.mark.parametrize("check", [-8, -1])
def test_a_gzip_trailer_that_lies_is_refused(check: int) -> None:
    content = bytearray(gzip.compress(b"x" * 1000))
    content[check] ^= 1
    with pytest.raises(CorruptLayer, match="gzip"):
        unpack(bytes(content), "gzip")


@pytest.mark.parametrize("tail", [b"garbage", bytes(512), b"\x1f\x8b"], ids=["garbage", "zeros", "half a member"])
@pytest.mark.parametrize("size", [7, 1 << 16])
def test_what_follows_the_last_member_must_be_a_member(tail: bytes, size: int) -> None:
    """As dockerd and podman have it ("gzip: invalid header"); Python's gzip takes zeros."""
    with pytest.raises(CorruptLayer):
        unpack(gzip.compress(b"x") + tail, "gzip", size)
