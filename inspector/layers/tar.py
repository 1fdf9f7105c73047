"""The tar scanner: headers in, members out, as strict as the engines that unpack layers.

Reads ustar, PAX and GNU headers (POSIX.1-2008 pax; tar(5)). Where readers differ we do what Go's
archive/tar and dockerd do, since that is what runs the image: what they refuse is refused here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from zlib import adler32

import msgspec

from inspector.errors import CorruptLayer, LimitExceeded
from inspector.layers.pax import MAX_EXTENDED, Extended, with_long_name, with_records
from inspector.layers.readers import Reader
from inspector.rootfs import Kind

BLOCK = 512
MAX_HEADERS = 1_000_000
"""Headers of one archive past which it is refused; the largest real layers hold some 500,000."""

MAX_RECORDS = 5_000_000
"""PAX records of one archive; writers that state every time and attribute make five a member."""

_ZERO = bytes(BLOCK)
# name, mode, size, link name, magic and version, prefix, trailer
_HEADER = struct.Struct("100s8s16x12s21x100s8s80x155s12s")
_HALF = BLOCK // 2
_CHECKSUM = slice(148, 156)
_KINDS = {
    b"0": Kind.FILE,
    b"7": Kind.FILE,  # a contiguous file, which engines take as a regular one
    b"1": Kind.HARDLINK,
    b"2": Kind.SYMLINK,
    b"3": Kind.CHAR,
    b"4": Kind.BLOCK,
    b"5": Kind.DIRECTORY,
    b"6": Kind.FIFO,
}
_NONE = Extended()


class Member(msgspec.Struct, frozen=True, gc=False):
    """One member. `path` is normalised as in `Entry`; `link` is a symlink's text or a hardlink's normalised target.

    `size` is the file's in bytes, `stored` the count of its data bytes in the archive, from `offset` on;
    they differ for sparse files alone. `attributes` are the extended ones that decide what a container sees, as
    (name, value), by name.
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


def iter_members(reader: Reader, *, needs_end: bool = False) -> Iterator[Member]:
    """The members in order, up to the end mark or the end of the bytes.

    Between two steps the consumer may read a member's data from `reader`; what it leaves is skipped.
    Raises `CorruptLayer` where an engine would refuse the tar, `LimitExceeded` past `MAX_HEADERS`, and
    `EndMissing` for want of an end mark where the caller has no digest to tell a cut tar by.
    """
    extended = _NONE
    records = MAX_RECORDS
    for _ in range(MAX_HEADERS):
        header = _next_header(reader, needs_end=needs_end)
        if header is None:
            return
        flag = header[156:157]
        if flag in b"xgLK":
            content = _extension(reader, header)
            records -= content.count(b"\n") if flag == b"x" else 0
            if records < 0:
                raise LimitExceeded(f"more than {MAX_RECORDS} PAX records in one tar")
            extended = _extend(content, flag, extended)
            continue
        try:
            member = _member(header, flag, extended, reader.position)
        except ValueError as error:
            raise CorruptLayer(f"tar header at byte {reader.position - BLOCK}: {error}") from None
        extended = _NONE
        yield member
        _skip_data(reader, member.offset + member.stored)
    raise LimitExceeded(f"more than {MAX_HEADERS} headers in one tar")


def normal(path: str) -> str:
    """`path` from the root, without empty, `.` and `..` components; `..` is taken lexically and stops at the root."""
    path = path.removeprefix("./").removesuffix("/")
    odd = "//" in path or "/./" in path or "/../" in path or path[:1] in ("/", ".") or path[-1:] in ("/", ".")
    if not odd:
        return path
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _next_header(reader: Reader, *, needs_end: bool) -> bytes | None:
    """The next header, its checksum verified; None at the end."""
    header = reader.read(BLOCK)
    if not header:
        if needs_end:
            raise EndMissing(f"the tar ends at byte {reader.position} without an end mark")
        return None
    if len(header) < BLOCK:
        raise CorruptLayer(f"the tar is cut inside the header at byte {reader.position - len(header)}")
    if header == _ZERO:
        if reader.read(BLOCK) not in (_ZERO, b""):
            raise CorruptLayer(
                f"a lone zero block at byte {reader.position - 2 * BLOCK} of the tar, and more behind it"
            )
        return None
    if not is_header(header):
        raise CorruptLayer(f"the tar header at byte {reader.position - BLOCK} is corrupt: its checksum is wrong")
    return header


