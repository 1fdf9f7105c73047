"""The entries of a layer by columns: a million of them as single objects would take half a gigabyte."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, islice, pairwise
from typing import Protocol, overload

import msgspec

from inspector.errors import LimitExceeded
from inspector.rootfs import Kind

MAX_BYTES = 96 << 20
"""Memory that the entries of one image and their data may take; half a million files usually take 45 MiB."""

CODES = {
    Kind.FILE: ord("f"),
    Kind.DIRECTORY: ord("d"),
    Kind.SYMLINK: ord("l"),
    Kind.HARDLINK: ord("h"),
    Kind.CHAR: ord("c"),
    Kind.BLOCK: ord("b"),
    Kind.FIFO: ord("p"),
}
KINDS = {code: kind for kind, code in CODES.items()}

Attributes = tuple[tuple[str, bytes], ...]


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One member of a layer, in the layer's own terms: whiteout markers and hardlinks as they stand.

    `path` is relative to the root, without `.`, `..`, empty or trailing components; the root itself
    is `""`. Names that are no UTF-8 hold surrogates (PEP 383). `link` is a symlink's text as written,
    or a hardlink's target in the form of `path`. `data` holds the leading bytes that were kept: the
    whole file if it is as long as `size`, else the head of an executable, or nothing. `attributes` are the
    extended ones that decide what a container sees (`trusted.overlay.*`, `security.capability`), by name.
    `device` is the major and minor number of a device; None where it is no device or nobody told.
    """

    path: str
    kind: Kind
    mode: int
    size: int = 0
    link: str = ""
    data: bytes = b""
    uid: int = 0
    gid: int = 0
    attributes: Attributes = ()
    device: tuple[int, int] | None = None


Owner = tuple[int, int, Attributes, tuple[int, int] | None]
"""What few entries of a layer differ in: uid, gid, attributes, device."""

_FILE, _DIRECTORY = Kind.FILE, Kind.DIRECTORY
_FILE_CODE, _DIRECTORY_CODE, _SYMLINK_CODE = CODES[_FILE], CODES[_DIRECTORY], CODES[Kind.SYMLINK]
_ROOT: Owner = (0, 0, (), None)
_STRIDE = 64  # entries between two looks at how much was taken in
_AT_ONCE = 4 << 20  # bytes of names that are decoded together

# Bytes that things take, in the columns and later in the merged tree (measured on CPython 3.11 to 3.13).
_OF_ENTRY = 36
_OF_DIRECTORY = 250
_OF_HOME = 120
_OF_OWNER = 320
_OF_ATTRIBUTE = 160
_OF_LINK = 28


class Room(Protocol):
    """Memory that the entries of several layers may take together."""

    def take(self, size: int) -> None:
        """Hold so many bytes more, or fewer. Raises `LimitExceeded`."""


class OwnRoom:
    """The memory of one layer that is read for itself."""

    def __init__(self, size: int | None = None) -> None:
        self._size = self._left = MAX_BYTES if size is None else size

    def take(self, size: int) -> None:
        """Raise `LimitExceeded` where less than `size` bytes are left."""
        self._left -= size
        if self._left < 0:
            raise LimitExceeded(f"its files are so many that their names take more than {self._size} bytes of memory")


