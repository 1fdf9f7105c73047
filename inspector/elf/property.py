"""What a program property says of the processor that a file needs (x86-64 psABI, "Program Property")."""

from __future__ import annotations

import struct

from inspector.elf.layout import Layout

MAX_PROPERTIES = 4096
"""Bytes of properties that are read; linkers write some forty."""

_X86_64 = 62
_NOTE = struct.Struct("<3I4s")
_PROPERTY = struct.Struct("<2I")
_NT_GNU_PROPERTY = 5
_ISA_1_NEEDED = 0xC0008002


def needed_level(content: bytes, layout: Layout) -> int:
    """Return the x86-64 level that notes ask for: 1 where they ask for none, 5 for one past those that are defined."""
    if layout.machine != _X86_64 or layout.bits != 64:
        return 1
    at = 0
    while at + _NOTE.size <= len(content):
        named, size, kind, name = _NOTE.unpack_from(content, at)
        begin = at + _NOTE.size
        if kind == _NT_GNU_PROPERTY and (named, name) == (4, b"GNU\0"):
            return _level(content[begin : begin + size])
        at = begin + -(-size // 8) * 8
    return 1


def _level(properties: bytes) -> int:
    at = 0
    while at + _PROPERTY.size <= len(properties):
        kind, size = _PROPERTY.unpack_from(properties, at)
        at += _PROPERTY.size
        if kind == _ISA_1_NEEDED and size == 4:
            needed = int.from_bytes(properties[at : at + size], "little")
            return min(max(needed.bit_length(), 1), 5)
        at += -(-size // 8) * 8
    return 1
