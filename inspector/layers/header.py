"""One tar header of 512 bytes: its checksum, its fields, and the prefix of its name.

What stands where depends on magic and version, by the rules of Go's archive/tar (readHeader and getFormat).
"""

from __future__ import annotations

import struct
from functools import lru_cache
from zlib import adler32

import msgspec

from inspector.layers.fields import numeric, octal, on_disk

BLOCK = 512

_HALF = BLOCK // 2
_CHECKSUM = slice(148, 156)
_BLANKED = 8 * ord(" ")
# name; mode, uid and gid; size; time; type; link name; magic to device numbers; prefix; star's mark
_LAYOUT = struct.Struct("100s24s12s12s8xc100s88s163s4s")
_USTAR, _GNU = "ustar", "gnu"
_STAR_PREFIX = 131
_WITHOUT_DATA = b"123456"
_OCTAL, _ENDS = b"01234567", (b"\0", b" ")


class Header(msgspec.Struct, gc=False):
    """A header's fields, which extended headers before it may still change. `link` may have NULs behind it."""

    name: bytes
    flag: bytes
    mode: int
    uid: int
    gid: int
    size: int
    link: bytes


def is_header(block: bytes) -> bool:
    """Tell whether 512 bytes are a tar header: their sum, its own field taken as spaces, is what that field states."""
    field = block[_CHECKSUM]
    # Adler-32's low half is 1 + the sum of the bytes, exact for 256 of them, and 10 times faster than sum().
    total = (adler32(block[:_HALF]) & 0xFFFF) + (adler32(block[_HALF:]) & 0xFFFF) - 2 - sum(field) + _BLANKED
    if field == b"%06o\0 " % total:  # as nearly all write it
        return len(block) == BLOCK
    try:
        return len(block) == BLOCK and octal(field) in (total, _signed_sum(block))
    except ValueError:
        return False


def _signed_sum(header: bytes) -> int:
    """Return the checksum as old tars computed it, over signed bytes; readers accept both."""
    blanked = header[: _CHECKSUM.start] + b" " * 8 + header[_CHECKSUM.stop :]
    return sum(struct.unpack(f"{BLOCK}b", blanked))


def parse_header(block: bytes) -> Header:
    """Return the fields of a header whose checksum is right. Raises `ValueError` for an invalid number or size."""
    name, ids, size, time, flag, link, middle, prefix, trailer = _LAYOUT.unpack(block)
    name = name.partition(b"\0")[0]
    if time[:11].strip(_OCTAL) or time[11:] not in _ENDS:  # else it is a number, as nearly all write it
        numeric(time)
    form = form_of(middle)
    if form is _USTAR:
        if trailer == b"tar\0":
            name = _behind(prefix[:_STAR_PREFIX], name)
            _check_times(block[476:500])
        elif prefix[0]:
            name = _behind(prefix[:155], name)
    elif form is _GNU and (prefix[0] or prefix[12]):
        name = _behind_times(prefix[:155], name)
    digits = size[:11]
    count = numeric(size) if digits.strip(_OCTAL) or size[11:] not in _ENDS else int(digits, 8)
    if count < 0 and flag not in _WITHOUT_DATA:
        raise ValueError(f"a size of {count} bytes")
    mode, uid, gid = ids_of(ids)
    return Header(name, flag, mode, uid, gid, count, link)


def device_numbers(block: bytes) -> tuple[int, int]:
    """Return the major and the minor number that a header gives to a device.

    The oldest headers have none, and so give 0:0.
    """
    if form_of(block[257:345]) == "v7":
        return 0, 0
    return numeric(block[329:337]), numeric(block[337:345])


@lru_cache(maxsize=256)
def form_of(middle: bytes) -> str:
    """Return what the magic says, and for ustar and GNU the device numbers' check.

    The same few in nearly all headers.
    """
    if middle.startswith(b"ustar\0"):  # whatever the version
        form = _USTAR
    elif middle.startswith(b"ustar  \0"):
        form = _GNU
    else:
        return "v7"
    numeric(middle[-16:-8])
    numeric(middle[-8:])
    return form


@lru_cache(maxsize=256)
def ids_of(fields: bytes) -> tuple[int, int, int]:
    """Read mode, uid and gid."""
    return numeric(fields[:8]), on_disk(numeric(fields[8:16])), on_disk(numeric(fields[16:]))


def _check_times(fields: bytes) -> None:
    numeric(fields[:12])
    numeric(fields[12:])


def _behind(prefix: bytes, name: bytes) -> bytes:
    head = prefix.partition(b"\0")[0]
    return head + b"/" + name if head else name


def _behind_times(fields: bytes, name: bytes) -> bytes:
    """Get the name in a GNU header with times, which are no numbers where Go before 1.8 put a prefix in their place."""
    try:
        for field in (fields[:12], fields[12:24]):
            if field[0]:
                numeric(field)
    except ValueError:
        prefix = fields.partition(b"\0")[0]
        return _behind(prefix, name) if prefix.isascii() else name
    return name
