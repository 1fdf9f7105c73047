"""ELF files made to mislead or to exhaust: each is answered, in bounded work."""

from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.elf import Elf
from inspector.elf import Content, NotElf, Skeleton, read_skeleton, read_symbols
from inspector.elf.dynamic import dynamic_range
from inspector.elf.layout import Layout, read_layout
from inspector.layers.objects import pack_skeleton, pack_symbols, unpack_skeleton, unpack_symbols
from tests.effort import examples
from tests.elf.reading import forward, is_partial, sought

WHOLE = Elf(
    loader="/lib64/ld-linux-x86-64.so.2",
    soname="libx.so.1",
    needed=("liba.so.1", "libc.so.6"),
    rpath="/a",
    runpath="$ORIGIN",
    requires={"libc.so.6": ("GLIBC_2.2.5", "GLIBC_2.34")},
    defines=("X_1", "X_2"),
).encode()


def changed(changes: dict[int, bytes]) -> bytes:
    content = bytearray(WHOLE)
    for at, data in changes.items():
        content[at : at + len(data)] = data
    return bytes(content)


def dynamic(tag: int, value: int) -> bytes:
    """The library with one entry of its dynamic section set to another value."""
    at = next(
        at for at in range(len(WHOLE) - 16) if WHOLE[at : at + 8] == struct.pack("<Q", tag) and not at % 8 and at > 400
    )
    return changed({at + 8: struct.pack("<Q", value)})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "file too short"),
        (b"\x7fELF", "file too short"),
        (b"#!/bin/sh\n" + bytes(100), "invalid ELF header"),
        (changed({4: b"\x03"}), "invalid ELF header"),
        (changed({5: b"\x00"}), "invalid ELF header"),
        (changed({54: b"\x20"}), "ELF file's phentsize not the expected size"),
        (changed({32: b"\xff" * 8}), "cannot read file data"),
        (WHOLE[:100], "cannot read file data"),
    ],
)
def test_what_a_loader_refuses_at_once(content: bytes, reason: str) -> None:
    assert read_skeleton(Content(content)) == NotElf(reason)
    assert forward(content).skeleton == NotElf(reason)


@pytest.mark.parametrize("tag", [5, 6, 10, 0x6FFFFFFC, 0x6FFFFFFE, 0x6FFFFFF0, 4])
@pytest.mark.parametrize("value", [0, 1, 1 << 32, (1 << 64) - 1])
def test_tables_anywhere(tag: int, value: int) -> None:
    content = dynamic(tag, value)
    skeleton, symbols = sought(content)
    assert isinstance(skeleton, Skeleton)
    passed = forward(content)
    assert is_partial(passed) or (passed.skeleton, passed.symbols) == (skeleton, symbols)


def test_versions_that_lead_in_a_circle_end() -> None:
    at = WHOLE.index(struct.pack("<4H", 1, 1, 1, 1))
    content = changed({at + 16: struct.pack("<I", 0xFFFFFFFF)})
    skeleton = read_skeleton(Content(content))
    assert isinstance(skeleton, Skeleton)
    assert "versions" in skeleton.partial


@pytest.mark.parametrize(("count", "step", "names"), [(3, 32, "ac"), (1, 16, "abc"), (3, 0, "a"), (9, 16, "abc")])
def test_versions_needed_are_those_that_lead_to_each_other(count: int, step: int, names: str) -> None:
    """As glibc follows them, in `_dl_check_map_versions`, whatever their number is said to be."""
    library = Elf(requires={"libc.so.6": ("a", "b", "c")}).encode()
    at = library.index(struct.pack("<2H", 1, 3))
    first = at + struct.unpack_from("<I", library, at + 8)[0]
    content = bytearray(library)
    struct.pack_into("<H", content, at + 2, count)
    struct.pack_into("<I", content, first + 12, step)
    skeleton = read_skeleton(Content(bytes(content)))
    assert isinstance(skeleton, Skeleton)
    assert [name for need in skeleton.needs for name, _ in need.versions] == list(names)


def test_a_name_that_is_no_utf8_is_left_out_and_said() -> None:
    at = WHOLE.index(b"liba.so.1")
    skeleton = read_skeleton(Content(changed({at: b"\xff"})))
    assert isinstance(skeleton, Skeleton)
    assert "no UTF-8" in skeleton.partial
    assert skeleton.needed == ("libc.so.6",)


def test_the_last_of_equal_tags_counts() -> None:
    layout = read_layout(Content(WHOLE))
    assert isinstance(layout, Layout)
    place = dynamic_range(layout, len(WHOLE))
    assert place is not None
    needed = WHOLE[place[0] + 8 : place[0] + 16]
    at = WHOLE.index(struct.pack("<QQ", 11, 24), place[0])
    content = changed({at: struct.pack("<Q", 14) + needed})
    skeleton = read_skeleton(Content(content))
    assert isinstance(skeleton, Skeleton)
    assert skeleton.soname == "liba.so.1"


def test_many_relocations_take_bounded_work() -> None:
    """A table of 300,000 relocations, each of another symbol."""
    begun = time.process_time()
    rows = b"".join(struct.pack("<QQQ", 0, number << 32 | 6, 0) for number in range(300_000))
    content = bytearray(Elf(soname="x", text=rows).encode())
    place = content.index(rows[:240])
    at = next(at for at in range(0, len(content) - 16, 8) if content[at : at + 16] == struct.pack("<QQ", 11, 24))
    content[at : at + 32] = struct.pack("<4Q", 7, place, 8, len(rows))
    assert "symbols" in read_symbols(Content(bytes(content))).partial
    assert time.process_time() - begun < 30


@examples(150)
@given(st.data())
def test_damage_never_breaks_the_reading(data: st.DataObject) -> None:
    content = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(0, 8))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    skeleton, symbols = read_skeleton(Content(cut)), read_symbols(Content(cut))
    assert unpack_skeleton(pack_skeleton(skeleton)) == skeleton
    assert unpack_symbols(pack_symbols(symbols)) == symbols
    passed = forward(cut, 64)
    assert is_partial(passed) or (passed.skeleton, passed.symbols) == (skeleton, symbols)
