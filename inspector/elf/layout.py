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

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_TLS, PT_GNU_STACK, PT_GNU_PROPERTY = 1, 2, 3, 7, 0x6474E551, 0x6474E553
_READ = {PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_TLS, PT_GNU_STACK, PT_GNU_PROPERTY}
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
_CLASS, _DATA, _VERSION, _OSABI, _ABI_VERSION, _PADDING = 4, 5, 6, 7, 8, 9


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

    `loads` are the segments that are loaded, `last` the last segment of each kind, which is the one that glibc takes.
    `refused` is what glibc says of a header that the kernel takes; empty for a good one. Only kinds that are asked for
    are there.
    """

    bits: int
    order: str
    osabi: int
    kind: int
    machine: int
    loads: tuple[Segment, ...]
    last: dict[int, Segment]
    cut: str = ""
    refused: str = ""

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
    bits, order = _BITS.get(head[_CLASS], 0), _ORDER.get(head[_DATA], "")
    layout = _HEADERS.get((bits, order))
    if layout is None:
        return NotElf("invalid ELF header")
    return _read_segments(source, head, bits, order)


def _read_segments(source: Source, head: bytes, bits: int, order: str) -> Layout | NotElf:
    layout = _HEADERS[bits, order]
    if len(head) < _IDENT + layout.size:
        return NotElf("file too short")
    kind, machine, version, _, table, _, _, _, entry_size, count, *_ = layout.unpack_from(head, _IDENT)
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
    last = {segment.kind: segment for segment in segments}
    return Layout(bits, order, head[_OSABI], kind, machine, loads, last, cut, _refused(head, version))


def _refused(head: bytes, version: int) -> str:
    """Return what glibc's `open_verify` says of a header's versions and padding, in its order."""
    if head[_VERSION] != 1:
        return "ELF file version ident does not match current one"
    if head[_OSABI] == 0 and head[_ABI_VERSION]:
        return "ELF file ABI version invalid"
    if any(head[_PADDING:_IDENT]):
        return "nonzero padding in e_ident"
    return "" if version == 1 else "ELF file version does not match current one"


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
