"""Sparse files in PAX form: what makes one, where its data lie, and the maps that Go refuses."""

from __future__ import annotations

import pytest

from inspector.errors import CorruptLayer, LimitExceeded
from inspector.layers.pax import LIMITS
from inspector.layers.sparse import is_sparse
from tests.layers.tars import END, header, long, padded, pax, record, records, scan

HEAD = b"GNU.sparse."


def keys(**values: bytes) -> dict[bytes, bytes]:
    """Records of GNU.sparse by the last part of their keys."""
    return {HEAD + key.encode(): value for key, value in values.items()}


def by_map(text: bytes, data: bytes, count: bytes = b"1", size: bytes = b"10", **more: bytes) -> bytes:
    """A member whose map stands in its records."""
    said = keys(map=text, numblocks=count, realsize=size, **more)
    return pax(records(said)) + header("f", size=len(data)) + padded(data) + END


def in_data(text: bytes, data: bytes, **more: bytes) -> bytes:
    """A member of version 1.0, whose map stands before its data."""
    said = {b"major": b"1", b"minor": b"0", b"name": b"s", b"realsize": b"1024"}
    said |= {key.encode(): value for key, value in more.items()}
    content = padded(text) + data
    return (
        pax(records({HEAD + key: value for key, value in said.items()}))
        + header(size=len(content))
        + padded(content)
        + END
    )


@pytest.mark.parametrize(("major", "minor"), [(b"0", b"0"), (b"0", b"1"), (b"1", b"0")])
def test_three_versions_make_a_sparse_file(major: bytes, minor: bytes) -> None:
    assert is_sparse(keys(major=major, minor=minor))


@pytest.mark.parametrize(
    "said",
    [
        {},
        keys(name=b"no", realsize=b"99", size=b"99", numblocks=b"0"),
        keys(map=b""),
        keys(major=b"1", map=b"0,1"),
        keys(minor=b"0", map=b"0,1"),
        keys(major=b"1", minor=b"1", map=b"0,1"),
        keys(major=b"00", minor=b"1", map=b"0,1"),
    ],
)
def test_without_a_version_that_go_knows_the_records_mean_nothing(said: dict[bytes, bytes]) -> None:
    assert not is_sparse(said)
    content = pax(record(b"comment", b"c") + records(said)) + header("f", size=3) + padded(b"abc") + END
    assert [(m.path, m.size, m.stored) for m in scan(content)] == [("f", 3, 3)]


def test_a_map_without_a_version_makes_one() -> None:
    (member,) = scan(by_map(b"0,3", b"abc", name=b"s"))
    assert (member.path, member.size, member.stored) == ("s", 10, 3)


def test_the_size_of_version_0_beats_the_real_size() -> None:
    assert [m.size for m in scan(by_map(b"0,3", b"abc", b"+01", size=b"10", major=b"0", minor=b"1"))] == [10]
    said = keys(map=b"0,3", numblocks=b"1", realsize=b"10") | {HEAD + b"size": b"7"}
    assert [m.size for m in scan(pax(records(said)) + header(size=3) + padded(b"abc") + END)] == [7]


def test_pieces_of_version_0_0_are_read() -> None:
    pieces = record(HEAD + b"offset", b"0") + record(HEAD + b"numbytes", b"3")
    said = records(keys(major=b"0", minor=b"0", numblocks=b"1", size=b"4")) + pieces
    assert [(m.size, m.stored) for m in scan(pax(said) + header(size=3) + padded(b"abc") + END)] == [(4, 3)]


def test_a_sparse_name_beats_all_others() -> None:
    content = by_map(b"0,3", b"abc", name=b"s")
    assert [m.path for m in scan(long(b"L", b"long") + content)] == ["s"]


def test_version_1_has_its_map_before_its_data() -> None:
    content = in_data(b"2\n0\n5\n1000\n4\n", b"hellotail")
    (member,) = scan(content)
    assert (member.path, member.size, member.stored) == ("s", 1024, 9)
    assert content[member.offset : member.offset + member.stored] == b"hellotail"


def test_a_file_without_holes_has_its_data_in_one_piece() -> None:
    """What it is stored as is as long as the file, and so it is read: that must be its content, not its map."""
    content = in_data(b"1\n0\n5\n", b"hello", realsize=b"5")
    (member,) = scan(content)
    assert member.size == member.stored == 5
    assert content[member.offset : member.offset + 5] == b"hello"


def test_a_map_may_take_many_blocks() -> None:
    pieces = b"".join(b"%d\n1\n" % (at * 2) for at in range(400))
    (member,) = scan(in_data(b"400\n" + pieces, b"x" * 400))
    assert (member.size, member.stored) == (1024, 400)


REFUSED = {
    "pieces that overlap": by_map(b"0,3,2,2", b"abcde", b"2"),
    "pieces out of order": by_map(b"5,2,0,3", b"abcde", b"2"),
    "a piece outside": by_map(b"8,3", b"abc"),
    "a negative offset": by_map(b"-1,3", b"abc"),
    "a negative length": by_map(b"3,-1", b""),
    "a negative size": by_map(b"", b"", b"0", b"-1", major=b"0", minor=b"1"),
    "a size that is none": by_map(b"0,3", b"abc", size=b"10x"),
    "an offset that is none": by_map(b"0x0,3", b"abc"),
    "an odd count of numbers": by_map(b"0,3,5", b"abc"),
    "more pieces than are stated": by_map(b"0,1,2,1", b"ab"),
    "no count": by_map(b"0,3", b"abc", b""),
    "a negative count": by_map(b"0,3", b"abc", b"-1"),
    "more data than pieces": by_map(b"0,2", b"abc"),
    "fewer data than pieces": by_map(b"0,4", b"abc"),
    "a name with a NUL": by_map(b"0,3", b"abc", name=b"a\0b"),
    "a version 1.0 map without an end": in_data(b"1\n0\n", b""),
    "a version 1.0 map without a count": in_data(b"\n", b""),
    "a version 1.0 map with a negative count": in_data(b"-1\n", b""),
    "a version 1.0 map with an empty line": in_data(b"1\n0\n\n", b""),
    "a version 1.0 map in less than a block": pax(records(keys(major=b"1", minor=b"0")))
    + header(size=2)
    + padded(b"0\n")
    + END,
    "a directory": pax(records(keys(map=b"0,1", numblocks=b"1"))) + header("d", flag=b"5") + END,
    "a symlink": pax(records(keys(major=b"1", minor=b"0"))) + header("d", flag=b"2", linkname="a") + END,
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_sparse_file_that_go_refuses_is_refused(case: str) -> None:
    with pytest.raises(CorruptLayer):
        scan(REFUSED[case])


def test_a_map_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Go bounds that of version 1.0 to a MiB since 1.24.8; the pieces of a whole tar are counted besides."""
    with pytest.raises(LimitExceeded, match="map of a sparse file"):
        scan(in_data(b"400000\n" + b"0\n0\n" * 400_000, b""))
    with pytest.raises(LimitExceeded, match="pieces of sparse files"):
        scan(in_data(b"9223372036854775807\n", b""))
    monkeypatch.setitem(LIMITS, "pieces of sparse files", 3)
    assert scan(by_map(b"0,1,2,1", b"ab", b"2"))
    with pytest.raises(LimitExceeded, match="pieces of sparse files"):
        scan(by_map(b"0,1,2,1", b"ab", b"2").removesuffix(END) * 2)
