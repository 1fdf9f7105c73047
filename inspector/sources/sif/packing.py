"""How the blocks of a squashfs are packed, and what unpacks no more of one than is asked for."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from types import ModuleType
from typing import cast

from inspector.errors import CorruptLayer, Unsupported
from inspector.layers.zstandard import zstd_module

Unpack = Callable[[bytes, int], bytes]
"""Returns the first bytes of a packed block, so many at most. Raises `CorruptLayer`."""

_WINDOW_LOG = 20
"""The largest block has 1 MiB, so that no zstd frame has a use for a larger window than 2 to this power."""
_XZ_MEMORY = 16 << 20
"""Bytes that an xz stream of such a block may ask for; its dictionary is as large as the block."""
_INSTALL = "`pip install 'torch-image-inspector[sif]'` brings it"


def unpacker(method: int) -> Unpack:
    """Return what unpacks blocks of the superblock's compression id. Raises `Unsupported`."""
    match method:
        case 1:
            return _zlib
        case 2 | 4:
            return _xz
        case 5:
            return _lz4()
        case 6:
            return _zstd
        case _:
            name = "LZO" if method == 3 else f"a method of number {method}"
            raise Unsupported(
                f"its squashfs is packed with {name}, which is not read; pack it again, as in "
                "`unsquashfs -d DIR FILE && mksquashfs DIR NEW.sqsh -comp gzip`, or name the directory as rootfs:DIR"
            )


def _zlib(data: bytes, most: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, most)
    except zlib.error as error:
        raise CorruptLayer(f"a block of the squashfs is corrupt: {error}") from error


def _xz(data: bytes, most: int) -> bytes:
    import lzma

    try:
        return lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=_XZ_MEMORY).decompress(data, most)
    except lzma.LZMAError as error:
        raise CorruptLayer(f"a block of the squashfs is corrupt: {error}") from error


def _zstd(data: bytes, most: int) -> bytes:
    zstd = zstd_module()
    decoder = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})
    try:
        return cast("bytes", decoder.decompress(data, most))
    except zstd.ZstdError as error:
        raise CorruptLayer(f"a block of the squashfs is corrupt: {error}") from error


def _lz4() -> Unpack:
    try:
        import lz4.block as found
    except ImportError as error:
        raise Unsupported(f"its squashfs is packed with LZ4, and lz4 is not installed; {_INSTALL}") from error
    lz4: ModuleType = found

    def unpack(data: bytes, most: int) -> bytes:
        """Unpack the whole block, as LZ4 has it, which may be larger than what is asked for."""
        try:
            return cast("bytes", lz4.decompress(data, uncompressed_size=MAX_BLOCK))[:most]
        except (lz4.LZ4BlockError, ValueError, OverflowError) as error:
            raise CorruptLayer(f"a block of the squashfs is corrupt: {error}") from error

    return unpack


MAX_BLOCK = 1 << 20
"""Bytes of the largest block that squashfs knows."""
