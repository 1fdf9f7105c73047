"""Tars by hand: headers and extended headers with one thing odd about them."""

from __future__ import annotations

import io
import tarfile

from inspector.layers.readers import FileReader
from inspector.layers.tar import BLOCK, Member, iter_members

END = bytes(2 * BLOCK)


def in_memory(content: bytes) -> FileReader:
    return FileReader(io.BytesIO(content), 0, len(content))


def scan(content: bytes) -> list[Member]:
    return list(iter_members(in_memory(content)))


def header(name: str = "f", *, size: int = 0, flag: bytes = tarfile.REGTYPE, **fields: object) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, flag
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.GNU_FORMAT)[-BLOCK:]


def resummed(block: bytes, at: int, field: bytes) -> bytes:
    """A header with one field overwritten and its checksum made right again."""
    block = block[:at] + field + block[at + len(field) :]
    blank = block[:148] + b" " * 8 + block[156:]
    return blank[:148] + b"%06o\0 " % sum(blank) + blank[156:]


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def pax(records: bytes, flag: bytes = b"x", name: str = "ext") -> bytes:
    return header(name, size=len(records), flag=flag) + padded(records)


def record(key: bytes, value: bytes) -> bytes:
    """A PAX record, whose length counts its own digits."""
    body = b" %s=%s\n" % (key, value)
    length = next(n for n in range(len(body) + 1, len(body) + 8) if n == len(body) + len(str(n)))
    return b"%d%s" % (length, body)


def ustar(
    name: bytes = b"f", *, size: int = 0, flag: bytes = b"0", link: bytes = b"", magic: bytes = b"ustar\00000"
) -> bytes:
    """A header with a magic and a name of any bytes, where `header` takes what tarfile writes."""
    block = bytearray(BLOCK)
    for at, text in ((0, name), (124, b"%011o\0" % size), (156, flag), (157, link), (257, magic)):
        block[at : at + len(text)] = text
    return resummed(bytes(block), 0, b"")


def records(pairs: dict[bytes, bytes]) -> bytes:
    """PAX records in the order of `pairs`."""
    return b"".join(record(*pair) for pair in pairs.items())


def long(flag: bytes, name: bytes) -> bytes:
    """GNU's header for a long name (L) or link name (K)."""
    return header("././@LongLink", size=len(name), flag=flag) + padded(name)


def paths(content: bytes) -> list[str]:
    """What the members are named."""
    return [member.path for member in scan(content)]
