"""One header: its checksum in every form that Go takes, and the name behind its prefix."""

from __future__ import annotations

import pytest

from inspector.layers.header import BLOCK, Header, is_header, parse_header
from tests.layers.tars import header, resummed, ustar


def checksum(block: bytes, form: bytes, *, signed: bool = False) -> bytes:
    """The header with its checksum in another form."""
    blank = block[:148] + b" " * 8 + block[156:]
    total = sum(byte - 256 if signed and byte > 127 else byte for byte in blank)
    return block[:148] + (form % total)[:8].ljust(8, b"\0") + block[156:]


@pytest.mark.parametrize("form", [b"%06o\0 ", b"%07o\0", b"%8o", b"%-8o", b"\0%o", b"%o\0x"])
def test_a_checksum_is_any_octal_number(form: bytes) -> None:
    assert is_header(checksum(header(), form))


@pytest.mark.parametrize("form", [b"-%o", b"%o x", b"%x", b"\x80%o", b"1%06o"])
def test_a_checksum_that_go_refuses_is_refused(form: bytes) -> None:
    assert not is_header(checksum(header(), form))


def test_a_checksum_may_be_that_of_signed_bytes() -> None:
    block = ustar(b"\xff\xfe")
    assert is_header(checksum(block, b"%06o\0 ", signed=True))
    assert not is_header(checksum(block, b"%06o\0 ", signed=True)[:-1] + b"\1")


def test_what_is_no_block_is_no_header() -> None:
    assert not any(is_header(block) for block in (b"", bytes(BLOCK), header()[:-1], header() + b"\0"))


def test_a_sum_below_zero_is_stated_by_no_field() -> None:
    """Of signed bytes it may come to -1, which nothing states; a field that is no number must not mean it."""
    block = bytearray(b"\xff" * 257 + bytes(255))
    block[148:156] = b"garbage!"
    assert not is_header(bytes(block))


def test_a_header_is_read_by_its_magic() -> None:
    block = resummed(ustar(b"n", size=3, link=b"to"), 100, b"0004755\0" + b"0001750\0" + b"0000144\0")
    assert parse_header(block) == Header(b"n", b"0", 0o4755, 1000, 100, 3, b"to" + bytes(98))
    assert parse_header(resummed(block, 345, b"p")).name == b"p/n"
    assert parse_header(resummed(resummed(block, 345, b"p"), 257, b"ustar  \0")).name == b"p/n"  # no time
    assert parse_header(resummed(resummed(block, 345, b"7"), 257, b"ustar  \0")).name == b"n"  # a time
