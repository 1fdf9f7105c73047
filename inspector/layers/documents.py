"""Manifests and configs kept between runs, by digest: what a registry said once, it need not say again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from inspector.errors import DigestMismatch
from inspector.layers.store import Store
from inspector.oci import check_digest

if TYPE_CHECKING:
    import sqlite3

MAX_BYTES = 128 << 20
"""What is kept of all documents together, in bytes; an image has some 10,000."""
MAX_ONE = 1 << 20
"""The largest document that is kept, in bytes."""

_WEIGHED = 64
"""The part of the bound, one in so many, put between two looks at the sum of all: with 100,000 these take time."""
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

    What it answers was hashed anew. It never makes a run fail: see `IndexCache`.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        self._store = Store(folder / f"documents-{_FORMAT}.sqlite", _SCHEMA, _FORMAT)
        self._max_bytes = max_bytes
        self._unweighed = max_bytes

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why it was not used, or not fully."""
        return self._store.warnings

    def get(self, digest: str) -> bytes | None:
        """The document of that digest, if it is here and undamaged."""
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
        if len(content) > MAX_ONE:
            return
        row = (digest, int(time.time()), len(content), content)

        def store(database: sqlite3.Connection) -> None:
            database.execute("INSERT OR REPLACE INTO document VALUES (?, ?, ?, ?)", row)
            self._unweighed += len(content)
            if self._unweighed < self._max_bytes // _WEIGHED:
                return
            self._unweighed = 0
            (total,) = database.execute("SELECT sum(bytes) FROM document").fetchone()
            if total > self._max_bytes:
                older = "SELECT digest FROM document ORDER BY made LIMIT max(1, (SELECT count(*) / 4 FROM document))"
                database.execute(f"DELETE FROM document WHERE digest IN ({older})")  # noqa: S608 - text of ours

        self._store.change(store, None)

    def clear(self) -> None:
        """Take out everything."""
        if not self._store.path.exists():
            return
        self._store.change(lambda database: database.execute("DELETE FROM document"), None)
        if self._store.corrupt:
            self._store.delete()
        else:
            self._store.shrink()

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()
