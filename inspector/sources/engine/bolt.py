"""A bolt database read while its owner writes to it (go.etcd.io/bbolt, `page.go`, `bucket.go`, `db.go`).

The owner keeps the file locked for as long as it runs, so there is no waiting for it, and no need: no page that the
last commit refers to is written to before the next one. What was read is of one moment if no commit came meanwhile.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from inspector.errors import LimitExceeded, Malformed
from inspector.sources.access import AccessUnusable
from inspector.sources.engine.disk import unusable

MAX_KEYS = 1_000_000
"""Keys gone through in one reading."""
MAX_BYTES = 256 << 20
"""Bytes of pages read in one reading."""

_MAX_DEPTH = 32
_TRIES = 5
_MAGIC, _VERSION = 0xED0CDAED, 2
_BRANCH, _LEAF = 0x01, 0x02
_PAGE = struct.Struct("<QHHI")  # number, flags, count, pages that it flows over to
_META = struct.Struct("<IIIIQQQQQ")  # magic, version, page size, flags, root, sequence, free list, pages, commit
_SUM = struct.Struct("<Q")
_BRANCH_ELEMENT = struct.Struct("<IIQ")  # position, key size, page
_LEAF_ELEMENT = struct.Struct("<IIII")  # flags, position, key size, value size
_BUCKET = struct.Struct("<QQ")  # root page, 0 if it follows at once; sequence
_PAGE_SIZES = [1 << bits for bits in range(10, 17)]

Answer = TypeVar("Answer")


class _Meta(msgspec.Struct, frozen=True, order=True):
    commit: int
    page_size: int
    root: int
    pages: int


class Bucket:
    """Sorted keys, each with a value or with a further bucket."""

    def __init__(self, pages: _Pages, top: bytes) -> None:
        self._pages = pages
        self._top = top

    def values(self) -> Iterator[tuple[bytes, bytes]]:
        """Return each key that has a value."""
        return ((key, value) for is_bucket, key, value in self._pages.elements(self._top) if not is_bucket)

    def buckets(self) -> Iterator[tuple[bytes, Bucket]]:
        """Return each key that has a bucket."""
        found = self._pages.elements(self._top)
        return ((key, self._pages.bucket(value)) for is_bucket, key, value in found if is_bucket)

    def within(self, *names: bytes) -> Bucket | None:
        """Return the bucket that `names` lead to, one within the other, if there is one."""
        found: Bucket | None = self
        for name in names:
            found = next((bucket for key, bucket in found.buckets() if key == name), None) if found else None
        return found


def read_bolt(path: Path, read: Callable[[Bucket], Answer]) -> Answer:
    """Return what `read` makes of the database's top, all of one commit. Raises `Malformed`, `AccessUnusable`."""
    try:
        with path.open("rb", buffering=0) as file:
            for _ in range(_TRIES):
                meta = _newest(file.fileno(), path)
                pages = _Pages(file.fileno(), meta, path)
                try:
                    answer = read(Bucket(pages, pages.page(meta.root)))
                except Malformed:
                    if _newest(file.fileno(), path) == meta:
                        raise
                    continue
                if _newest(file.fileno(), path) == meta:
                    return answer
    except OSError as error:
        raise unusable(path, error) from error
    raise AccessUnusable(f"{str(path)!a} is being changed all the time")


class _Pages:
    """The pages of one commit. Raises `Malformed` for what is none of its, `LimitExceeded`."""

    def __init__(self, file: int, meta: _Meta, path: Path) -> None:
        self._file = file
        self._meta = meta
        self._path = path
        self._keys = MAX_KEYS
        self._bytes = MAX_BYTES

    def bucket(self, value: bytes) -> Bucket:
        """Return the bucket that a value stands for; a small one lies in the value itself."""
        if len(value) < _BUCKET.size:
            raise self._broken()
        root = _BUCKET.unpack_from(value)[0]
        return Bucket(self, self.page(root) if root else value[_BUCKET.size :])

    def page(self, number: int) -> bytes:
        """Return a page with those that it flows over to."""
        size = self._meta.page_size
        page = self._read(number, size)
        found, _, _, overflow = _PAGE.unpack_from(page)
        if found != number:
            raise self._broken()
        return self._read(number, size * (1 + overflow)) if overflow else page

    def elements(self, page: bytes, depth: int = 0) -> Iterator[tuple[bool, bytes, bytes]]:
        """Yield of a page and those below it, each element: whether it is a bucket, its key, its value."""
        if depth > _MAX_DEPTH or len(page) < _PAGE.size:
            raise self._broken()
        _, flags, count, _ = _PAGE.unpack_from(page)
        if flags & _BRANCH:
            for _, _, number in self._items(page, count, _BRANCH_ELEMENT):
                yield from self.elements(self.page(number), depth + 1)
        elif flags & _LEAF:
            for at, (kind, position, key_size, value_size) in enumerate(self._items(page, count, _LEAF_ELEMENT)):
                start = _PAGE.size + at * _LEAF_ELEMENT.size + position
                end = start + key_size + value_size
                if end > len(page):
                    raise self._broken()
                yield bool(kind & 1), page[start : start + key_size], page[start + key_size : end]
        else:
            raise self._broken()

    def _items(self, page: bytes, count: int, form: struct.Struct) -> Iterator[tuple[int, ...]]:
        self._keys -= count
        end = _PAGE.size + count * form.size
        if self._keys < 0:
            raise LimitExceeded(f"{str(self._path)!a} holds more than {MAX_KEYS} keys")
        if end > len(page):
            raise self._broken()
        return form.iter_unpack(page[_PAGE.size : end])

    def _read(self, number: int, size: int) -> bytes:
        self._bytes -= size
        if self._bytes < 0:
            raise LimitExceeded(f"{str(self._path)!a}: more than {MAX_BYTES} bytes to read")
        page = os.pread(self._file, size, number * self._meta.page_size) if 1 < number < self._meta.pages else b""
        if len(page) < size:
            raise self._broken()
        return page

    def _broken(self) -> Malformed:
        return _broken(self._path)


def _newest(file: int, path: Path) -> _Meta:
    """Return the last commit: of the two that begin the file the later whole one.

    The first tells where the second is.
    """
    first = _meta(os.pread(file, _PAGE_SIZES[0], 0))
    sizes = [first.page_size] if first else _PAGE_SIZES
    found = [first] + [_meta(os.pread(file, _PAGE_SIZES[0], size)) for size in sizes]
    whole = [meta for meta in found if meta is not None and meta.page_size in _PAGE_SIZES]
    if not whole:
        raise _broken(path)
    return max(whole)


def _meta(page: bytes) -> _Meta | None:
    """Return what a page says of a commit; None where it is none, or torn."""
    end = _PAGE.size + _META.size
    if len(page) < end + _SUM.size:
        return None
    magic, version, page_size, _, root, _, _, pages, commit = _META.unpack_from(page, _PAGE.size)
    whole = _SUM.unpack_from(page, end)[0] == _fnv1a(page[_PAGE.size : end])
    return _Meta(commit, page_size, root, pages) if whole and (magic, version) == (_MAGIC, _VERSION) else None


def _fnv1a(content: bytes) -> int:
    """FNV-1a in 64 bits."""
    total = 0xCBF29CE484222325
    for byte in content:
        total = (total ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return total


def _broken(path: Path) -> Malformed:
    return Malformed(f"{str(path)!a} is no usable bolt database")
