"""Manifests and configs kept between runs, by digest: what a registry said once, it need not say again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from inspector.errors import DigestMismatch
from inspector.layers.store import Parameter, Store
from inspector.oci import check_digest

if TYPE_CHECKING:
    import sqlite3

MAX_BYTES = 1 << 30
"""What is kept of all documents together, in bytes: those of 100,000 images."""
MAX_ONE = 1 << 20
"""The largest document that is kept, in bytes."""

_WEIGHED = 64
"""The part of the bound, one in so many, put between two looks at the sum of all: with 100,000 these take time."""
_KEPT_AFTER_EVICTION = 0.9
"""The part of the bound that is left, so that not every new document evicts one."""
_COUNTED = "count(*), ifnull(sum(bytes), 0)"
_FORMAT = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS document (
  digest TEXT PRIMARY KEY,
  made INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  content BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS document_made ON document (made, bytes)
"""


class DocumentCache:
    """Documents by digest, in a file of their own beside the layers'; threads and processes may share it.

    What it answers was hashed again. It never makes a run fail: see `IndexCache`.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        self._store = Store(folder / f"documents-{_FORMAT}.sqlite", _SCHEMA, _FORMAT)
        self._max_bytes = max_bytes
        self._weight: int | None = None
        self._unweighed = 0
        self.is_changed = False

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why it was not used, or not fully."""
        return self._store.warnings

    def get(self, digest: str) -> bytes | None:
        """Return the document of that digest, if it is here and undamaged."""
        rows = self._store.ask("SELECT content FROM document WHERE digest = ?", (digest,))
        content = rows[0][0] if rows else None
        if not isinstance(content, bytes):
            return None
        try:
            check_digest(content, digest, "a document in the cache")
        except DigestMismatch:
            return None
        return content

    def put(self, digest: str, content: bytes) -> None:
        """Keep a document, which was checked against its digest; the oldest make room."""
        if len(content) > min(MAX_ONE, self._max_bytes):
            return
        row = (digest, int(time.time()), len(content), content)

        def store(database: sqlite3.Connection) -> None:
            database.execute("INSERT OR REPLACE INTO document VALUES (?, ?, ?, ?)", row)
            self._unweighed += len(content)
            if self._weight is None or self._unweighed >= self._max_bytes // _WEIGHED:
                self._evict(database)

        self._store.change(store, None)
        self.is_changed = True

    def weight(self) -> int:
        """Return bytes of all documents, or a little less; other processes' since the last look don't count."""
        if self._weight is None:
            self._weight = self.held()[1]
        return self._weight + self._unweighed

    def held(self) -> tuple[int, int]:
        """Say how many documents there are, and their bytes."""
        if not self._store.path.exists():
            return 0, 0
        return _pair(self._store.ask(f"SELECT {_COUNTED} FROM document"))  # noqa: S608 - text of ours

    def disk_bytes(self) -> int:
        """Return what the file and its journals take."""
        return self._store.disk_bytes()

    def prune(self) -> tuple[int, int]:
        """Take out what is past the bound, and give the disk space back; how many documents went, and their bytes."""
        if not self._store.path.exists():
            return 0, 0
        removed = self._store.change(self._evict, (0, 0))
        self._store.shrink()
        return removed

    def clear(self) -> tuple[int, int]:
        """Take out everything; how many documents went, and their bytes."""
        if not self._store.path.exists():
            return 0, 0
        held = self.held()
        self._store.clear("document")
        self._weight, self._unweighed = 0, 0
        return held

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()
        self.is_changed = False

    def _evict(self, database: sqlite3.Connection) -> tuple[int, int]:
        """Say where the bound is passed, delete the oldest down to a little below it.

        How many went, and their bytes.
        """
        (total,) = database.execute("SELECT ifnull(sum(bytes), 0) FROM document").fetchone()
        gone: list[tuple[int]] = []
        freed = 0
        excess = total - self._max_bytes * _KEPT_AFTER_EVICTION if total > self._max_bytes else 0
        for row, size in database.execute("SELECT rowid, bytes FROM document ORDER BY made, rowid"):
            if freed >= excess:
                break
            gone.append((row,))
            freed += size
        database.executemany("DELETE FROM document WHERE rowid = ?", gone)
        self._weight, self._unweighed = total - freed, 0
        return len(gone), freed


def _pair(rows: list[tuple[Parameter, ...]]) -> tuple[int, int]:
    count, total = rows[0] if rows else (0, 0)
    return (count, total) if isinstance(count, int) and isinstance(total, int) else (0, 0)
