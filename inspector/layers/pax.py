"""Extended headers: the members that say more of the member after them (PAX records, GNU long names)."""

from __future__ import annotations

import msgspec

from inspector.errors import CorruptLayer

MAX_EXTENDED = 1 << 20
"""The largest extended header taken in, in bytes, as in Go's archive/tar."""

MAX_PATH = 4096
"""Linux's PATH_MAX: no engine can unpack a longer name."""

_NAMES = (b"path", b"linkpath", b"GNU.sparse.name")


class Extended(msgspec.Struct, frozen=True, gc=False):
    """What extended headers set for the next member; None leaves the header's own value.

    `stored` is the count of data bytes in the archive, `size` that of a sparse file as unpacked.
    """

    name: bytes | None = None
    link: bytes | None = None
    stored: int | None = None
    size: int | None = None


def with_long_name(extended: Extended, flag: bytes, content: bytes) -> Extended:
    """`extended` with GNU's long name (type L) or long link (type K), which beat PAX records."""
    text = _name(content.partition(b"\0")[0])
    return msgspec.structs.replace(extended, **{"name" if flag == b"L" else "link": text})


def with_records(extended: Extended, content: bytes) -> Extended:
    """`extended` with the PAX records in `content` (pax(1), "Extended Header"). Raises `CorruptLayer`."""
    records = _records(content)
    sizes = [records[key] for key in (b"GNU.sparse.realsize", b"GNU.sparse.size") if records.get(key)]
    size = records.get(b"size")
    return Extended(
        name=records.get(b"GNU.sparse.name") or records.get(b"path") or extended.name,
        link=records.get(b"linkpath") or extended.link,
        stored=_decimal(size) if size else None,
        size=_decimal(sizes[0]) if sizes else None,
    )


def _records(content: bytes) -> dict[bytes, bytes]:
    """Key to value; the last record of a key wins. Each is a length, a space, `key=value` and a line feed."""
    records: dict[bytes, bytes] = {}
    at = 0
    while at < len(content):
        space = content.find(b" ", at, at + 20)
        digits = content[at:space] if space > 0 else b""
        end = at + int(digits) if digits.isdigit() else at
        key, equals, value = content[space + 1 : end - 1].partition(b"=")
        if not space < end <= len(content) or content[end - 1 : end] != b"\n" or not equals or not key:
            raise CorruptLayer(f"PAX record at byte {at} of its header is malformed")
        records[key] = _name(value) if key in _NAMES else value
        at = end
    return records


def _name(value: bytes) -> bytes:
    if len(value) > MAX_PATH or b"\0" in value:
        raise CorruptLayer(f"a name of {len(value)} bytes, or with a NUL: Linux takes neither")
    return value


def _decimal(value: bytes) -> int:
    if not value.isdigit() or len(value) > len(str(2**63)):
        raise CorruptLayer(f"PAX size {value[:32]!r} is no size")
    return int(value)
