"""An ELF file's header and program headers, as glibc's `open_verify` and the kernel take them."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import msgspec

from inspector.elf.model import NotElf
from inspector.elf.source import Source

MAGIC = b"\x7fELF"
MAX_SEGMENTS = 256
"""Program headers that are read; linkers write a dozen."""

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_TLS, PT_GNU_STACK = 1, 2, 3, 7, 0x6474E551
_READ = {PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_TLS, PT_GNU_STACK}
_BITS = {1: 32, 2: 64}
_ORDER = {1: "<", 2: ">"}
_HEADERS = {
    (bits, order): struct.Struct(order + fields)
    for bits, fields in ((32, "HHIIIIIHHHHHH"), (64, "HHIQQQIHHHHHH"))
    for order in "<>"
}
_SEGMENTS = {
    (bits, order): struct.Struct(order + fields) for bits, fields in ((32, "8I"), (64, "2I6Q")) for order in "<>"
}
_HEAD = 1024
_IDENT, _LEAST = 16, 52


class Segment(msgspec.Struct, frozen=True, gc=False):
    """One program header: where it lies in the file and in memory, in bytes."""

    kind: int
    flags: int
    offset: int
    address: int
    size: int
    memory: int


class Layout(msgspec.Struct, frozen=True):
    """What header and program headers say. `cut` says why not all of these were read.

    `loads` are the segments that are loaded, `last` the last segment of each kind that is read, which is
    the one that glibc takes.
    """

    bits: int
    order: str
    osabi: int
    kind: int
    machine: int
    loads: tuple[Segment, ...]
    last: dict[int, Segment]
    cut: str = ""

    def find(self, kind: int) -> Segment | None:
        """Return the last segment of a kind."""
        return self.last.get(kind)

    def place(self, address: int) -> tuple[int, int] | None:
        """Return where in the file the byte at a memory address lies, and where its segment ends."""
        for segment in self.loads:
            start = address - segment.address
            if 0 <= start < segment.size:
                return start + segment.offset, segment.offset + segment.size
        return None


def read_layout(source: Source) -> Layout | NotElf:
    """Read the header and the program headers. Raises `Absent`."""
    head = source.read_at(0, min(_HEAD, source.size))
    if len(head) < _LEAST:
        return NotElf("file too short")
    if not head.startswith(MAGIC):
        return NotElf("invalid ELF header")
    bits, order = _BITS.get(head[4], 0), _ORDER.get(head[5], "")
    layout = _HEADERS.get((bits, order))
    if layout is None or head[6] != 1:
        return NotElf("invalid ELF header")
    if head[7] == 0 and head[8] != 0:
        return NotElf("ELF file ABI version invalid")
    return _read_segments(source, head, bits, order)


def _read_segments(source: Source, head: bytes, bits: int, order: str) -> Layout | NotElf:
    layout = _HEADERS[bits, order]
    if len(head) < _IDENT + layout.size:
        return NotElf("file too short")
    kind, machine, _, _, table, _, _, _, entry_size, count, *_ = layout.unpack_from(head, _IDENT)
    unpack = _SEGMENTS[bits, order]
    if count and entry_size != unpack.size:
        return NotElf("ELF file's phentsize not the expected size")
    taken = min(count, MAX_SEGMENTS)
    end = table + taken * unpack.size
    rows = head[table:end] if end <= len(head) else source.read_at(table, taken * unpack.size)
    if len(rows) < taken * unpack.size:
        return NotElf("cannot read file data")
    segments = _segments(unpack.iter_unpack(rows), bits)
    loads = tuple([segment for segment in segments if segment.kind == PT_LOAD])
    cut = f"it has {count} program headers, of which {MAX_SEGMENTS} were read" if taken < count else ""
    return Layout(bits, order, head[7], kind, machine, loads, {segment.kind: segment for segment in segments}, cut)


def _segments(rows: Iterable[tuple[int, ...]], bits: int) -> list[Segment]:
    if bits == 64:
        return [
            Segment(kind, flags, offset, address, size, memory)
            for kind, flags, offset, address, _, size, memory, _ in rows
            if kind in _READ
        ]
    return [
        Segment(kind, flags, offset, address, size, memory)
        for kind, offset, address, _, size, memory, flags, _ in rows
        if kind in _READ
    ]
