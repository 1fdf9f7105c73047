"""`/etc/ld.so.cache` in both of its formats, and cut or wrong ones."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.loader.cache import CacheEntry, LoaderCache
from inspector.loader.hwcaps import NAMED_ENTRY, level_of_entry

FLAGS = 0x0303
FILES = [
    ("libz.so.1", "/lib/libz.so.1", 0),
    ("libb.so.10", "/lib/libb.so.10", 0),
    ("libb.so.9", "/v2/libb.so.9", NAMED_ENTRY),
    ("libb.so.9", "/lib/libb.so.9", 0),
    ("liba.so", "/lib/liba.so", 0),
]
"""In the order in which ldconfig writes: the greatest name first, numbers by value."""


def new_format(order: str = "<", files: list[tuple[str, str, int]] = FILES, flags: int = 2) -> bytes:
    """A cache as ldconfig writes it since 2.32, with one name of capabilities."""
    strings, places = b"", []
    base = 48 + 24 * len(files)
    for name, path, _ in files:
        places.append((base + len(strings), base + len(strings) + len(name) + 1))
        strings += f"{name}\0{path}\0".encode()
    capability = base + len(strings)
    strings += b"x86-64-v2\0"
    strings += b"\0" * (-len(strings) % 4)
    extension = base + len(strings)
    entries = b"".join(
        struct.pack(f"{order}iIIIQ", FLAGS, key, value, 0, hwcap)
        for (key, value), (_, _, hwcap) in zip(places, files, strict=True)
    )
    header = b"glibc-ld.so.cache1.1" + struct.pack(f"{order}IIB3xI12x", len(files), len(strings), flags, extension)
    section = struct.pack(f"{order}IIIIIII", 0xEAA42174, 1, 1, 0, extension + 24, 4, capability)
    return header + entries + strings + section


def old_format(*, with_new: bool) -> bytes:
    """A cache as ldconfig wrote it before 2.32, or one older still, without the new format behind the old."""
    files = [(name, path) for name, path, hwcap in FILES if not hwcap]
    strings, entries = b"", b""
    for name, path in files:
        entries += struct.pack("<iII", FLAGS, len(strings), len(strings) + len(name) + 1)
        strings += f"{name}\0{path}\0".encode()
    head = b"ld.so-1.7.0\0" + struct.pack("<I", len(files)) + entries
    if not with_new:
        return head + strings
    return head + b"\0" * (-len(head) % 8) + new_format()


@pytest.mark.parametrize("content", [new_format(), old_format(with_new=True), old_format(with_new=False)])
@pytest.mark.parametrize("name", ["libz.so.1", "libb.so.10", "liba.so"])
def test_each_name_is_found(content: bytes, name: str) -> None:
    assert list(LoaderCache(content, "<").look_up(name)) == [CacheEntry(FLAGS, f"/lib/{name}", 0)]


def test_all_entries_of_a_name_come_in_their_order() -> None:
    cache = LoaderCache(new_format(), "<")
    assert [(each.path, each.hwcap) for each in cache.look_up("libb.so.9")] == [
        ("/v2/libb.so.9", NAMED_ENTRY),
        ("/lib/libb.so.9", 0),
    ]
    assert cache.hwcaps == ("x86-64-v2",)
    assert level_of_entry(NAMED_ENTRY, cache.hwcaps, (2, 36)) == 2
    assert level_of_entry(NAMED_ENTRY, cache.hwcaps, (2, 31)) is None


@pytest.mark.parametrize("name", ["", "liba", "libb.so.11", "libz.so.1x", "a" * 100_000, "9" * 5000, "lib\udcff"])
def test_a_name_that_is_not_there(name: str) -> None:
    assert list(LoaderCache(new_format(), "<").look_up(name)) == []


def test_the_byte_order_must_be_the_machine_s() -> None:
    big = new_format(">", flags=3)
    assert LoaderCache(big, ">").count == len(FILES)
    assert LoaderCache(big, "<").count == 0
    assert LoaderCache(new_format(), ">").count == 0


@given(st.integers(0, len(new_format())))
def test_a_cut_cache_holds_nothing_wrong(end: int) -> None:
    cache = LoaderCache(new_format()[:end], "<")
    for name, path, _ in FILES:
        assert {entry.path for entry in cache.look_up(name)} <= {path, f"/lib/{name}", f"/v2/{name}"}


@given(st.binary(max_size=300), st.integers(0, 200))
def test_any_bytes_are_taken(content: bytes, place: int) -> None:
    whole = new_format()
    mixed = whole[:place] + content + whole[place + len(content) :]
    for cache in (LoaderCache(content, "<"), LoaderCache(mixed, "<")):
        assert len(list(cache.look_up("libb.so.9"))) <= cache.count
