"""The symbols that are kept of a layer that can't be read at random again: hashes, of those that an answer needed.

An object needs no names, unless one is missing, and large libraries define far more than any other looks for. What is
not found among the kept ones is looked for in the whole layer, which is read once more for it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate, count, repeat
from operator import and_, sub

import msgspec

from inspector.elf import Symbols, bytes_of, words_of
from inspector.layers.numbers import little

MAX_WHOLE = 8192
"""Symbols of a library that are kept whether they were looked for or not; glibc has 3,000, libstdc++ 6,000."""

_BYTES = 4
_WORD = 0xFFFFFFFF


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    """All hashes in their order, and the symbols of each file with places among them for hashes."""

    hashes: bytes
    files: dict[int, Symbols]


_DECODER = msgspec.msgpack.Decoder(_Packed)


def is_whole(symbols: Symbols) -> bool:
    """Tell whether all is there that was in the file."""
    return not (symbols.kept or symbols.thinned)


def kept(symbols: Symbols, wanted: frozenset[int], most: int = MAX_WHOLE, *, names: bool = False) -> Symbols:
    """Return what is kept of symbols: of those that a library with more than `most` defines, the `wanted` ones.

    With `names`, those of undefined ones stay: one of them may be missing.
    """
    if symbols.thinned:
        return symbols
    hashes, versions = symbols.undefined(), symbols.versions
    order = sorted(range(len(versions)), key=lambda at: (at >= symbols.data, versions[at], hashes[at]))
    every = len(symbols.exported) <= most * _BYTES

    def thinned(content: bytes) -> bytes:
        return bytes_of(sorted(set(words_of(content)) if every else wanted.intersection(words_of(content))))

    defined = symbols.defined and [(name, thinned(own), not own) for name, own in symbols.defined]
    unnamed = {
        "names": b"",
        "hashes": bytes_of(hashes[at] for at in order),
        "versions": tuple(versions[at] for at in order),
        "kept": True,
    }
    return msgspec.structs.replace(
        symbols,
        **({} if names else unnamed),
        exported=thinned(symbols.exported),
        hidden=thinned(symbols.hidden),
        defined=defined and tuple((name, own) for name, own, is_all in defined if own or is_all),
        thinned=not every,
    )


def joined(one: Symbols, other: Symbols) -> Symbols:
    """Return the symbols of one file of which different ones were looked for, and kept."""
    versions = dict(one.defined or ())
    for name, own in other.defined or ():
        known = versions.get(name, own)
        versions[name] = _union(known, own) if known and own else b""  # which stands for all
    return msgspec.structs.replace(
        other if one.kept else one,
        exported=_union(one.exported, other.exported),
        hidden=_union(one.hidden, other.hidden),
        defined=None if one.defined is None else tuple(versions.items()),
    )


def _union(one: bytes, other: bytes) -> bytes:
    return bytes_of(sorted({*words_of(one), *words_of(other)}))


def pack_kept(files: Mapping[int, Symbols]) -> bytes:
    """Return the symbols of a layer's files, by position, so that they compress well."""
    hashes = sorted(set[int]().union(*(words_of(each) for symbols in files.values() for each in _hashes(symbols))))
    places = dict(zip(hashes, count(), strict=False))

    def placed(content: bytes) -> bytes:
        return _differences([places[value] for value in words_of(content)])

    rows = {position: _changed(symbols, placed) for position, symbols in files.items()}
    return msgspec.msgpack.encode(_Packed(_differences(hashes), rows))


def unpack_kept(packed: bytes) -> dict[int, Symbols]:
    """Return the symbols in `packed`. Raises `ValueError` for anything else."""
    try:
        found = _DECODER.decode(packed)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error
    hashes = array("I", _sums(found.hashes))

    def unplaced(content: bytes) -> bytes:
        try:
            return bytes_of(hashes[place] for place in array("I", _sums(content)))
        except IndexError as error:
            raise ValueError("places of no hashes") from error

    return {position: _changed(symbols, unplaced) for position, symbols in found.files.items()}


def _hashes(symbols: Symbols) -> Iterable[bytes]:
    return (symbols.hashes, symbols.exported, symbols.hidden, *(own for _, own in symbols.defined or ()))


def _changed(symbols: Symbols, change: Callable[[bytes], bytes]) -> Symbols:
    return msgspec.structs.replace(
        symbols,
        hashes=change(symbols.hashes),
        exported=change(symbols.exported),
        hidden=change(symbols.hidden),
        defined=symbols.defined and tuple((name, change(own)) for name, own in symbols.defined),
    )


def _differences(numbers: list[int]) -> bytes:
    """Return by how much each number differs from the one before, all lowest bytes first."""
    plain = little(array("I", map(and_, map(sub, numbers, (0, *numbers)), repeat(_WORD)))).tobytes()
    return b"".join(plain[place::_BYTES] for place in range(_BYTES))


def _sums(planes: bytes) -> Iterable[int]:
    """Return the numbers of which `_differences` made `planes`. Raises `ValueError`."""
    size, rest = divmod(len(planes), _BYTES)
    if rest:
        raise ValueError("numbers that are cut")
    plain = bytearray(len(planes))
    for place in range(_BYTES):
        plain[place::_BYTES] = planes[place * size : (place + 1) * size]
    return map(and_, accumulate(little(array("I", bytes(plain)))), repeat(_WORD))
