"""A layer index as bytes and back: by the same columns that it has in memory."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from operator import le
from typing import Literal, cast

import msgspec

from inspector.elf import Listed, LoaderFacts
from inspector.layers.entries import KINDS, Entries, Owner
from inspector.layers.entry import LayerIndex
from inspector.layers.numbers import little
from inspector.layers.objects import Objects, pack_list, unpack_list
from inspector.layers.sums import SIZE
from inspector.oci import Digest

MAX_PLAIN = 64 << 20
"""The largest index packed or unpacked, in bytes before compression; larger ones are read again each time."""

_LEVEL = 1
_KNOWN = bytes(KINDS)


class _Owner(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    uid: int
    gid: int
    attributes: list[tuple[bytes, bytes]]
    device: tuple[int, int] | None


class _Objects(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The ELF files of a layer without their symbols; see `Objects`."""

    places: bytes
    skeletons: bytes
    loaders: dict[int, LoaderFacts]
    listed: dict[int, Listed]
    located: bytes
    offsets: bytes
    all_seen: bool
    lost: str
    summed: bytes
    sums: bytes


class _Columns(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Parents are joined by NUL, which no path can hold; numbers are little-endian; links and data are sparse."""

    diff_id: Digest
    verified: bool
    size: int
    blob_digest: Digest | None
    warnings: list[bytes]
    scanner: int
    parents: bytes
    owners: list[_Owner]
    homes: bytes
    names: bytes
    ends: bytes
    kinds: bytes
    modes: bytes
    sizes: bytes
    owned: bytes
    linked: bytes
    links: bytes
    link_ends: bytes
    kept: bytes
    data: list[bytes]
    objects: _Objects


_DECODER = msgspec.msgpack.Decoder(_Columns)


def encode(index: LayerIndex) -> bytes:
    """Return the index as compressed bytes, without symbols.

    Raises `ValueError` for one too large, or with a NUL in a name.
    """
    from isal import isal_zlib

    entries = index.entries
    if index.weight + entries.kept > MAX_PLAIN:  # whose columns take less, and are not made for nothing
        raise ValueError(f"layer index of {index.diff_id}: more than {MAX_PLAIN} bytes")
    if b"\0" in entries.names or b"\0" in entries.links:
        raise ValueError("a name holds a NUL")
    try:
        plain = msgspec.msgpack.encode(_columns(index))
    except (OverflowError, msgspec.MsgspecError) as error:
        raise ValueError(f"layer index of {index.diff_id}: {error}") from error
    if len(plain) > MAX_PLAIN:
        raise ValueError(f"layer index of {index.diff_id}: {len(plain)} bytes, more than {MAX_PLAIN}")
    packed: bytes = isal_zlib.compress(plain, _LEVEL)
    return packed


def _columns(index: LayerIndex) -> _Columns:
    entries = index.entries
    return _Columns(
        diff_id=index.diff_id,
        verified=index.verified,
        size=index.size,
        blob_digest=index.blob_digest,
        warnings=[_bytes(warning) for warning in index.warnings],
        scanner=index.scanner,
        parents=_join(entries.parents),
        owners=[_owner(owner) for owner in entries.owners],
        homes=_written(entries.homes),
        names=bytes(entries.names),
        ends=_written(entries.ends),
        kinds=bytes(entries.kinds),
        modes=_written(entries.modes),
        sizes=_written(entries.sizes),
        owned=_written(entries.owned),
        linked=_written(entries.linked),
        links=bytes(entries.links),
        link_ends=_written(entries.link_ends),
        kept=_written(array("I", entries.data)),
        data=list(entries.data.values()),
        objects=_objects(index.objects),
    )


def _objects(objects: Objects) -> _Objects:
    return _Objects(
        places=_written(array("I", objects.skeletons)),
        skeletons=pack_list(list(objects.skeletons.values())),
        loaders=objects.loaders,
        listed=objects.listed,
        located=_written(array("I", objects.offsets)),
        offsets=_written(array("Q", objects.offsets.values())),
        all_seen=objects.all_seen,
        lost=objects.lost,
        summed=_written(array("I", objects.sums)),
        sums=b"".join(objects.sums.values()),
    )


def decode(packed: bytes) -> LayerIndex | None:
    """Return the index that `encode` made `packed` from; None for anything else."""
    from isal import isal_zlib

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
    """Raise `ValueError` or `LookupError` where columns don't fit each other."""
    entries = Entries()
    entries.parents = _split(columns.parents)
    entries.owners = [_owner_of(owner) for owner in columns.owners]
    entries.homes = _read("I", columns.homes)
    entries.names = bytearray(columns.names)
    entries.ends = _read("I", columns.ends)
    entries.kinds = bytearray(columns.kinds)
    entries.modes = _read("H", columns.modes)
    entries.sizes = _read("Q", columns.sizes)
    entries.owned = _read("I", columns.owned)
    entries.linked = _read("I", columns.linked)
    entries.links = bytearray(columns.links)
    entries.link_ends = _read("I", columns.link_ends)
    entries.data = dict(zip(_read("I", columns.kept), columns.data, strict=True))
    _refuse_misfits(entries)
    entries.weigh()
    return LayerIndex(
        diff_id=columns.diff_id,
        entries=entries,
        verified=columns.verified,
        size=columns.size,
        blob_digest=columns.blob_digest,
        warnings=tuple(map(_text, columns.warnings)),
        scanner=columns.scanner,
        objects=_objects_of(columns.objects, len(entries)),
    )


def _objects_of(columns: _Objects, count: int) -> Objects:
    skeletons = dict(zip(_read("I", columns.places), unpack_list(columns.skeletons), strict=True))
    offsets = dict(zip(_read("I", columns.located), _read("Q", columns.offsets), strict=True))
    sums = dict(zip(_read("I", columns.summed), _cut(columns.sums, SIZE), strict=True))
    if max((*skeletons, *columns.loaders, *columns.listed, *offsets, *sums), default=-1) >= count:
        raise ValueError("a file of no entry")
    return Objects(skeletons, {}, columns.loaders, columns.listed, offsets, columns.all_seen, columns.lost, sums)


def _cut(joined: bytes, size: int) -> list[bytes]:
    """Return the pieces of equal size that were joined. Raises `ValueError`."""
    if len(joined) % size:
        raise ValueError("a piece that is cut")
    return [joined[at : at + size] for at in range(0, len(joined), size)]


def _refuse_misfits(entries: Entries) -> None:
    count = len(entries)
    lengths = {len(column) for column in (entries.homes, entries.ends, entries.modes, entries.sizes, entries.owned)}
    if lengths != {count} or entries.kinds.strip(_KNOWN):
        raise ValueError("columns of different lengths, or of unknown kinds")
    places = ((entries.homes, len(entries.parents)), (entries.owned, len(entries.owners)), (entries.linked, count))
    if any(column and max(column) >= bound for column, bound in places) or max(entries.data, default=-1) >= count:
        raise ValueError("a place that is not there")
    if len(entries.linked) != len(entries.link_ends) or not _rising(entries.linked):
        raise ValueError("links of no entries")
    for ends, joined in ((entries.ends, entries.names), (entries.link_ends, entries.links)):
        if not _rising(ends) or (ends[-1] if ends else 0) != len(joined):
            raise ValueError("names that do not end where they should")


def _rising(column: array[int]) -> bool:
    numbers = column.tolist()
    return all(map(le, numbers, numbers[1:]))


def _owner(owner: Owner) -> _Owner:
    uid, gid, attributes, device = owner
    return _Owner(uid, gid, [(_bytes(name), value) for name, value in attributes], device)


def _owner_of(owner: _Owner) -> Owner:
    return (owner.uid, owner.gid, tuple((_text(name), value) for name, value in owner.attributes), owner.device)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _join(names: Sequence[str]) -> bytes:
    joined = _bytes("\0".join(names))
    if joined.count(b"\0") != max(len(names) - 1, 0):
        raise ValueError("a name holds a NUL")
    return joined


def _split(joined: bytes) -> list[str]:
    """Return no name and one empty name are the same: a list too long by one does no harm."""
    return _text(joined).split("\0")


def _written(numbers: array[int]) -> bytes:
    return little(array(numbers.typecode, numbers)).tobytes() if sys.byteorder == "big" else numbers.tobytes()


def _read(code: Literal["H", "I", "Q"], content: bytes) -> array[int]:
    numbers = array(code)
    numbers.frombytes(content)
    return little(numbers)
