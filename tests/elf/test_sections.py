"""Sections by name, and tables of sections that are cut or made to mislead."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.elf import Elf
from inspector.elf import Content
from inspector.elf.dynamic import Damaged
from inspector.elf.sections import find_sections
from tests.effort import examples

WHOLE = Elf(soname="libx.so.1", text=b"read only", sections={".own": b"content"}).encode()
TABLE = struct.unpack_from("<Q", WHOLE, 40)[0]


def test_sections_are_found_by_name() -> None:
    found = find_sections(Content(WHOLE), [".own", ".rodata", ".nowhere"])
    assert {name: WHOLE[each.offset : each.offset + each.size] for name, each in found.items()} == {
        ".own": b"content",
        ".rodata": b"read only",
    }


def test_one_without_content_in_the_file_is_not_there() -> None:
    count = struct.unpack_from("<H", WHOLE, 60)[0]
    found = find_sections(Content(WHOLE), [".own"])[".own"]
    own = next(at for at in range(count) if _row(at)[4:6] == (found.offset, found.size))
    content = bytearray(WHOLE)
    struct.pack_into("<I", content, TABLE + own * 64 + 4, 8)
    assert find_sections(Content(bytes(content)), [".own"]) == {}


def _row(at: int) -> tuple[int, ...]:
    return struct.unpack_from("<2I4Q2I2Q", WHOLE, TABLE + at * 64)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x7fELF",
        b"#!/bin/sh\n" + bytes(100),
        WHOLE[:40] + bytes(8) + WHOLE[48:],
        WHOLE[:60] + b"\0\0" + WHOLE[62:],
        WHOLE[:60] + b"\xff\xff" + WHOLE[62:],
        WHOLE[:62] + b"\xff\xff" + WHOLE[64:],
        WHOLE[:-64],
        WHOLE[: TABLE + 10],
    ],
)
def test_without_a_whole_table_nothing_is_known(content: bytes) -> None:
    with pytest.raises(Damaged):
        find_sections(Content(content), [".own"])


@examples(200)
@given(at=st.integers(0, len(WHOLE) - 1), value=st.binary(min_size=1, max_size=8))
def test_whatever_is_changed_what_is_found_lies_in_the_file(at: int, value: bytes) -> None:
    content = WHOLE[:at] + value + WHOLE[at + len(value) :]
    try:
        found = find_sections(Content(content), [".own", ".rodata"])
    except Damaged:
        return
    assert all(each.offset + each.size > 0 and each.offset + each.size <= len(content) for each in found.values())
