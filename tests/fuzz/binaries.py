"""ELF files, by seeking and in one forward pass."""

from __future__ import annotations

from inspector.elf import Content, read_loader, read_skeleton, read_symbols
from inspector.layers.objects import pack_skeleton, pack_symbols, unpack_skeleton, unpack_symbols
from tests.elf.reading import forward, is_partial, sought
from tests.fuzz.cursor import Cursor


def elf(content: bytes) -> None:
    """A file is read, and what is told of it can be kept."""
    skeleton, symbols = read_skeleton(Content(content)), read_symbols(Content(content))
    assert unpack_skeleton(pack_skeleton(skeleton)) == skeleton
    assert unpack_symbols(pack_symbols(symbols)) == symbols
    assert len(symbols.names.split(b"\0") if symbols.names else ()) == len(symbols.versions)
    assert len(symbols.names.split(b"\0")) == max(1, len(symbols.versions))
    read_loader(content)


def elf_stream(content: bytes) -> None:
    """A file that goes by in pieces tells the same, or says that parts had gone by."""
    cursor = Cursor(content)
    piece, granted, inner = 1 + cursor.byte() * 17, cursor.byte() % 4 > 0, cursor.rest()
    passed = forward(inner, piece, granted=granted)
    assert is_partial(passed) or (passed.skeleton, passed.symbols) == sought(inner)
