"""ELF files as far as starting them goes: machine and loader.

Follows the System V gABI, chapters 4 and 5. Our own reading, since the first KiB is all there is of
most files, and every offset in a hostile one must be bounded.
"""

from __future__ import annotations

import struct

import msgspec

MAGIC = b"\x7fELF"
_BITS = {1: 32, 2: 64}
_ORDER = {1: "<", 2: ">"}
_HEADERS = {32: "HHIIIIIHHHHHH", 64: "HHIQQQIHHHHHH"}
_SEGMENTS = {32: "IIIIIIII", 64: "IIQQQQQQ"}
PT_LOAD, _PT_INTERP = 1, 3
_EXECUTABLE = (2, 3)
_MAX_SEGMENTS, _MAX_NAME = 64, 4096
"""What is taken in of one file: program headers, bytes of a name."""

_MACHINES = {
    (3, 32, "<"): "i686",
    (62, 64, "<"): "x86_64",
    (40, 32, "<"): "armv7l",
    (183, 64, "<"): "aarch64",
    (21, 64, "<"): "ppc64le",
    (21, 64, ">"): "ppc64",
    (22, 64, ">"): "s390x",
    (243, 64, "<"): "riscv64",
    (258, 64, "<"): "loongarch64",
    (8, 64, "<"): "mips64",
    (8, 32, "<"): "mips",
}


class Segment(msgspec.Struct, frozen=True):
    """One program header: where in the file it lies, where in memory, in bytes."""

    kind: int
    offset: int
    address: int
    size: int


class ElfHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What the head of an ELF file tells.

    `machine` is in `uname -m`'s names, or `machine N` for one without. `loader` is PT_INTERP: empty
    for a static program, None where it lies past the bytes at hand.
    """

    machine: str
    bits: int
    order: str
    executable: bool
    segments: tuple[Segment, ...]
    loader: str | None


def parse_header(head: bytes) -> ElfHeader | None:
    """Return the header in the first bytes of a file; None if they are no whole ELF header."""
    if len(head) < 20 or not head.startswith(MAGIC):
        return None
    bits, order = _BITS.get(head[4]), _ORDER.get(head[5])
    if bits is None or order is None:
        return None
    layout = struct.Struct(order + _HEADERS[bits])
    if len(head) < 16 + layout.size:
        return None
    kind, machine, _, _, table, _, _, _, entry_size, count, *_ = layout.unpack_from(head, 16)
    segments, complete = _segments(head, bits, order, (table, entry_size, min(count, _MAX_SEGMENTS)))
    return ElfHeader(
        machine=_MACHINES.get((machine, bits, order), f"machine {machine}"),
        bits=bits,
        order=order,
        executable=kind in _EXECUTABLE,
        segments=segments,
        loader=_loader(head, segments, complete=complete),
    )


def _segments(head: bytes, bits: int, order: str, table: tuple[int, int, int]) -> tuple[tuple[Segment, ...], bool]:
    """Return the program headers that the bytes hold, and whether these are all."""
    layout = struct.Struct(order + _SEGMENTS[bits])
    start, entry_size, count = table
    found: list[Segment] = []
    if count and entry_size < layout.size:
        return (), False
    for position in range(start, start + count * entry_size, entry_size or 1):
        if position + layout.size > len(head):
            return tuple(found), False
        fields = layout.unpack_from(head, position)
        kind, offset, address, size = (fields[0], *fields[1:3], fields[4])
        if bits == 64:
            offset, address, size = fields[2], fields[3], fields[5]
        found.append(Segment(kind, offset, address, size))
    return tuple(found), True


def _loader(head: bytes, segments: tuple[Segment, ...], *, complete: bool) -> str | None:
    for segment in segments:
        if segment.kind == _PT_INTERP:
            if not segment.size or segment.size > _MAX_NAME or segment.offset + segment.size > len(head):
                return None
            text = head[segment.offset : segment.offset + segment.size]
            return text.partition(b"\0")[0].decode("utf-8", "surrogateescape")
    return "" if complete else None
