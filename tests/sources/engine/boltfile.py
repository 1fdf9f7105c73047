"""Bolt databases as their format says, small enough to be written in one go."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from inspector.sources.engine.bolt import _fnv1a

Content = Mapping[bytes, "bytes | Content"]

BRANCH, LEAF, META = 1, 2, 4
INLINE = 500
"""Bytes up to which a bucket lies in its own value."""


def page(number: int, flags: int, count: int, body: bytes) -> bytes:
    """A page with its header, not yet padded."""
    return struct.pack("<QHHI", number, flags, count, 0) + body


def meta(number: int, root: int, pages: int, commit: int, size: int) -> bytes:
    """One of the two pages that begin the file."""
    body = struct.pack("<IIIIQQQQQ", 0xED0CDAED, 2, size, 0, root, 0, 2, pages, commit)
    return page(number, META, 0, body + struct.pack("<Q", _fnv1a(body)))


def elements(items: Sequence[tuple[bytes, bytes, bool]]) -> bytes:
    """The body of a leaf: places and sizes, then keys and values."""
    table, data = b"", b""
    for at, (key, value, is_bucket) in enumerate(items):
        position = (len(items) - at) * 16 + len(data)
        table += struct.pack("<IIII", is_bucket, position, len(key), len(value))
        data += key + value
    return table + data


class Writer:
    """The pages of one database; `fan` keys lie in one leaf."""

    def __init__(self, size: int = 4096, fan: int = 100) -> None:
        self.size = size
        self._fan = fan
        self._pages: list[bytes] = []

    def put(self, content: Content) -> int:
        """Write a bucket to pages of its own; the number of the topmost."""
        items = [self._item(key, value) for key, value in sorted(content.items())]
        runs = [items[at : at + self._fan] for at in range(0, len(items), self._fan)] or [[]]
        numbers = [self._add(LEAF, len(run), elements(run)) for run in runs]
        if len(numbers) == 1:
            return numbers[0]
        body = b"".join(struct.pack("<IIQ", 0, 0, number) for number in numbers)
        return self._add(BRANCH, len(numbers), body)

    def write(self, path: Path, root: int, commits: Sequence[int] = (7, 8)) -> Path:
        """The file, the newest of its two beginnings being that of the highest commit."""
        count = 2 + sum(len(each) // self.size for each in self._pages)
        metas = [meta(number, root, count, commit, self.size) for number, commit in enumerate(commits)]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(each.ljust(self.size, b"\0") for each in metas) + b"".join(self._pages))
        return path

    def _item(self, key: bytes, value: bytes | Content) -> tuple[bytes, bytes, bool]:
        if isinstance(value, bytes):
            return key, value, False
        items = [self._item(inner, each) for inner, each in sorted(value.items())] if _is_flat(value) else []
        inline = page(0, LEAF, len(items), elements(items))
        if _is_flat(value) and len(inline) < INLINE:
            return key, struct.pack("<QQ", 0, 0) + inline, True
        return key, struct.pack("<QQ", self.put(value), 0), True

    def _add(self, flags: int, count: int, body: bytes) -> int:
        number = 2 + sum(len(each) // self.size for each in self._pages)
        over = (len(body) + 15) // self.size
        header = struct.pack("<QHHI", number, flags, count, over)
        self._pages.append((header + body).ljust((1 + over) * self.size, b"\0"))
        return number


def _is_flat(content: Content) -> bool:
    return all(isinstance(value, bytes) for value in content.values())


def database(path: Path, content: Content, *, size: int = 4096, fan: int = 100) -> Path:
    """A whole database."""
    writer = Writer(size, fan)
    return writer.write(path, writer.put(content))
