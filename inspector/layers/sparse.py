"""Sparse files in PAX form: which headers make one, and how its pieces lie (GNU's versions 0.0, 0.1 and 1.0).

The rules are those of Go's archive/tar (readGNUSparsePAXHeaders and validateSparseEntries), which reads the data
too and so refuses a map that does not fit them.
"""

from __future__ import annotations

from collections.abc import Mapping

from inspector.errors import LimitExceeded
from inspector.layers.fields import decimal
from inspector.layers.header import BLOCK
from inspector.layers.pax import SPARSE_MAP, Budget
from inspector.layers.readers import Reader

MAX_MAP = 1 << 20
"""Bytes of the map that stands before the data in version 1.0, as Go bounds it since 1.24.8 and 1.25.2."""

_VERSIONS = ((b"0", b"0"), (b"0", b"1"), (b"1", b"0"))

Records = Mapping[bytes, bytes]


def is_sparse(records: Records) -> bool:
    """Tell whether the records make the member a sparse file: by version, or by a map without one."""
    major, minor = records.get(b"GNU.sparse.major"), records.get(b"GNU.sparse.minor")
    if major or minor:
        return (major, minor) in _VERSIONS
    return bool(records.get(SPARSE_MAP))


def read_sparse(reader: Reader, records: Records, stored: int, budget: Budget) -> tuple[int, int]:
    """Give the file's size as unpacked, and how many of its `stored` bytes are data; `reader` then stands before these.

    Both are the same where the file has no holes. Raises `ValueError`, `LimitExceeded`.
    """
    stated = records.get(b"GNU.sparse.size") or records.get(b"GNU.sparse.realsize")
    size = decimal(stated) if stated else stored
    if records.get(b"GNU.sparse.major") == b"1":
        numbers, taken = _map_in_data(reader, stored, budget)
    else:
        numbers, taken = _map_in_records(records, budget), 0
    _check_pieces(numbers, size, stored - taken)
    return size, stored - taken


def _map_in_records(records: Records, budget: Budget) -> list[bytes]:
    text = records.get(SPARSE_MAP)
    budget.take("pieces of sparse files", text.count(b",") // 2 + 1 if text else 0)
    numbers = text.split(b",") if text else []
    if len(numbers) != 2 * decimal(records.get(b"GNU.sparse.numblocks", b"")):
        raise ValueError("the map of a sparse file has more or fewer pieces than are stated")
    return numbers


def _map_in_data(reader: Reader, stored: int, budget: Budget) -> tuple[list[bytes], int]:
    """Return the numbers of the map before the data, a line each behind their count, and the bytes of its blocks."""
    text = _lines(reader, b"", 1, stored)
    count = decimal(text.partition(b"\n")[0])
    if count < 0:
        raise ValueError(f"the map of a sparse file states {count} pieces")
    budget.take("pieces of sparse files", count)
    text = _lines(reader, text, 1 + 2 * count, stored)
    return text.split(b"\n", 1 + 2 * count)[1:-1], len(text)


def _lines(reader: Reader, text: bytes, count: int, stored: int) -> bytes:
    """Return `text` and as many blocks behind it as make `count` lines."""
    blocks = [text]
    have, size = text.count(b"\n"), len(text)
    while have < count:
        if size >= MAX_MAP:
            raise LimitExceeded(f"the map of a sparse file has more than {MAX_MAP} bytes")
        block = reader.read(BLOCK) if size + BLOCK <= stored else b""
        if len(block) < BLOCK:
            raise ValueError("the map of a sparse file is cut")
        blocks.append(block)
        have, size = have + block.count(b"\n"), size + BLOCK
    return b"".join(blocks)


def _check_pieces(numbers: list[bytes], size: int, stored: int) -> None:
    """Raise `ValueError` unless the pieces lie in order inside `size` and are as long together as what is stored."""
    end = total = 0
    for at in range(0, len(numbers), 2):
        offset, length = decimal(numbers[at]), decimal(numbers[at + 1])
        if offset < end or length < 0 or offset + length > size:
            raise ValueError("the pieces of a sparse file overlap or lie outside it")
        end = offset + length
        total += length
    if size < 0 or total != stored:
        raise ValueError(f"a sparse file of {size} bytes with {total} bytes in pieces and {stored} stored")