def is_header(block: bytes) -> bool:
    """Whether 512 bytes are a tar header: their sum, its own field taken as spaces, is what that field states."""
    field = block[_CHECKSUM]
    # Adler-32's low half is 1 + the sum of the bytes, exact for 256 of them, and 10 times faster than sum().
    total = (adler32(block[:_HALF]) & 0xFFFF) + (adler32(block[_HALF:]) & 0xFFFF) - 2 - sum(field) + 8 * ord(" ")
    if field == b"%06o\0 " % total:  # as nearly all write it
        return True
    try:
        return len(block) == BLOCK and _number(field) in (total, _signed_sum(block))
    except ValueError:
        return False


def _signed_sum(header: bytes) -> int:
    """The checksum as old tars computed it, over signed bytes; readers accept both."""
    blanked = header[: _CHECKSUM.start] + b" " * 8 + header[_CHECKSUM.stop :]
    return sum(struct.unpack(f"{BLOCK}b", blanked))


def _member(header: bytes, flag: bytes, extended: Extended, offset: int) -> Member:
    name, mode, size, link, magic, prefix, trailer = _HEADER.unpack(header)
    name = name.partition(b"\0")[0]
    if prefix[0]:
        name = _prefixed(name, magic, prefix, trailer)
    stored = _number(size)
    if extended is not _NONE:
        name, link = extended.name or name, extended.link or link
        stored = stored if extended.stored is None else extended.stored
    if flag == b"\0":  # the oldest tars know no directories but by the slash
        flag = b"5" if name.endswith(b"/") else b"0"
    kind = _KINDS.get(flag)
    if kind is None:
        raise CorruptLayer(f"tar header at byte {offset - BLOCK}: type {flag!r} is one that no engine unpacks")
    path = normal(name.decode("utf-8", "surrogateescape"))
    if kind is Kind.FILE:
        real = stored if extended.size is None else extended.size
        return Member(path, kind, _number(mode) & 0o7777, real, "", offset, stored)
    target = ""
    if kind in (Kind.SYMLINK, Kind.HARDLINK):
        target = link.partition(b"\0")[0].decode("utf-8", "surrogateescape")
        target = target if kind is Kind.SYMLINK else normal(target)
    device = (_number(header[329:337]), _number(header[337:345])) if kind in (Kind.CHAR, Kind.BLOCK) else None
    return Member(path, kind, _number(mode) & 0o7777, 0, target, offset, 0, device=device)


def _prefixed(name: bytes, magic: bytes, prefix: bytes, trailer: bytes) -> bytes:
    """The name behind its prefix, which only ustar has there; star's is shorter, GNU keeps times in its place."""
    if magic != b"ustar\00000":
        return name
    head = prefix[:131] if trailer[8:] == b"tar\0" else prefix
    head = head.partition(b"\0")[0]
    return head + b"/" + name if head else name


@lru_cache(maxsize=4096)
def _number(field: bytes) -> int:
    """Octal digits between spaces and NULs, nothing at all for 0, or base-256 where the first bit says so.

    Raises `ValueError`.
    """
    if field[0] & 0x80 and not field[0] & 0x40:
        return int.from_bytes(bytes((field[0] & 0x3F,)) + field[1:], "big")
    digits = field.strip(b" \0").partition(b"\0")[0].rstrip(b" ")
    if digits and not digits.isdigit():
        raise ValueError(f"{field!r} is no number")
    return int(digits or b"0", 8)


def _extension(reader: Reader, header: bytes) -> bytes:
    """The data of an extended header, the reader then standing behind it."""
    start = reader.position
    try:
        size = _number(header[124:136])
    except ValueError as error:
        raise CorruptLayer(f"extended tar header at byte {start - BLOCK}: {error}") from None
    if size > MAX_EXTENDED:
        raise LimitExceeded(
            f"the extended tar header at byte {start - BLOCK} has {size} bytes; {MAX_EXTENDED} are allowed"
        )
    content = reader.read(size)
    if len(content) < size:
        raise CorruptLayer(f"the tar is cut inside the extended header at byte {start - BLOCK}")
    _skip_data(reader, start + size)
    return content


def _extend(content: bytes, flag: bytes, extended: Extended) -> Extended:
    """`extended` with what an extended header of type `flag` sets; a global one (type g) sets nothing, as in Go."""
    if flag == b"x":
        return with_records(extended, content)
    return extended if flag == b"g" else with_long_name(extended, flag, content)


def _skip_data(reader: Reader, end: int) -> None:
    """Go to the header behind data that ends at `end`; the last padding alone may be missing, as Go allows."""
    left = end + -end % BLOCK - reader.position
    if left and not reader.skip(left) and reader.position != end:
        where = "data" if reader.position < end else "padding"
        raise CorruptLayer(
            f"the tar is cut inside a member's {where}: that ends at byte {end}, the tar at {reader.position}"
        )
