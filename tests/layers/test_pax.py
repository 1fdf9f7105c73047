"""PAX records as Go takes them, and the bounds of what one tar may say in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import LimitExceeded
from inspector.layers.header import Header
from inspector.layers.pax import LIMITS, NOTHING, Budget, Extended, extend, merge, parse_records
from tests.effort import examples
from tests.layers.tars import END, header, pax, record, records, scan

XATTR = b"SCHILY.xattr.trusted.overlay."


def test_records_are_read_by_their_length() -> None:
    assert parse_records(record(b"a", b"1") + record(b"b", b"x=\n y\0") + record(b"a", b"2")) == {
        b"a": b"2",
        b"b": b"x=\n y\0",
    }
    assert parse_records(b"") == {}


@pytest.mark.parametrize("content", [b"6 a=1\n", b"+7 a=1\n", b"008 a=1\n", b"5 a=\n", b"6 a==\n"])
def test_a_length_may_have_a_sign_and_zeros(content: bytes) -> None:
    assert list(parse_records(content)) == [b"a"]


MALFORMED = [
    b"6 a=1\n\0\0\0\0",  # bytes behind the last record: no number, and no space to look for
    b"6 a=1\n\n",
    b"6 a=1\n ",
    b"6",
    b"6a=1\n",
    b"5 a=1\n",
    b"7 a=1\n",
    b"0 a=1\n",
    b"-6 a=1\n",
    b"4 =\n\n",
    b"4 a\n\n",
    b"6 a 1\n",
    b"6 =12\n",
    b"2 a=1\n",
    b" 7 a=1\n",
    b"6\0 a=1\n",
    b"4294967302 a=1\n",
    b"99999999999999999999999 a=1\n",
    record(b"path", b"\0"),
    record(b"linkpath", b"a\0b"),
    record(b"uname", b"\0"),
    record(b"gname", b"\0"),
    record(b"a\0", b"1"),
    record(b"GNU.sparse.numbytes", b"1"),
    record(b"GNU.sparse.offset", b"1") * 2,
    record(b"GNU.sparse.offset", b"1,2"),
]


@pytest.mark.parametrize("content", MALFORMED)
def test_a_record_that_go_refuses_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"PAX record|sparse|no number"):
        parse_records(content)


@given(st.binary(max_size=60) | st.lists(st.sampled_from([b"6 a=1\n", b"5", b" ", b"=", b"\n", b"-1 "])).map(b"".join))
@examples(500)
def test_any_bytes_come_to_an_end(content: bytes) -> None:
    """Each step goes forward by a record's length, or there is an error."""
    try:
        found = parse_records(content)
    except ValueError:
        return
    assert sum(len(key) + len(value) for key, value in found.items()) <= len(content)


def test_the_pieces_of_version_0_0_become_the_map_of_0_1() -> None:
    pieces = record(b"GNU.sparse.offset", b"0") + record(b"GNU.sparse.numbytes", b"5")
    assert parse_records(record(b"GNU.sparse.map", b"9,9") + pieces * 2) == {b"GNU.sparse.map": b"0,5,0,5"}


def test_of_extended_headers_the_last_of_each_type_holds() -> None:
    first = extend(extend(NOTHING, b"x", record(b"a", b"1")), b"L", b"name\0rest")
    second = extend(extend(first, b"K", b"link"), b"x", record(b"b", b"2"))
    assert second == Extended({b"b": b"2"}, b"name", b"link")
    assert extend(second, b"L", b"") == Extended({b"b": b"2"}, b"", b"link")


def merged(pairs: dict[bytes, bytes], budget: Budget | None = None) -> tuple[tuple[str, bytes], ...]:
    return merge(Header(b"f", b"0", 0, 0, 0, 0, b""), Extended(pairs), budget or Budget())


@pytest.mark.parametrize(
    ("name", "value"), [(b"n" * 300, b"y"), (b"opaque", b"y" * 70_000)], ids=["a long name", "a long value"]
)
def test_an_attribute_that_linux_takes_none_of_is_refused(name: bytes, value: bytes) -> None:
    with pytest.raises(ValueError, match="Linux takes none"):
        merged({XATTR + name: value})
    assert merged({b"SCHILY.xattr.user." + name: value}) == ()


@pytest.mark.parametrize("what", ["extended attributes", "bytes of extended attributes"])
def test_attributes_are_counted_over_the_whole_tar(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    one = pax(records({XATTR + b"opaque": b"y"})) + header()
    monkeypatch.setitem(LIMITS, what, 3 if what == "extended attributes" else 3 * len("trusted.overlay.opaquey"))
    assert len(scan(one * 3 + END)) == 3
    with pytest.raises(LimitExceeded, match=what):
        scan(one * 4 + END)


def test_long_names_are_counted_over_the_whole_tar(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of a MiB that comes down to one letter takes its time, and packs to a KiB."""
    one = pax(record(b"path", b"./" * 1000 + b"a")) + header()
    monkeypatch.setitem(LIMITS, "bytes of extended headers", 7000)
    assert [member.path for member in scan(one * 3 + END)] == ["a"] * 3
    with pytest.raises(LimitExceeded, match="bytes of extended headers"):
        scan(one * 4 + END)


def test_what_one_tar_may_hold_stays_small() -> None:
    """50,000 attributes and 4 MiB of them: some 20 MB as objects, inside what an image may take."""
    assert LIMITS == {
        "bytes of extended headers": 256 << 20,
        "PAX records": 5_000_000,
        "pieces of sparse files": 1_000_000,
        "extended attributes": 50_000,
        "bytes of extended attributes": 4 << 20,
    }
