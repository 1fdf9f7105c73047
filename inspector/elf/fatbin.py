"""CUDA's fat binaries: for which GPUs the kernels in a library were compiled, from the headers alone.

The section `.nv_fatbin` is a chain of containers, one for each object file that was linked, 8 bytes aligned. A
container holds an entry for each architecture; the kernels are packed, the headers are not. Nobody documents the form:
it was compared with `cuobjdump` on what nvcc 13.0 wrote, and on the libraries of eight releases of torch.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator

import msgspec

from inspector.elf.dynamic import Damaged
from inspector.elf.sections import Section, find_sections
from inspector.elf.source import Content, Source

SECTIONS = (".nv_fatbin", "__nv_relfatbin")
MAX_CONTAINERS = 1024
"""Containers of one library that are read; libtorch_cuda.so has up to 480."""
MAX_ENTRIES = 64
"""Entries of one container that are read; those of torch have up to 12."""
MAX_PADDING = 1 << 20
"""Zeros between two containers; aarch64's linkers put up to 64 KB."""

_CONTAINER = struct.Struct("<IHHQ")
_MAGIC, _VERSION = 0xBA55ED50, 1
_ENTRY = struct.Struct("<HHIQ12xI8xQ")
"""Kind, version, size of the header, size of the payload, architecture, flags."""
_MOST_HEADER = 4096
HEADER = _CONTAINER.size
BEGIN = struct.pack("<IHH", _MAGIC, _VERSION, _CONTAINER.size)
"""The first bytes of a container."""
_KINDS = {1: "compute", 2: "sm"}
_SUFFIXES = {0x100000: "a", 0x200000: "f"}
_STEP = 4096

Architectures = tuple[str, ...]


class Fatbins(msgspec.Struct, frozen=True):
    """The architectures of a library's containers, as `torch.cuda.get_arch_list()` writes them.

    `first` are those of the first container, in their order there; `lists` counts the containers of each list, which
    is sorted. `cut` says why not all containers were read; empty where all were.
    """

    first: Architectures
    lists: dict[Architectures, int]
    cut: str = ""

    @property
    def containers(self) -> int:
        """Return how many containers were read."""
        return sum(self.lists.values())


def read_fatbins(source: Source, most: int = MAX_CONTAINERS) -> Fatbins | None:
    """Read at most so many containers of a library; None where it has no kernels for NVIDIA's GPUs.

    Raises `Damaged` where that can't be told, and `Absent`.
    """
    found = find_sections(source, SECTIONS)
    section = next((found[name] for name in SECTIONS if name in found), None)
    return None if section is None else _read(source, section, most)


def read_chains(source: Source) -> list[Fatbins]:
    """Read the containers of each section. Raises as `read_fatbins`."""
    return [_read(source, section, MAX_CONTAINERS) for section in find_sections(source, SECTIONS).values()]


def _read(source: Source, section: Section, most: int) -> Fatbins:
    read: list[Architectures] = []
    cut = ""
    try:
        for each in _containers(source, section):
            if len(read) == most:
                cut = f"more than {most} containers"
                break
            read.append(each)
    except Damaged as error:
        cut = str(error)
    if not read:
        raise Damaged(cut or "its section of kernels is empty")
    return Fatbins(read[0], dict(Counter(tuple(sorted(each)) for each in read)), cut)


def size_of(header: bytes) -> int | None:
    """Return the bytes of the container that begins with `header`; None where that is not whole."""
    if len(header) < _CONTAINER.size:
        return None
    _, _, own, size = _CONTAINER.unpack_from(header)
    return int(own + size)


def read_container(content: bytes) -> Architectures:
    """Read one container. Raises `Damaged`."""
    return tuple(dict.fromkeys(_entries(Content(content), _CONTAINER.size, size_of(content) or 0)))


def _containers(source: Source, section: Section) -> Iterator[Architectures]:
    at, end = section.offset, section.offset + section.size
    while (at := _past_padding(source, at, end)) < end:
        header = source.read_at(at, _CONTAINER.size)
        magic, version, own, size = _CONTAINER.unpack(header) if len(header) == _CONTAINER.size else (0, 0, 0, 0)
        if magic != _MAGIC or version != _VERSION or own < _CONTAINER.size or size > end - at - own:
            raise Damaged(f"what lies at byte {at} of the file is no container of kernels")
        yield tuple(dict.fromkeys(_entries(source, at + own, at + own + size)))
        at += own + size


def _past_padding(source: Source, at: int, end: int) -> int:
    """Return where the next container begins; the end where only zeros are left."""
    at += -at % 8
    most = at + MAX_PADDING
    while at < end:
        piece = source.read_at(at, min(_STEP if at % _STEP == 0 else 8, end - at))
        left = piece.lstrip(b"\0")
        if left or not piece:
            return at + (len(piece) - len(left)) // 8 * 8
        at += len(piece)
        if at > most:
            raise Damaged(f"more than {MAX_PADDING} zeros between containers of kernels")
    return end


def _entries(source: Source, at: int, end: int) -> Iterator[str]:
    for _ in range(MAX_ENTRIES):
        if at == end:
            return
        found = entry_of(source.read_at(at, min(_ENTRY.size, end - at)), end - at)
        if found is None:
            break
        yield found[0]
        at += found[1]
    raise Damaged(f"the container of kernels before byte {end} of the file is damaged")


def entry_of(header: bytes, left: int) -> tuple[str, int] | None:
    """Return the architecture and the size of the entry that begins with `header`; None where it is damaged.

    `left` are the bytes up to the end of its container.
    """
    if min(len(header), left) < _ENTRY.size:
        return None
    kind, _, own, size, architecture, flags = _ENTRY.unpack_from(header)
    if not _ENTRY.size <= own <= _MOST_HEADER or size > left - own:
        return None
    suffix = "".join(letter for flag, letter in _SUFFIXES.items() if flags & flag)
    return f"{_KINDS.get(kind, f'kind{kind}')}_{architecture}{suffix}", own + size
