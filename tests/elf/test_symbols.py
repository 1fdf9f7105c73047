"""Symbols that are read without the relocations: they tell of no fewer names, and say where that would not be sure."""

from __future__ import annotations

import struct
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import msgspec
import pytest

from fixtures.elf import Elf
from inspector.elf import Content, FilePart, Symbols, bytes_of, gnu_hash, read_symbols, words_of
from tests.elf.reading import real_files

_HASH, _STRTAB, _RELASZ, _STRSZ = 4, 5, 8, 10
LIBRARY = Elf(
    soname="libx.so.1", requires={"libc.so.6": ("GLIBC_2.2.5",)}, symbols=("given", "PyInit_m"), undefined=("a", "bc")
).encode()


def read(content: bytes, *, whole: bool) -> Symbols:
    return read_symbols(Content(content), whole=whole)


def hashes(*names: str) -> list[int]:
    return [gnu_hash(name.encode()) for name in names]


def place(content: bytes, tag: int) -> int:
    """Where the value of a tag of the dynamic section is written."""
    begin = struct.unpack_from("<Q", content, 64 + 2 * 56 + 8)[0]  # of the third segment
    return next(at + 8 for at in range(begin, len(content), 16) if content[at : at + 8] == struct.pack("<Q", tag))


def value(content: bytes, tag: int) -> int:
    found: int = struct.unpack_from("<Q", content, place(content, tag))[0]
    return found


def changed(content: bytes, tag: int, value: int) -> bytes:
    """The file with one tag of its dynamic section set to another value."""
    return written(content, place(content, tag), struct.pack("<Q", value))


def written(content: bytes, at: int, data: bytes) -> bytes:
    return content[:at] + data + content[at + len(data) :]


def test_names_are_hashes_where_relocations_are_not_read() -> None:
    found, every = read(LIBRARY, whole=False), read(LIBRARY, whole=True)
    assert (found.names, list(found.undefined()), found.kept) == (b"", hashes("a", "bc"), True)
    assert (every.names, every.undefined(), every.kept) == (b"a\0bc", hashes("a", "bc"), False)
    same = msgspec.structs.replace(found, names=every.names, hashes=b"", kept=False)
    assert same == every


def test_what_no_relocation_names_is_among_them() -> None:
    content = changed(LIBRARY, _RELASZ, 24)
    assert read(content, whole=True).names == b"a"
    assert list(read(content, whole=False).undefined()) == hashes("a", "bc")


def test_relocations_are_read_where_symbols_may_follow_those_that_are_counted() -> None:
    """A table of hashes that counts too few symbols: what follows may well be one more."""
    content = written(LIBRARY, value(LIBRARY, _HASH) + 4, struct.pack("<I", 2))
    found = read(content, whole=False)
    assert (found.kept, found.names) == (False, b"a\0bc")


@pytest.mark.parametrize("hole", [b"X", b"Z", b"\0"])
def test_symbols_end_where_a_table_was_before_it_was_moved(hole: bytes) -> None:
    plain = Elf(symbols=("given",), undefined=("a",))
    at, size = (value(plain.encode(), tag) for tag in (_STRTAB, _STRSZ))
    strings = plain.encode()[at : at + size]
    content = written(replace(plain, text=strings).encode(), at, hole * size)
    moved = changed(content, _STRTAB, content.rindex(strings))
    found = read(moved, whole=False)
    assert (found.kept, list(found.undefined()), list(words_of(found.exported))) == (True, hashes("a"), hashes("given"))


@pytest.mark.parametrize("path", real_files(40), ids=str)
def test_real_files(path: Path) -> None:
    content = path.read_bytes()
    source = FilePart(BytesIO(content), 0, len(content))
    found, every = read_symbols(source, whole=False), read(content, whole=True)
    assert (found.exported, found.hidden, found.defined) == (every.exported, every.hidden, every.defined)
    assert (found.modules, found.needs, found.partial) == (every.modules, every.needs, every.partial)
    rows = set(zip(found.undefined(), found.versions, strict=True))
    assert rows >= set(zip(every.undefined(), every.versions, strict=True))
    assert bytes_of(words_of(found.exported)) == found.exported
