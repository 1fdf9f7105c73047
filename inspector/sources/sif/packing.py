"""How the blocks of a squashfs are packed, and what unpacks no more of one than is asked for."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, cast

from inspector.errors import CorruptLayer, Unsupported
from inspector.layers.zstandard import zstd_module

Unpack = Callable[[bytes, int], bytes]
"""Returns the first bytes of a packed block, so many at most. Raises `CorruptLayer`."""
Errors = tuple[type[Exception], ...]

MAX_BLOCK = 1 << 20
"""Bytes of the largest block that squashfs knows."""

_WINDOW_LOG = 20
"""The largest block has 1 MiB, so that no zstd frame has a use for a larger window than 2 to this power."""
_XZ_MEMORY = 16 << 20
"""Bytes that an xz stream of such a block may ask for; its dictionary is as large as the block."""
_INSTALL = "`pip install 'torch-image-inspector[sif]'` brings it"


def unpacker(method: int) -> Unpack:
    """Return what unpacks blocks of the superblock's compression id. Raises `Unsupported`."""
    makers = {1: _zlib, 2: _xz, 4: _xz, 5: _lz4, 6: _zstd}
    if method not in makers:
        name = "LZO" if method == 3 else f"a method of number {method}"
        raise Unsupported(
            f"its squashfs is packed with {name}, which is not read; pack it again, as in "
            "`unsquashfs -d DIR FILE && mksquashfs DIR NEW.sqsh -comp gzip`, or name the directory as rootfs:DIR"
        )
    unpack, errors = makers[method]()

    def unpacked(data: bytes, most: int) -> bytes:
        try:
            return unpack(data, most)
        except errors as error:
            raise CorruptLayer(f"a block of the squashfs is corrupt: {error}") from error

    return unpacked


def _zlib() -> tuple[Unpack, Errors]:
    return lambda data, most: zlib.decompressobj().decompress(data, most), (zlib.error,)


def _xz() -> tuple[Unpack, Errors]:
    import lzma

    def unpack(data: bytes, most: int) -> bytes:
        return lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=_XZ_MEMORY).decompress(data, most)

    return unpack, (lzma.LZMAError,)


def _zstd() -> tuple[Unpack, Errors]:
    zstd = zstd_module()
    options = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
    return lambda data, most: zstd.ZstdDecompressor(options=options).decompress(data, most), (zstd.ZstdError,)


def _lz4() -> tuple[Unpack, Errors]:
    """Unpack the whole block, as LZ4 has it, which may be larger than what is asked for."""
    try:
        import lz4.block as found
    except ImportError as error:
        raise Unsupported(f"its squashfs is packed with LZ4, and lz4 is not installed; {_INSTALL}") from error
    lz4: Any = found

    def unpack(data: bytes, most: int) -> bytes:
        return cast("bytes", lz4.decompress(data, uncompressed_size=MAX_BLOCK))[:most]

    return unpack, (lz4.LZ4BlockError, ValueError, OverflowError)
