"""Members of packed streams: passed over, counted, and known by their headers before a decoder is made."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Iterator

import pytest

from inspector.errors import CorruptLayer, LimitExceeded
from inspector.layers import frames
from inspector.layers.compression import decompressed
from inspector.layers.frames import Frames, Packing
from inspector.layers.readers import StreamReader
from inspector.layers.zstandard import zstd_module
from tests.layers.test_compression import PACK, chunks, unpack

zstd = zstd_module()
SKIPPABLE = b"\x5f\x2a\x4d\x18\x04\x00\x00\x00abcd"
EMPTY = {packing: compress(b"") for packing, compress in PACK.items()}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "FREE_FRAMES", 20)


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_empty_members_are_passed_over_up_to_a_bound(packing: Packing, size: int, few: None) -> None:  # noqa: ARG001
    first = PACK[packing](b"content")
    assert unpack(first + EMPTY[packing] * 19, packing, size) == b"content"
    with pytest.raises(LimitExceeded, match="21 members or frames that hold next to nothing; of more than 20"):
        unpack(first + EMPTY[packing] * 30, packing, size)


def test_skippable_frames_count_and_need_no_decoder(few: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    first = zstd.compress(b"content")
    assert unpack(SKIPPABLE * 9 + first + SKIPPABLE * 9, "zstd", 5) == b"content"
    with pytest.raises(LimitExceeded, match="next to nothing"):
        unpack(first + SKIPPABLE * 30, "zstd")
    monkeypatch.setattr(zstd, "ZstdDecompressor", None)
    assert unpack(SKIPPABLE * 9, "zstd") == b""


@pytest.mark.parametrize("cut", range(1, len(SKIPPABLE)))
def test_a_skippable_frame_that_is_cut(cut: int) -> None:
    with pytest.raises(CorruptLayer, match="zstd stream"):
        unpack(zstd.compress(b"content") + SKIPPABLE[:cut], "zstd")


@pytest.mark.parametrize("packing", PACK)
def test_members_that_hold_enough_are_read_however_many(packing: Packing, few: None) -> None:  # noqa: ARG001
    part = bytes(range(256)) * 2
    assert unpack(PACK[packing](part) * 60, packing) == part * 60


@pytest.mark.parametrize("packing", PACK)
def test_many_members_that_hold_a_few_bytes_each_are_refused(packing: Packing, few: None) -> None:  # noqa: ARG001
    with pytest.raises(LimitExceeded, match="256 bytes on the average"):
        unpack(PACK[packing](b"0123456789abcdef") * 60, packing)


def test_what_is_left_behind_a_small_member_is_not_copied_for_each() -> None:
    """A decoder copies what it was given and did not need, so that it is given little at first."""
    fed: list[int] = []

    class Counting(StreamReader):
        def take(self, most: int) -> memoryview:
            part = super().take(most)
            fed.append(len(part))
            return part

    feed = Counting(chunks(EMPTY["gzip"] * 1000))
    found = Frames(feed, "gzip")
    while found.next_memory() is not None:
        part = feed.take(found.first_part())
        feed.give_back(len(part) - len(EMPTY["gzip"]))
    assert sum(fed[1:]) <= 1000 * 522


@pytest.mark.parametrize("padding", [0, 4, 8, 4096, 1 << 17])
@pytest.mark.parametrize("size", [1, 1000, 1 << 16])
def test_padding_behind_xz_streams(padding: int, size: int) -> None:
    stream = lzma.compress(b"content")
    if padding // size < 10_000:
        assert unpack(stream + bytes(padding) + stream + bytes(padding), "xz", size) == b"content" * 2


@pytest.mark.parametrize("padding", [1, 2, 3, 5, 4097])
def test_padding_behind_xz_comes_in_fours(padding: int) -> None:
    with pytest.raises(CorruptLayer, match=f"{padding} bytes of padding"):
        unpack(lzma.compress(b"content") + bytes(padding), "xz")


def frame(window_log: int, content: bytes = b"") -> bytes:
    """A zstd frame of one raw block, with a window of so many bits and no size stated."""
    block = (len(content) << 3 | 1).to_bytes(3, "little") + content
    return b"\x28\xb5\x2f\xfd\x00" + bytes([window_log - 10 << 3]) + block


@pytest.mark.parametrize("before", [b"", frame(10, b"first")])
def test_a_window_past_the_bound_is_refused_by_name_in_every_frame(before: bytes) -> None:
    assert unpack(before + frame(27, b"content"), "zstd").endswith(b"content")
    for log in (28, 29, 31, 41):
        with pytest.raises(LimitExceeded, match=rf"window of {1 << log} bytes to unpack, where {1 << 27} are allowed"):
            unpack(before + frame(log, b"content"), "zstd", 3)


@pytest.mark.parametrize(
    ("head", "memory"),
    [
        (frame(20), 1 << 20),
        (b"\x28\xb5\x2f\xfd\x00\x57", (1 << 20) + 7 * (1 << 17)),
        (b"\x28\xb5\x2f\xfd\x20\x07", 7),  # a single segment: its content is its window
        (b"\x28\xb5\x2f\xfd\x60\x00\x01", 512),  # a size of two bytes counts from 256
        (b"\x28\xb5\x2f\xfd\xa0" + (5 << 20).to_bytes(4, "little"), 5 << 20),
        (b"\x28\xb5\x2f\xfd\xc0\x88" + (9 << 20).to_bytes(8, "little"), 9 << 20),  # less than its window
        (b"\x28\xb5\x2f\xfd\x83\x50abcd" + (300).to_bytes(4, "little"), 300),  # behind the id of a dictionary
    ],
    ids=range(7),
)
def test_what_a_zstd_frame_takes_is_in_its_header(head: bytes, memory: int) -> None:
    assert Frames(StreamReader(iter([head + bytes(20)])), "zstd").next_memory() == memory


def test_a_dictionary_of_xz_past_the_bound_is_no_corruption() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 128 << 20}]
    with pytest.raises(LimitExceeded, match="more than 75497472 bytes of memory"):
        unpack(lzma.compress(b"content", filters=filters), "xz")
    assert unpack(lzma.compress(b"content", preset=9), "xz") == b"content"


def gzip_header(flags: int, *texts: bytes, extra: bytes = b"") -> bytes:
    parts = [b"\x1f\x8b\x08", bytes([flags]), bytes(6)]
    parts += [len(extra).to_bytes(2, "little"), extra] if flags & 4 else []
    header = b"".join([*parts, *(text + b"\0" for text in texts)])
    check = (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little") if flags & 2 else b""
    return header + check + gzip.compress(b"content")[10:]


@pytest.mark.parametrize("size", [3, 1 << 16])
@pytest.mark.parametrize("extra", [b"", b"x" * 65_535])
@pytest.mark.parametrize(("flag", "what"), [(8, "name"), (16, "comment")])
def test_texts_in_a_gzip_header_are_bounded_as_in_go(size: int, extra: bytes, flag: int, what: str) -> None:
    flags = flag | (4 if extra else 0)
    assert unpack(gzip_header(flags, b"n" * 511, extra=extra), "gzip", size) == b"content"
    with pytest.raises(CorruptLayer, match=f"the {what} in a gzip header has more than 512 bytes"):
        unpack(gzip_header(flags, b"n" * 512, extra=extra), "gzip", size)


@pytest.mark.parametrize("size", [1, 5, 700, 65_535])
@pytest.mark.parametrize("extra", [0, 26, 65_535])
@pytest.mark.parametrize("filling", [0, 65_520])
def test_a_gzip_header_that_lies_in_two_chunks(size: int, extra: int, filling: int) -> None:
    first = gzip.compress(bytes(filling), 0)
    content = unpack(first + gzip_header(30, b"n" * 9, b"c" * 9, extra=b"x" * extra), "gzip", size)
    assert content == bytes(filling) + b"content"


def test_both_texts_of_a_gzip_header() -> None:
    assert unpack(gzip_header(24, b"n" * 511, b"c" * 511), "gzip") == b"content"
    with pytest.raises(CorruptLayer, match="the comment"):
        unpack(gzip_header(24, b"", b"c" * 512), "gzip")


def test_an_error_of_whoever_gives_the_bytes_is_not_told_as_corruption() -> None:
    def failing() -> Iterator[bytes]:
        yield bz2.compress(b"content")[:20]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(decompressed(failing(), "bzip2"))
