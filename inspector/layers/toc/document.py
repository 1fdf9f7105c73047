"""The table of contents itself: JSON that eStargz and zstd:chunked have from the same root (CRFS).

It is whatever its writer claims; names, sizes and counts have the bounds that a scan of the tar has.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec

from inspector.errors import LimitExceeded
from inspector.layers.entries import Entries
from inspector.layers.entry import Attributes, Entry
from inspector.layers.overlay import is_kept_attribute
from inspector.layers.pax import MAX_PATH
from inspector.layers.reading import MAX_FILE
from inspector.layers.tar import MAX_HEADERS, normal
from inspector.layers.toc.source import TocUnusable
from inspector.oci import decoder
from inspector.rootfs import Kind

_KINDS = {
    "reg": Kind.FILE,
    "dir": Kind.DIRECTORY,
    "symlink": Kind.SYMLINK,
    "hardlink": Kind.HARDLINK,
    "char": Kind.CHAR,
    "block": Kind.BLOCK,
    "fifo": Kind.FIFO,
}
_CHUNK = "chunk"
_DATA = ("reg", _CHUNK)
_LOST = "\ufffd"
"""What Go writes in JSON for each byte that is no UTF-8."""

_Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
_Id = Annotated[int, msgspec.Meta(ge=-(1 << 31), le=(1 << 32) - 1)]


class _Item(msgspec.Struct, frozen=True, rename="camel", gc=False):
    type: str
    name: str = ""
    link_name: str = ""
    size: _Count = 0
    mode: _Count = 0
    offset: _Count = 0
    end_offset: _Count = 0
    inner_offset: _Count = 0
    chunk_offset: _Count = 0
    chunk_size: _Count = 0
    chunk_type: str = ""
    digest: str = ""
    chunk_digest: str = ""
    uid: _Id = 0
    gid: _Id = 0
    dev_major: _Count = 0
    dev_minor: _Count = 0
    xattrs: dict[str, bytes] | None = None


_DECODER = msgspec.json.Decoder(_Item)


class _Document(msgspec.Struct, frozen=True):
    """The items stay JSON until they are asked for: taken apart, they have several times its size."""

    version: int
    entries: list[msgspec.Raw]


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """A run of a file's bytes, from byte `at` of it on: `size` of them, behind `inner` others in a member or frame.

    That lies in the bytes `start` to `end` of the blob. `hole` says that all are zero.
    """

    at: int
    size: int
    start: int
    end: int
    inner: int
    digest: str
    hole: bool


class Listing:
    """What a table of contents lists: the entries, in its order, without data; `chunks` leads to the data of each.

    Data ends where other data begins, at latest at byte `end` of the blob. Raises `TocUnusable`.
    """

    def __init__(self, content: bytes, end: int) -> None:
        self._end = end
        self._items = _items(content)
        self._places = array("L")
        self.entries = Entries()
        starts: set[int] = set()
        for place, raw in enumerate(self._items):
            item = _item(raw)
            if item.offset and item.type in _DATA:
                starts.add(item.offset)
            if item.type != _CHUNK:
                self._places.append(place)
                self._add(_entry(item))
            elif not self.entries:
                raise TocUnusable("its table of contents begins with a piece of no file")
        self._starts = array("Q", sorted(starts))

    def _add(self, entry: Entry) -> None:
        try:
            self.entries.append(entry)
        except LimitExceeded as error:
            raise TocUnusable(str(error)) from error

    def digest(self, position: int) -> str:
        """Return the digest of a whole file, by its position among the entries; empty where none is stated."""
        return _item(self._items[self._places[position]]).digest

    def chunks(self, position: int) -> list[Chunk]:
        """Return the chunks of a file, by its position among the entries, which make up its `size` without gaps."""
        place = self._places[position]
        first = _item(self._items[place])
        items = [first, *self._following(place + 1)]
        last = first.end_offset or self._end
        found: list[Chunk] = []
        done = 0
        for item in items:
            size = item.chunk_size or first.size - item.chunk_offset
            if item.chunk_offset != done or not 0 < size <= first.size - done:
                raise TocUnusable(f"the chunks of {first.name[:200]!a} don't make up the file")
            digest = item.chunk_digest or (first.digest if len(items) == 1 else "")
            end = min(self._next(item.offset), last if last > item.offset else self._end)
            hole = item.chunk_type == "zeros"
            found.append(Chunk(done, size, item.offset, end, item.inner_offset, digest, hole))
            done += size
        if done != first.size:
            raise TocUnusable(f"the chunks of {first.name[:200]!a} don't make up the file")
        return found

    def _following(self, place: int) -> Iterator[_Item]:
        while place < len(self._items) and (item := _item(self._items[place])).type == _CHUNK:
            yield item
            place += 1

    def _next(self, offset: int) -> int:
        """Say where the next data begins behind that at `offset`."""
        at = bisect_right(self._starts, offset)
        following = self._starts[at] if at < len(self._starts) else self._end
        if not 0 < offset < following <= self._end:
            raise TocUnusable(f"it says that data lies at byte {offset}, where there is none")
        return following


def _items(content: bytes) -> Sequence[msgspec.Raw]:
    try:
        if content.count(b",") >= MAX_HEADERS:
            _refuse_crowd(content)
        document = decoder(_Document).decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TocUnusable(f"its table of contents is not one: {str(error)[:200]!a}") from error
    if document.version != 1:
        raise TocUnusable(f"its table of contents is of version {document.version}, where 1 is known")
    if len(document.entries) > MAX_HEADERS:
        raise TocUnusable(f"its table of contents has {len(document.entries)} entries")
    return document.entries


def _refuse_crowd(content: bytes) -> None:
    """Raise `TocUnusable` at the first entry too many: 64 MiB hold 30 million, of which a list takes 2 GB."""
    left = MAX_HEADERS

    def count(_: msgspec.Struct) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise TocUnusable(f"its table of contents has more than {MAX_HEADERS} entries")

    entry = msgspec.defstruct("_Entry", [], namespace={"__post_init__": count}, gc=False)
    msgspec.json.decode(content, type=msgspec.defstruct("_Crowd", [("entries", list[entry])]))  # type: ignore[valid-type]


def _item(raw: msgspec.Raw) -> _Item:
    try:
        return _DECODER.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TocUnusable(f"its table of contents lists what is no entry: {str(error)[:200]!a}") from error


def _entry(item: _Item) -> Entry:
    kind = _KINDS.get(item.type)
    if kind is None:
        raise TocUnusable(f"{item.name[:200]!a} is of a type that is not known: {item.type[:40]!a}")
    if item.size > MAX_FILE:
        raise TocUnusable(f"{item.name[:200]!a} is said to have {item.size} bytes")
    path = normal(_name(item.name))
    link = _name(item.link_name) if kind in (Kind.SYMLINK, Kind.HARDLINK) else ""
    link = normal(link) if kind is Kind.HARDLINK else link
    device = (item.dev_major, item.dev_minor) if kind in (Kind.CHAR, Kind.BLOCK) else None
    size = item.size if kind is Kind.FILE else 0
    return Entry(path, kind, item.mode & 0o7777, size, link, b"", item.uid, item.gid, _attributes(item), device)


def _attributes(item: _Item) -> Attributes:
    """Return those that a scan of the tar keeps; their values are in base64."""
    found = (item.xattrs or {}).items()
    return tuple(sorted((name, value) for name, value in found if is_kept_attribute(name)))


def _name(text: str) -> str:
    """Return a name or target as a tar may have it. Raises `TocUnusable` for one that JSON could not hold, too."""
    if _LOST in text:
        raise TocUnusable("it lists a name that is no UTF-8, which it can't state")
    if "\0" in text or len(text.encode()) > MAX_PATH:
        raise TocUnusable(f"it lists a name that Linux doesn't take: {text[:80]!a}")
    return text
