"""The fixed compressors against the real decompressors."""

from __future__ import annotations

import gzip
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures import packing
from tests.effort import examples

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

RUNS = st.lists(st.tuples(st.binary(min_size=1, max_size=1), st.integers(0, 1100)), max_size=8).map(
    lambda runs: b"".join(byte * count for byte, count in runs)
)
CONTENT = st.one_of(RUNS, st.binary(max_size=400), st.tuples(RUNS, st.binary(), RUNS).map(b"".join))


@examples(60)
@given(CONTENT)
def test_real_decompressors_give_the_content_back(content: bytes) -> None:
    assert gzip.decompress(packing.gzip(content)) == content
    assert zstd.decompress(packing.zstd(content)) == content


@pytest.mark.parametrize("length", [*range(1, 12), 63, 64, 65, 257, 258, 259, 260, 261, 262, 516, 517, 70_000])
def test_every_length_of_a_run(length: int) -> None:
    content = b"<" + b"\xff" * length + b">"
    assert gzip.decompress(packing.gzip(content)) == content
    assert zstd.decompress(packing.zstd(content)) == content


def test_blocks_larger_than_the_format_allows_are_split() -> None:
    content = bytes(300_000) + bytes(range(256)) * 1200
    assert zstd.decompress(packing.zstd(content)) == content
    assert gzip.decompress(packing.gzip(content)) == content


def test_zeros_shrink() -> None:
    content = bytes(1 << 16)
    assert len(packing.gzip(content)) < len(content) // 50
    assert len(packing.zstd(content)) < 100


def test_the_bytes_are_fixed() -> None:
    """Goldens hold digests of packed layers, so these may not change with a library."""
    assert packing.gzip(b"aaaa\xff").hex() == "1f8b08000000000000ff4b0482ff00fa2d1bf905000000"
    assert packing.zstd(b"ab" + b"c" * 70).hex() == "28b52ffda048000000100000616233020063"
