"""Manifests and configs kept between runs, by digest: what a registry said once, it need not say again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from inspector.errors import DigestMismatch
from inspector.layers.bounded import Bounded
from inspector.oci import check_digest

if TYPE_CHECKING:
    import sqlite3

MAX_BYTES = 1 << 30
"""What is kept of all documents together, in bytes: those of 100,000 images."""
MAX_ONE = 1 << 20
"""The largest document that is kept, in bytes."""

_WEIGHED = 64
"""The part of the bound, one in so many, put between two looks at the sum of all: with 100,000 these take time."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS document (
  digest TEXT PRIMARY KEY,
  made INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  content BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS document_made ON document (made, bytes)
"""


class DocumentCache(Bounded):
    """Documents by digest. What it answers was hashed again."""

    name, age, schema = "document", "made", _SCHEMA
    tables = ("document",)

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        super().__init__(folder, max_bytes)

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