class Entries(Sequence[Entry]):
    """Entries in order, each made when it is asked for.

    `homes` leads to the parent's path among `parents`, `owned` to what stands in `owners`; `names` and `links` are
    joined, and end where `ends` and `link_ends` say; `linked` are the positions of those that have a link, and `data`
    the bytes kept, by position. Adding raises `LimitExceeded` once `room` has none left, `ValueError` for what no
    entry can hold.
    """

    def __init__(self, entries: Iterable[Entry] = (), *, room: Room | None = None) -> None:
        self.parents: list[str] = []
        self.owners: list[Owner] = [_ROOT]
        self.homes = array("I")
        self.names = bytearray()
        self.ends = array("I")
        self.kinds = bytearray()
        self.modes = array("H")
        self.sizes = array("Q")
        self.owned = array("I")
        self.linked = array("I")
        self.links = bytearray()
        self.link_ends = array("I")
        self.data: dict[int, bytes] = {}
        self._more = 0
        self._allowed = 0
        self._room = OwnRoom() if room is None else room
        self._places: dict[str, int] = {}
        self._owner, self._owner_place = _ROOT, 0
        self._owner_places: dict[Owner, int] = {_ROOT: 0}
        for entry in entries:
            self.append(entry)

    def append(self, entry: Entry) -> None:
        """Take an entry in as the last one."""
        self.add(
            entry.path,
            entry.kind,
            entry.mode,
            entry.size,
            entry.link,
            entry.data,
            (entry.uid, entry.gid, entry.attributes, entry.device),
        )

    def add(
        self,
        path: str,
        kind: Kind,
        mode: int,
        size: int = 0,
        link: str = "",
        data: bytes = b"",
        owner: Owner = _ROOT,
    ) -> None:
        """Take the entry in that has these fields. This is called for every file: each call in it counts."""
        parent, _, name = path.rpartition("/")
        home = self.home(parent)
        if owner != self._owner:
            self._owner, self._owner_place = owner, self.owner_place(owner)
        names = self.names
        try:
            names += name.encode() if name.isascii() else name.encode("utf-8", "surrogateescape")
            self.modes.append(mode)
            self.sizes.append(size)
        except OverflowError as error:
            raise ValueError(f"{path!r}: {error}") from error
        self.homes.append(home)
        self.ends.append(len(names))
        self.owned.append(self._owner_place)
        if link:
            self._add_link(len(self.kinds), link.encode("utf-8", "surrogateescape"))
        if data:
            self.keep(len(self.kinds), data)
        if kind is _FILE:
            self.kinds.append(_FILE_CODE)
        else:
            self.kinds.append(CODES[kind])
            if kind is _DIRECTORY:
                self._more += _OF_DIRECTORY
        if not len(self.kinds) % _STRIDE:
            self._check()

    def extend(
        self,
        homes: Iterable[int],
        names: Sequence[bytes],
        kinds: bytes,
        modes: Iterable[int],
        sizes: Iterable[int],
        owned: Iterable[int],
        links: Mapping[int, bytes],
    ) -> int:
        """Take in entries column by column, `links` by their places, and return the position of the first."""
        begin = len(self.kinds)
        self.ends.extend(islice(accumulate(map(len, names), initial=len(self.names)), 1, None))
        self.names += b"".join(names)
        self.homes.extend(homes)
        self.modes.extend(modes)
        self.sizes.extend(sizes)
        self.owned.extend(owned)
        self.kinds += kinds
        self._more += _OF_DIRECTORY * kinds.count(_DIRECTORY_CODE)
        for place, link in links.items():
            self._add_link(begin + place, link)
        self._check()
        return begin

    def keep(self, position: int, data: bytes) -> None:
        """Hold the bytes that are kept of an entry."""
        self._more += len(data) - len(self.data.get(position, b""))
        self._check()
        self.data[position] = data

    def _add_link(self, position: int, link: bytes) -> None:
        self.linked.append(position)
        self.links += link
        self.link_ends.append(len(self.links))
        self._more += _OF_LINK + len(link)

    def home(self, parent: str) -> int:
        """Return the place of a directory among `parents`, where it is added if need be."""
        home = self._places.get(parent)
        if home is None:
            home = self._places[parent] = len(self.parents)
            self.parents.append(parent)
            self._more += _OF_HOME + len(parent)
        return home

    def owner_place(self, owner: Owner) -> int:
        """Return the place among `owners`, where it is added if need be."""
        place = self._owner_places.get(owner)
        if place is None:
            place = self._owner_places[owner] = len(self.owners)
            self.owners.append(owner)
            self._more += _weight(owner)
        return place

    @property
    def weight(self) -> int:
        """Bytes of memory that they take, here and in the merged tree, with the data kept."""
        return _OF_ENTRY * len(self.kinds) + len(self.names) + self._more

    def _check(self) -> None:
        """Raise `LimitExceeded` where there is no room for what was taken in."""
        more = self.weight - self._allowed
        if more > 0:
            self._room.take(more)
            self._allowed += more

    def seal(self) -> None:
        """Let go of what only adding needs. Raises `LimitExceeded`, as adding does."""
        self._room.take(self.weight - self._allowed)
        self._allowed = self.weight
        self._places = {}
        self._owner_places = {}

    def weigh(self) -> None:
        """Count again what the columns take, which were filled by another way than `add`."""
        directories = self.kinds.count(_DIRECTORY_CODE)
        names = len(self.links) + sum(map(len, self.parents)) + self.kept
        counts = _OF_DIRECTORY * directories + _OF_LINK * len(self.linked) + _OF_HOME * len(self.parents)
        self._more = names + counts + sum(map(_weight, self.owners))
        self._check()

    @property
    def kept(self) -> int:
        """Bytes of data that are held."""
        return sum(map(len, self.data.values()))

    def symlink_bytes(self) -> int:
        """Return bytes of the texts of all symbolic links."""
        size = begin = 0
        for position, end in zip(self.linked, self.link_ends, strict=True):
            size += end - begin if self.kinds[position] == _SYMLINK_CODE else 0
            begin = end
        return size

    def name(self, position: int) -> str:
        """Return the last component of a path."""
        begin = self.ends[position - 1] if position else 0
        return self.names[begin : self.ends[position]].decode("utf-8", "surrogateescape")

    def names_by(self, count: int) -> Iterator[list[str]]:
        """Yield the last components of all paths, so many at a time."""
        names, begin = self.names, 0
        text = names.decode() if len(names) <= _AT_ONCE and names.isascii() else None  # which is quicker to cut
        for at in range(0, len(self.ends), count):
            cuts = [begin, *self.ends[at : at + count]]
            begin = cuts[-1]
            if text is not None:
                yield [text[start:end] for start, end in pairwise(cuts)]
            else:
                yield [names[start:end].decode("utf-8", "surrogateescape") for start, end in pairwise(cuts)]

    def path(self, position: int) -> str:
        """See `Entry.path`."""
        parent, name = self.parents[self.homes[position]], self.name(position)
        return f"{parent}/{name}" if parent else name

    def link(self, position: int) -> str:
        """See `Entry.link`."""
        place = bisect_left(self.linked, position)
        if place == len(self.linked) or self.linked[place] != position:
            return ""
        begin = self.link_ends[place - 1] if place else 0
        return self.links[begin : self.link_ends[place]].decode("utf-8", "surrogateescape")

    def owner(self, position: int) -> Owner:
        """Return the uid, gid, attributes and device."""
        return self.owners[self.owned[position]]

    def _entry(self, position: int) -> Entry:
        return Entry(
            self.path(position),
            KINDS[self.kinds[position]],
            self.modes[position],
            self.sizes[position],
            self.link(position),
            self.data.get(position, b""),
            *self.owner(position),
        )

    def __len__(self) -> int:
        return len(self.kinds)

    @overload
    def __getitem__(self, position: int) -> Entry: ...

    @overload
    def __getitem__(self, position: slice) -> list[Entry]: ...

    def __getitem__(self, position: int | slice) -> Entry | list[Entry]:
        if isinstance(position, slice):
            return [self._entry(each) for each in range(*position.indices(len(self)))]
        return self._entry(range(len(self))[position])

    def __iter__(self) -> Iterator[Entry]:
        return map(self._entry, range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Entries({list(self)!r})"


def _weight(owner: Owner) -> int:
    return _OF_OWNER + sum(_OF_ATTRIBUTE + len(name) + len(value) for name, value in owner[2])
