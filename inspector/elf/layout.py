"""An ELF file's header and program headers, as glibc's `open_verify` and the kernel take them."""

from __future__ import annotations

import struct

import msgspec

from inspector.elf.model import NotElf
from inspector.elf.source import Source

MAGIC = b"\x7fELF"
MAX_SEGMENTS = 256
"""Program headers that are read; linkers write a dozen."""

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_TLS, PT_GNU_STACK = 1, 2, 3, 7, 0x6474E551
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
    """What header and program headers say. `cut` says why not all of these were read."""

    bits: int
    order: str
    osabi: int
    kind: int
    machine: int
    segments: tuple[Segment, ...]
    cut: str = ""

    def find(self, kind: int) -> Segment | None:
        """Return the last segment of a kind, which is the one that glibc takes."""
        return next((segment for segment in reversed(self.segments) if segment.kind == kind), None)

    def place(self, address: int) -> tuple[int, int] | None:
        """Return where in the file the byte at a memory address lies, and where its segment ends."""
        for segment in self.segments:
            if segment.kind == PT_LOAD and segment.address <= address < segment.address + segment.size:
                return address - segment.address + segment.offset, segment.offset + segment.size
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
    segments = tuple(_segment(row, bits) for row in unpack.iter_unpack(rows))
    cut = f"it has {count} program headers, of which {MAX_SEGMENTS} were read" if taken < count else ""
    return Layout(bits, order, head[7], kind, machine, segments, cut)


def _segment(row: tuple[int, ...], bits: int) -> Segment:
    if bits == 64:
        kind, flags, offset, address, _, size, memory, _ = row
    else:
        kind, offset, address, _, size, memory, flags, _ = row
    return Segment(kind, flags, offset, address, size, memory)
