"""Extended headers: the members that say more of the member after them (PAX records, GNU long names).

The rules are those of Go's archive/tar (Reader.next, parsePAX and mergePAX).
"""

from __future__ import annotations

import msgspec

from inspector.errors import LimitExceeded
from inspector.layers.fields import check_time, decimal, on_disk
from inspector.layers.header import Header
from inspector.rootfs import CAPABILITY

MAX_EXTENDED = 1 << 20
"""The largest extended header taken in, in bytes, as in Go's archive/tar."""

MAX_PATH = 4096
"""Linux's PATH_MAX: no engine can unpack a longer name."""

MAX_NAME = 255
"""Linux's NAME_MAX, for each part of a name."""

LIMITS = {
    "bytes of extended headers": 256 << 20,  # of those past a block; half a million members have less
    "PAX records": 5_000_000,  # writers that state every time and attribute make five a member
    "pieces of sparse files": 1_000_000,
    "extended attributes": 50_000,  # of those that are kept; real layers have some dozens
    "bytes of extended attributes": 4 << 20,
}
"""What one tar may hold before it is refused."""

MAX_ATTRIBUTE = 64 << 10
"""Bytes of one attribute's value, and of its name below: Linux takes no more (XATTR_SIZE_MAX, XATTR_NAME_MAX)."""
MAX_ATTRIBUTE_NAME = 255

SPARSE_MAP = b"GNU.sparse.map"

_PIECE = (b"GNU.sparse.offset", b"GNU.sparse.numbytes")
_PIECES = frozenset(_PIECE)
_STRINGS = frozenset((b"path", b"linkpath", b"uname", b"gname"))
_TIMES = frozenset((b"mtime", b"atime", b"ctime"))
_ATTRIBUTE = b"SCHILY.xattr."
_KEPT_ATTRIBUTES = (b"trusted.overlay.", b"user.overlay.", b"user.fuseoverlayfs.")
_NEWLINE = ord("\n")
_CAPABILITY = CAPABILITY.encode()

Attributes = tuple[tuple[str, bytes], ...]


class Budget:
    """What is left of the work that one tar may ask for."""

    def __init__(self) -> None:
        self._left = dict(LIMITS)

    def take(self, what: str, count: int) -> None:
        """Count what was met. Raises `LimitExceeded`."""
        self._left[what] = left = self._left[what] - count
        if left < 0:
            raise LimitExceeded(f"more than {LIMITS[what]} {what} in one tar")


class Extended(msgspec.Struct, frozen=True):
    """What extended headers set for the next member: PAX records by key, and GNU's long name and link name."""

    records: dict[bytes, bytes] = {}
    name: bytes = b""
    link: bytes = b""


NOTHING = Extended()


def extend(before: Extended, flag: bytes, content: bytes) -> Extended:
    """Return what holds behind an extended header of type x, L or K: of each type the last one, even an empty one."""
    if flag == b"x":
        return Extended(parse_records(content), before.name, before.link)
    text = content.partition(b"\0")[0]
    if flag == b"L":
        return Extended(before.records, text, before.link)
    return Extended(before.records, before.name, text)


def merge(header: Header, extended: Extended, budget: Budget) -> Attributes:
    """Set in `header` what was said before it, and give its attributes; long names beat records, records the header.

    An empty record leaves the header's own. Raises `ValueError`, `LimitExceeded`.
    """
    attributes: list[tuple[bytes, bytes]] = []
    for key, value in extended.records.items():
        if key in _TIMES:
            if value:
                check_time(value)
        elif key.startswith(_ATTRIBUTE):
            name = key[len(_ATTRIBUTE) :]
            if name.startswith(_KEPT_ATTRIBUTES) or name == _CAPABILITY:
                attributes.append((name, value))
        elif value:
            _set(header, key, value)
    header.name = extended.name or header.name
    header.link = extended.link or header.link
    return _attributes(attributes, budget) if attributes else ()


def _set(header: Header, key: bytes, value: bytes) -> None:
    if key == b"path":
        header.name = value
    elif key == b"linkpath":
        header.link = value
    elif key == b"size":
        header.size = decimal(value)
    elif key == b"uid":
        header.uid = on_disk(decimal(value))
    elif key == b"gid":
        header.gid = on_disk(decimal(value))


def _attributes(found: list[tuple[bytes, bytes]], budget: Budget) -> Attributes:
    """Return the attributes that decide what a container sees, by name.

    An empty one is kept, as later engines set it.
    """
    for name, value in found:
        if len(name) > MAX_ATTRIBUTE_NAME or len(value) > MAX_ATTRIBUTE:
            raise ValueError(f"an attribute {name[:60]!r} of {len(value)} bytes: Linux takes none of that length")
    budget.take("extended attributes", len(found))
    budget.take("bytes of extended attributes", sum(len(name) + len(value) for name, value in found))
    return tuple((name.decode("utf-8", "surrogateescape"), value) for name, value in sorted(found))


def parse_records(content: bytes) -> dict[bytes, bytes]:
    """Key to value; the last record of a key wins. Each is a length, a space, `key=value` and a line feed.

    The pieces of a sparse file, which version 0.0 repeats, are joined to the map of 0.1. Raises `ValueError`.
    """
    records: dict[bytes, bytes] = {}
    pieces: list[bytes] = []
    at, size = 0, len(content)
    while at < size:
        space = content.find(b" ", at)
        digits = content[at:space] if space > at else b"0"
        length = int(digits) if len(digits) < 8 and digits.isdigit() else decimal(digits)
        end = at + length
        if length < 5 or not space + 1 < end <= size or content[end - 1] != _NEWLINE:
            raise ValueError(f"the PAX record at byte {at} of the extended header is malformed")
        key, equals, value = content[space + 1 : end - 1].partition(b"=")
        if not key or not equals or b"\0" in (value if key in _STRINGS else key):
            raise ValueError(f"the PAX record at byte {at} of the extended header has no key, or a NUL")
        if key in _PIECES:
            if key != _PIECE[len(pieces) % 2] or b"," in value:
                raise ValueError("the pieces of a sparse file are not pairs of offset and length")
            pieces.append(value)
        else:
            records[key] = value
        at = end
    if pieces:
        records[SPARSE_MAP] = b",".join(pieces)
    return records
