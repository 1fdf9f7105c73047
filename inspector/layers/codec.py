"""A layer index as bytes and back: by columns, since one row an entry decodes several times slower."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from typing import Literal, TypeVar, cast

import msgspec

from inspector.layers.entry import Entry, LayerIndex
from inspector.oci import Digest
from inspector.rootfs import Kind

MAX_PLAIN = 128 << 20
"""The largest index packed or unpacked, in bytes before compression; larger ones are read anew each time."""

_LEVEL = 1
_CODE = {
    Kind.FILE: ord("f"),
    Kind.DIRECTORY: ord("d"),
    Kind.SYMLINK: ord("l"),
    Kind.HARDLINK: ord("h"),
    Kind.CHAR: ord("c"),
    Kind.BLOCK: ord("b"),
    Kind.FIFO: ord("p"),
}
_KIND = {code: kind for kind, code in _CODE.items()}

Value = TypeVar("Value")


class _Columns(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Text is joined by NUL, which no path can hold; numbers are little-endian; links and data are sparse."""

    diff_id: Digest
    verified: bool
    size: int
    blob_digest: Digest | None
    warnings: list[bytes]
    scanner: int
    count: int
    paths: bytes
    kinds: bytes
    modes: bytes
    sizes: bytes
    linked: bytes
    links: bytes
    kept: bytes
    data: list[bytes]


_DECODER = msgspec.msgpack.Decoder(_Columns)


def encode(index: LayerIndex) -> bytes:
    """The index as compressed bytes. Raises `ValueError` for one too large, or with a NUL in a name."""
    from isal import isal_zlib  # noqa: PLC0415 - only layers that are cached need it

    entries = index.entries
    linked = [i for i, entry in enumerate(entries) if entry.link]
    kept = [i for i, entry in enumerate(entries) if entry.data]
    try:
        columns = _Columns(
            diff_id=index.diff_id,
            verified=index.verified,
            size=index.size,
            blob_digest=index.blob_digest,
            warnings=[_bytes(warning) for warning in index.warnings],
            scanner=index.scanner,
            count=len(entries),
            paths=_join([entry.path for entry in entries]),
            kinds=bytes([_CODE[entry.kind] for entry in entries]),
            modes=_numbers("I", [entry.mode for entry in entries]),
            sizes=_numbers("Q", [entry.size for entry in entries]),
            linked=_numbers("I", linked),
            links=_join([entries[i].link for i in linked]),
            kept=_numbers("I", kept),
            data=[entries[i].data for i in kept],
        )
        plain = msgspec.msgpack.encode(columns)
    except (OverflowError, msgspec.MsgspecError) as error:
        raise ValueError(f"layer index of {index.diff_id}: {error}") from error
    if len(plain) > MAX_PLAIN:
        raise ValueError(f"layer index of {index.diff_id}: {len(plain)} bytes, more than {MAX_PLAIN}")
    packed: bytes = isal_zlib.compress(plain, _LEVEL)
    return packed


def decode(packed: bytes) -> LayerIndex | None:
    """The index that `encode` made `packed` from; None for anything else."""
    from isal import isal_zlib  # noqa: PLC0415 - only layers that are cached need it

    broken = cast("type[Exception]", isal_zlib.error)  # its stub has an instance in the class's place
    try:
        inflater = isal_zlib.decompressobj()
        plain = inflater.decompress(packed, MAX_PLAIN + 1)
        if not inflater.eof or inflater.unused_data or len(plain) > MAX_PLAIN:
            return None
        return _index(_DECODER.decode(plain))
    except (broken, msgspec.MsgspecError, ValueError, LookupError, OverflowError):
        return None


def _index(columns: _Columns) -> LayerIndex:
    """Raises `ValueError` or `LookupError` where columns don't fit each other."""
    count = columns.count
    paths = _split(columns.paths, count)
    modes = _read("I", columns.modes)
    sizes = _read("Q", columns.sizes)
    if not len(paths) == len(columns.kinds) == len(modes) == len(sizes) == count:
        raise ValueError("columns of different lengths")
    kinds = map(_KIND.__getitem__, columns.kinds)
    linked = _read("I", columns.linked)
    links = _spread(count, "", linked, _split(columns.links, len(linked)))
    data = _spread(count, b"", _read("I", columns.kept), columns.data)
    return LayerIndex(
        diff_id=columns.diff_id,
        entries=list(map(Entry, paths, kinds, modes, sizes, links, data)),
        verified=columns.verified,
        size=columns.size,
        blob_digest=columns.blob_digest,
        warnings=tuple(map(_text, columns.warnings)),
        scanner=columns.scanner,
    )


def _spread(count: int, default: Value, places: Sequence[int], values: Sequence[Value]) -> list[Value]:
    full = [default] * count
    for place, value in zip(places, values, strict=True):
        full[place] = value
    return full


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _join(names: Sequence[str]) -> bytes:
    joined = _bytes("\0".join(names))
    if joined.count(b"\0") != max(len(names) - 1, 0):
        raise ValueError("a name holds a NUL")
    return joined


def _split(joined: bytes, count: int) -> list[str]:
    """`count` tells no name from one empty name."""
    return _text(joined).split("\0") if count else []


def _numbers(code: Literal["I", "Q"], values: Sequence[int]) -> bytes:
    return _little(array(code, values)).tobytes()


def _read(code: Literal["I", "Q"], content: bytes) -> array[int]:
    numbers = array(code)
    numbers.frombytes(content)
    return _little(numbers)


def _little(numbers: array[int]) -> array[int]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
