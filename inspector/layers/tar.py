"""The tar scanner: headers in, members out, as strict as the engines that unpack layers.

Reads ustar, PAX and GNU headers (POSIX.1-2008 pax; tar(5)). Where readers differ we do what Go's
archive/tar and dockerd do, since that is what runs the image: what they refuse is refused here.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator

import msgspec

from inspector import work
from inspector.errors import CorruptLayer, LimitExceeded
from inspector.layers.header import BLOCK, Header, device_numbers, is_header, parse_header
from inspector.layers.pax import (
    MAX_EXTENDED,
    MAX_NAME,
    MAX_PATH,
    NOTHING,
    Attributes,
    Budget,
    Extended,
    extend,
    merge,
    parse_records,
)
from inspector.layers.readers import Reader
from inspector.layers.sparse import is_sparse, read_sparse
from inspector.rootfs import Kind

__all__ = ["BLOCK", "MAX_HEADERS", "EndMissing", "Member", "iter_members", "normal"]

MAX_HEADERS = 1_000_000
"""Headers of one archive past which it is refused; the largest real layers hold some 500,000."""

_CHECKED = 1024  # headers between two looks at whether to stop
_ZERO = bytes(BLOCK)
_ODD_ENDS = ("/", ".")
_ODD, _ODD_TAILS = ("/./", "/../", "//"), ("/", "/.", "/..")
_KINDS = {
    b"0": Kind.FILE,
    b"1": Kind.HARDLINK,
    b"2": Kind.SYMLINK,
    b"3": Kind.CHAR,
    b"4": Kind.BLOCK,
    b"5": Kind.DIRECTORY,
    b"6": Kind.FIFO,
}
"""The types that dockerd and containerd unpack; they refuse all others: 7, S, and those of vendors."""

_GLOBAL_NAME = r"(?:(?:var/)?tmp/)?(?:GlobalHead[^/]*|pax_global_header|@PaxHeader)"
"""The names that writers give to global headers; an engine removes what has the same name, or what `.wh.` hides."""


class Member(msgspec.Struct, frozen=True, gc=False):
    """One member. `path` is normalised as in `Entry`; `link` is a symlink's text or a hardlink's normalised target.

    `size` is the file's in bytes, `stored` the count of its data bytes in the archive, from `offset` on;
    they differ for sparse files alone. `attributes` are the extended ones that decide what a container sees, as
    (name, value), by name; `device` are the major and the minor number of a device.
    """

    path: str
    kind: Kind
    mode: int
    size: int
    link: str
    offset: int
    stored: int
    uid: int = 0
    gid: int = 0
    attributes: tuple[tuple[str, bytes], ...] = ()
    device: tuple[int, int] | None = None


class EndMissing(CorruptLayer):
    """The bytes end where a header or the end mark should be: a tar that was cut, or one of a sloppy writer."""


def iter_members(
    reader: Reader, *, needs_end: bool = False, run: Callable[[int, Budget], int] = lambda *_: 0
) -> Iterator[Member]:
    """Yield the members in order, up to the end mark or the end of the bytes.

    `run` may take ordinary ones before each, of at most so many headers, and says of how many.

    Between two steps the consumer may read a member's data from `reader`; what it leaves is skipped.
    Raises `CorruptLayer` where an engine would refuse the tar, `LimitExceeded` past `MAX_HEADERS`, and
    `EndMissing` for want of an end mark where the caller has no digest to tell a cut tar by.
    """
    extended, budget = NOTHING, Budget()
    number = check_at = 0
    while number < MAX_HEADERS:
        if number >= check_at:
            work.check()
            check_at = number + _CHECKED
        if extended is NOTHING and (taken := run(min(_CHECKED, MAX_HEADERS - number), budget)):
            number += taken
            continue
        number += 1
        block = reader.read(BLOCK)
        if not is_header(block):
            _check_end(reader, block, needs_end=needs_end)
            return
        start = reader.position
        try:
            header = parse_header(block)
            if header.flag in b"xgLK":
                extended = _extended(reader, header, extended, budget)
                continue
            member = _with_device(_member(reader, header, extended, budget), block)
        except ValueError as error:
            raise CorruptLayer(f"tar header at byte {start - BLOCK}: {error}") from None
        extended = NOTHING
        if member.path or member.kind is Kind.DIRECTORY:  # all else in place of the root is ignored by engines
            yield member
        if member.stored:
            _skip_data(reader, member.offset + member.stored)
    raise LimitExceeded(f"more than {MAX_HEADERS} headers in one tar")


def normal(path: str) -> str:
    """Return `path` from the root, without empty, `.` and `..` components.

    `..` is taken lexically and stops at the root.
    """
    path = path.removeprefix("./").removesuffix("/")
    if "/." not in path:  # as nearly all are
        if "//" not in path and path[:1] not in _ODD_ENDS and path[-1:] != "/":
            return path
    elif not any(each in path for each in _ODD) and path[:1] not in _ODD_ENDS and not path.endswith(_ODD_TAILS):
        return path
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _check_end(reader: Reader, block: bytes, *, needs_end: bool) -> None:
    """Raise an error unless `block`, which is no header and was just read, is where the tar ends."""
    start = reader.position - len(block)
    if not block:
        if needs_end:
            raise EndMissing(f"the tar ends at byte {start} without an end mark")
    elif len(block) < BLOCK:
        raise CorruptLayer(f"the tar is cut inside the header at byte {start}")
    elif block != _ZERO:
        raise CorruptLayer(f"the tar header at byte {start} is corrupt: its checksum is wrong")
    elif reader.read(BLOCK) not in (_ZERO, b""):
        raise CorruptLayer(f"a lone zero block at byte {start} of the tar, and more behind it")


def _extended(reader: Reader, header: Header, before: Extended, budget: Budget) -> Extended:
    """Return what holds for the next member behind an extended header, whose data are read."""
    flag, size, start = header.flag, header.size, reader.position
    if size > MAX_EXTENDED:
        where = f"the extended tar header at byte {start - BLOCK}"
        raise LimitExceeded(f"{where} has {size} bytes; {MAX_EXTENDED} are allowed")
    content = reader.read(size + -size % BLOCK)[:size]  # with what is there of their padding
    if len(content) < size:
        raise CorruptLayer(f"the tar is cut inside the extended header at byte {start - BLOCK}")
    if size > BLOCK:
        budget.take("bytes of extended headers", size)
    if flag in b"xg":
        budget.take("PAX records", content.count(b"\n"))
    if flag != b"g":
        return extend(before, flag, content)
    _check_global(header, Extended(parse_records(content)))
    return NOTHING  # nothing that it sets reaches a member, and Go forgets what stood before it


def _check_global(header: Header, said: Extended) -> None:
    """Raise `ValueError` where a global header has a name by which containerd or Podman would change files."""
    try:
        merge(header, said, Budget())
    except ValueError:  # which Go passes over, the name then being set or not
        if said.records.get(b"path"):
            raise ValueError(
                "a global header with a record that is no number, and a name that Go takes or not"
            ) from None
    if header.name and not re.fullmatch(_GLOBAL_NAME, normal(_text(header.name))):
        raise ValueError(f"a global header named {header.name[:200]!r}, which engines take for the name of a file")


def _member(reader: Reader, header: Header, extended: Extended, budget: Budget) -> Member:
    """Return the member of a header, with all that was said before it. Raises `ValueError` where engines refuse it."""
    attributes = merge(header, extended, budget) if extended is not NOTHING else ()
    kind = _KINDS.get(header.flag) or _oldest_kind(header)
    if kind is not Kind.FILE:
        return _special(header, kind, attributes, extended, reader.position)
    size = stored = header.size
    if size < 0:
        raise ValueError(f"a size of {size} bytes")
    if extended.records and is_sparse(extended.records):
        header.name = _sparse_name(header.name, extended)
        size, stored = read_sparse(reader, extended.records, stored, budget)
    path = _path(header.name)
    if not path:
        _check_root(header.name)
    mode = header.mode & 0o7777
    return Member(path, kind, mode, size, "", reader.position, stored, header.uid, header.gid, attributes)


def _with_device(member: Member, block: bytes) -> Member:
    """Return the member with the numbers that its header gives to a device. Raises `ValueError`."""
    if member.kind in (Kind.CHAR, Kind.BLOCK):
        return msgspec.structs.replace(member, device=device_numbers(block))
    return member


def _oldest_kind(header: Header) -> Kind:
    """Return the kind in the oldest tars, which know no directories but by the slash.

    Raises `ValueError` for other types.
    """
    if header.flag != b"\0":
        raise ValueError(f"type {header.flag!r} is one that no engine unpacks")
    return Kind.DIRECTORY if header.name.endswith(b"/") else Kind.FILE


def _sparse_name(name: bytes, extended: Extended) -> bytes:
    """Return the name of a sparse file, which beats all others. Raises `ValueError`."""
    name = extended.records.get(b"GNU.sparse.name") or name
    if b"\0" in name:
        raise ValueError("a name with a NUL")
    return name


def _special(header: Header, kind: Kind, attributes: Attributes, extended: Extended, offset: int) -> Member:
    """Return a member without data: a directory, a link, a device or a pipe."""
    path, target = _path(header.name), ""
    if is_sparse(extended.records):
        raise ValueError(f"a {kind.value} that is said to be a sparse file")
    if not path and kind is not Kind.DIRECTORY:
        _check_root(header.name)
    elif kind in (Kind.SYMLINK, Kind.HARDLINK):
        target = _target(kind, header.link.partition(b"\0")[0])
    return Member(path, kind, header.mode & 0o7777, 0, target, offset, 0, header.uid, header.gid, attributes)


def _target(kind: Kind, link: bytes) -> str:
    """Return what a link leads to.

    Raises `ValueError` where Linux makes no such link: to nothing, or hard to the root.
    """
    target = _path(link) if kind is Kind.HARDLINK else _text(link)
    if not target or len(link) > MAX_PATH:
        raise ValueError(f"a {kind.value} to {target[:80]!a}, which Linux doesn't make")
    return target


def _check_root(name: bytes) -> None:
    """Raise `ValueError` where dockerd fails to replace the root directory: it leaves only `.` alone."""
    if posixpath.normpath(name) != b".":
        raise ValueError(f"something named {name[:80]!r} in place of the root directory")


def _path(name: bytes) -> str:
    """Return a name in the form of `Member.path`. Raises `ValueError` for what Linux takes for no name."""
    path = normal(name.decode("utf-8", "surrogateescape"))
    if len(name) > MAX_NAME:
        kept = path.encode("utf-8", "surrogateescape")
        if len(kept) > MAX_PATH or max(map(len, kept.split(b"/"))) > MAX_NAME:
            raise ValueError(f"the name {path[:80]!a}… of {len(kept)} bytes, which is too long for Linux")
    return path


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _skip_data(reader: Reader, end: int) -> None:
    """Go to the header behind data that ends at `end`; of the last padding any part may be missing, as Go allows."""
    left = end + -end % BLOCK - reader.position
    if left and not reader.skip(left) and reader.position < end:
        raise CorruptLayer(f"the tar is cut inside data that end at byte {end}; it ends at byte {reader.position}")
