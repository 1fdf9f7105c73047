"""The targets that AMD's kernels in a library were compiled for: clang's offload bundles in `.hip_fatbin`.

A bundle is plain, or packed with a header of its own (Clang documentation, "Clang Offload Bundler"). The list of its
entries comes first, so that some kilobytes of it tell.
"""

from __future__ import annotations

import re
import struct
import sys
import zlib
from collections.abc import Iterator
from types import ModuleType

from inspector.elf.dynamic import Damaged
from inspector.elf.sections import find_sections
from inspector.elf.source import Source

SECTION = ".hip_fatbin"
MAX_PACKED = 256 << 10
"""Bytes of a packed bundle that are unpacked: blocks of zstd are 128 KB, and the list is in the first."""
MAX_LIST = 1 << 16
"""Bytes of a list of entries that are read; those of 25 targets take 2,000."""
MAX_ENTRIES = 256

_PLAIN, _PACKED = b"__CLANG_OFFLOAD_BUNDLE__", b"CCOB"
_HEADERS = {1: 20, 2: 24, 3: 32}
"""Bytes of the header of a packed bundle, by its version."""
_ZLIB, _ZSTD = 0, 1
_TARGET = re.compile(r"hip[a-z0-9]*-amdgcn-amd-amdhsa-[a-z0-9]*-(gfx[0-9a-z-]{3,20}(?::[a-z0-9]{1,20}[+-]){0,4})")


def read_targets(source: Source) -> tuple[str, ...] | None:
    """Return the targets of a library's first bundle, as `gfx90a:xnack+`; None where it has no kernels for AMD's GPUs.

    Raises `Damaged` where that can't be told, and `Absent`.
    """
    section = find_sections(source, (SECTION,)).get(SECTION)
    if section is None:
        return None
    begun = source.read_at(section.offset, min(section.size, MAX_LIST))
    if begun.startswith(_PACKED):
        begun = _unpacked(source.read_at(section.offset, min(section.size, MAX_PACKED)))
    found = [each[1] for entry in _entries(begun) if (each := _TARGET.fullmatch(entry))]
    return tuple(dict.fromkeys(found))


def _unpacked(data: bytes) -> bytes:
    version, method = struct.unpack_from("<HH", data, len(_PACKED)) if len(data) >= 8 else (0, 0)
    header = _HEADERS.get(version)
    if header is None or method not in (_ZLIB, _ZSTD):
        raise Damaged(f"its kernels are packed in a way that is not known, version {version}, method {method}")
    packed = data[header:]
    try:
        if method == _ZLIB:
            return zlib.decompressobj().decompress(packed, MAX_LIST)
        zstd = _zstd_module()
        unpacked: bytes = zstd.ZstdDecompressor().decompress(packed, MAX_LIST)
    except (zlib.error, ValueError, EOFError) as error:
        raise Damaged("its packed kernels are damaged") from error
    except Exception as error:
        if type(error).__name__ != "ZstdError":  # its module is imported where it is first of use
            raise
        raise Damaged("its packed kernels are damaged") from error
    return unpacked


def _zstd_module() -> ModuleType:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd

    return zstd


def _entries(data: bytes) -> Iterator[str]:
    """Yield the names of a bundle's entries."""
    at = len(_PLAIN) + 8
    if not data.startswith(_PLAIN) or len(data) < at:
        raise Damaged("its kernels are no bundle of clang's")
    (count,) = struct.unpack_from("<Q", data, len(_PLAIN))
    if count > MAX_ENTRIES:
        raise Damaged(f"its bundle of kernels has {count} entries, more than {MAX_ENTRIES}")
    for _ in range(count):
        length = struct.unpack_from("<Q", data, at + 16)[0] if len(data) >= at + 24 else len(data)
        name = data[at + 24 : at + 24 + length]
        if len(name) < length:
            raise Damaged("its bundle of kernels is cut")
        yield name.decode("ascii", "replace")
        at += 24 + length
