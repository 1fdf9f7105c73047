"""What an index holds of a layer's ELF files: all of those that went by in a stream, else where they lie.

Beside them stand the sums of Python sources, which are taken in the same way, and of which an offset is known as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import msgspec

from inspector.elf import Listed, LoaderFacts, NotElf, Skeleton, Symbols
from inspector.layers.sums import OF_SUM
from inspector.layers.zstandard import zstd_module

MAX_SKELETONS = 20_000
"""ELF files of one layer whose skeletons are kept; the largest real layers have some 2,000."""
MAX_BYTES = 8 << 20
"""Bytes of all skeletons of one layer, as packed; those of 1,000 files take 0.3 MB."""
MAX_SYMBOLS = 16 << 20
"""Bytes of the symbols of all files of one layer, as packed; those of CUDA's libraries and torch take 3 MB."""
MAX_ROW = 16 << 20
"""Bytes of a row of symbols in the cache."""

TOO_MANY = "the layer has more ELF files than are kept of one"
"""Why some file's skeleton or symbols are not known."""

_LEVEL = 7
_OF_ENTRY = 120  # bytes of memory that one more entry takes, beside what it holds
_MAX_UNPACKED = 64 << 20
_SKELETON: msgspec.msgpack.Decoder[Skeleton | NotElf] = msgspec.msgpack.Decoder(Skeleton | NotElf)
_SYMBOLS = msgspec.msgpack.Decoder(Symbols)
_LOADER = msgspec.msgpack.Decoder(LoaderFacts)
_LISTED = msgspec.msgpack.Decoder(Listed)
_LOADERS = 1 << 32  # no layer has so many entries
_ROW = msgspec.msgpack.Decoder(dict[int, bytes])
_LIST = msgspec.msgpack.Decoder(list[bytes])


OF_CONTENT = ("skeletons", "symbols", "loaders", "listed", "sums")
"""The fields of `Objects` that say what is in a file, wherever it lies."""


class Objects(msgspec.Struct, eq=False):
    """By the positions of entries: packed skeletons and symbols, facts of loaders, lists of architectures, and offsets.

    An offset is where a file's bytes begin in the layer's plain tar. `all_seen` says that every file was looked at,
    whatever its name, so that one without skeleton is no ELF file; `lost` says why some have none all the same. `sums`
    are those of Python sources, see `layers.sums`.
    """

    skeletons: dict[int, bytes] = {}
    symbols: dict[int, bytes] = {}
    loaders: dict[int, LoaderFacts] = {}
    listed: dict[int, Listed] = {}
    offsets: dict[int, int] = {}
    all_seen: bool = False
    lost: str = ""
    sums: dict[int, bytes] = {}

    def __eq__(self, other: object) -> bool:
        """Tell whether what an index keeps is equal: symbols are kept beside it."""
        return isinstance(other, Objects) and self._kept() == other._kept()

    __hash__ = None  # type: ignore[assignment]

    def _kept(self) -> tuple[object, ...]:
        return self.skeletons, self.loaders, self.listed, self.offsets, self.all_seen, self.lost, self.sums

    @property
    def weight(self) -> int:
        """Bytes of memory that they take."""
        held = sum(map(len, self.skeletons.values())) + sum(map(len, self.symbols.values()))
        entries = len(self.skeletons) + len(self.symbols) + len(self.offsets)
        more = _OF_ENTRY * (entries + 4 * len(self.loaders) + 8 * len(self.listed))
        return held + more + OF_SUM * len(self.sums)


class Gathering:
    """The objects of a layer that is read; what passes a bound is left out, and `lost` says so."""

    def __init__(self, *, all_seen: bool) -> None:
        self.objects = Objects(all_seen=all_seen)
        self._skeleton_bytes = MAX_BYTES
        self._symbol_bytes = MAX_SYMBOLS

    def add(self, position: int, skeleton: Skeleton | NotElf, offset: int | None = None) -> int:
        """Keep a file's skeleton, and return the bytes of memory that it takes."""
        packed = pack_skeleton(skeleton)
        self._skeleton_bytes -= len(packed)
        if self._skeleton_bytes < 0 or len(self.objects.skeletons) >= MAX_SKELETONS:
            self.objects.lost = TOO_MANY
            return 0
        self.objects.skeletons[position] = packed
        if offset is not None:
            self.objects.offsets[position] = offset
        return len(packed) + 2 * _OF_ENTRY

    def locate(self, position: int, offset: int) -> int:
        """Note where a file's bytes begin, and return the bytes of memory that it takes."""
        if len(self.objects.offsets) >= MAX_SKELETONS:
            return 0  # it is looked for when it is asked for
        self.objects.offsets[position] = offset
        return _OF_ENTRY

    def locate_all(self, places: Mapping[int, int]) -> int:
        """Note where the bytes of files begin, and return the bytes of memory that they take."""
        offsets = self.objects.offsets
        begun = len(offsets)
        offsets.update(islice(places.items(), max(0, MAX_SKELETONS - begun)))
        return _OF_ENTRY * (len(offsets) - begun)

    def add_listed(self, position: int, listed: Listed) -> int:
        """Keep the list of architectures that stands in a file, and return the bytes of memory that it takes."""
        if position not in self.objects.skeletons:
            return 0
        self.objects.listed[position] = listed
        return 8 * _OF_ENTRY

    def add_symbols(self, position: int, symbols: Symbols) -> int:
        """Keep a file's symbols, and return the bytes of memory that they take."""
        if position not in self.objects.skeletons:
            return 0
        packed = pack_symbols(symbols)
        self._symbol_bytes -= len(packed)
        if self._symbol_bytes < 0:
            return 0
        self.objects.symbols[position] = packed
        return len(packed) + _OF_ENTRY


