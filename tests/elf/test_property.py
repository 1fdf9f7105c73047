"""The x86-64 level that a program property asks for."""

from __future__ import annotations

import struct

import pytest

from inspector.elf.layout import Layout
from inspector.elf.property import needed_level

X86_64 = Layout(64, "<", 0, 3, 62, (), {})
CET = struct.pack("<4I", 0xC0000002, 4, 3, 0)


def note(properties: bytes, kind: int = 5, name: bytes = b"GNU\0") -> bytes:
    """One note of a kind."""
    return struct.pack("<3I4s", len(name), len(properties), kind, name) + properties


def needed(bits: int, size: int = 4) -> bytes:
    """The property that asks for levels."""
    return struct.pack("<4I", 0xC0008002, size, bits, 0)


@pytest.mark.parametrize(
    ("content", "level"),
    [
        (b"", 1),
        (note(CET), 1),
        (note(needed(0)), 1),
        (note(needed(1)), 1),
        (note(CET + needed(3)), 2),
        (note(CET + needed(4)), 3),
        (note(needed(8)), 4),
        (note(needed(0x10)), 5),
        (note(needed(0xFFFFFFFF)), 5),
        (note(b"build", kind=3) + bytes(3) + note(needed(2)), 2),
    ],
)
def test_the_highest_bit_is_the_level(content: bytes, level: int) -> None:
    assert needed_level(content, X86_64) == level


@pytest.mark.parametrize(
    "content",
    [
        note(needed(8), name=b"XYZ\0"),
        note(needed(8))[:20],
        note(needed(8, size=8)),
        note(struct.pack("<2I", 0xC0000002, 0xFFFFFFFF) + needed(8)),
        struct.pack("<3I4s", 4, 0xFFFFFFFF, 3, b"GNU\0"),
        bytes(4096),
    ],
)
def test_what_asks_for_no_level_or_is_cut_asks_for_the_first(content: bytes) -> None:
    assert needed_level(content, X86_64) == 1


def test_other_machines_have_other_properties() -> None:
    assert needed_level(note(needed(8)), Layout(64, "<", 0, 3, 183, (), {})) == 1