def pack_skeleton(skeleton: Skeleton | NotElf) -> bytes:
    """Return a skeleton as bytes."""
    return msgspec.msgpack.encode(skeleton)


def unpack_skeleton(packed: bytes) -> Skeleton | NotElf:
    """Return the skeleton in `packed`. Raises `ValueError` for anything else."""
    try:
        return _SKELETON.decode(packed)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error


def skeleton_key(position: int) -> int:
    """Return the key of a skeleton that was read later, in a row that has symbols by the positions of files."""
    return ~position


KEPT_KEY = -(1 << 62)
"""The key of the symbols that are kept, of all files, in such a row; see `kept`."""
SUMS_KEY = KEPT_KEY - 1
"""The key of all sums that were taken later."""


def loader_key(position: int) -> int:
    """Return the key of a loader's facts in such a row."""
    return position + _LOADERS


def listed_key(position: int) -> int:
    """Return the key of a list of architectures in such a row."""
    return position + 2 * _LOADERS


def pack_listed(listed: Listed) -> bytes:
    """Return a list of architectures as bytes."""
    return msgspec.msgpack.encode(listed)


def unpack_listed(packed: bytes) -> Listed:
    """Return the list in `packed`. Raises `ValueError` for anything else."""
    try:
        return _LISTED.decode(packed)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error


def pack_loader(facts: LoaderFacts) -> bytes:
    """Return a loader's facts as bytes."""
    return msgspec.msgpack.encode(facts)


def unpack_loader(packed: bytes) -> LoaderFacts:
    """Return the facts in `packed`. Raises `ValueError` for anything else."""
    try:
        return _LOADER.decode(packed)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error


def pack_symbols(symbols: Symbols) -> bytes:
    """Return symbols as bytes."""
    return msgspec.msgpack.encode(symbols)


def unpack_symbols(packed: bytes) -> Symbols:
    """Return the symbols in `packed`. Raises `ValueError` for anything else."""
    try:
        return _SYMBOLS.decode(packed)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error


def pack_row(packed: Mapping[int, bytes], level: int = _LEVEL) -> bytes:
    """Return what was read of a layer's files, by keys, compressed, as a row of the cache.

    Libraries need the same names, so that takes less than half of what each by itself takes. Empty where the row would
    be too large.
    """
    if sum(map(len, packed.values())) + 16 * len(packed) > _MAX_UNPACKED:
        return b""
    row: bytes = zstd_module().compress(msgspec.msgpack.encode(packed), level)
    return row if len(row) <= MAX_ROW else b""


def unpack_row(row: bytes) -> dict[int, bytes]:
    """Return what is in a row of the cache; nothing where it is no such row."""
    try:
        return _ROW.decode(_inflated(row))
    except (ValueError, msgspec.MsgspecError):
        return {}


def pack_list(packed: list[bytes]) -> bytes:
    """Return what is alike, such as skeletons, compressed together."""
    found: bytes = zstd_module().compress(msgspec.msgpack.encode(packed), _LEVEL) if packed else b""
    return found


def unpack_list(content: bytes) -> list[bytes]:
    """Return the list of which `pack_list` made `content`. Raises `ValueError` for anything else."""
    try:
        return _LIST.decode(_inflated(content)) if content else []
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error


def _inflated(content: bytes) -> bytes:
    zstd = zstd_module()
    inflater = zstd.ZstdDecompressor()
    try:
        plain: bytes = inflater.decompress(content, _MAX_UNPACKED) if len(content) <= MAX_ROW else b""
    except (zstd.ZstdError, EOFError) as error:
        raise ValueError(str(error)) from error
    if not inflater.eof:
        raise ValueError("it is cut, or too large")
    return plain
