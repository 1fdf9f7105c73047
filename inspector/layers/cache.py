"""Layer indexes kept between runs, by digest.

The cache never makes an answer wrong and never makes a run fail: whatever is the matter with it ends in
a line of `warnings`, and layers are read again.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from inspector import log
from inspector.errors import NoHome, UsageError
from inspector.home import home_directory
from inspector.layers import object_rows
from inspector.layers.answers import MAX_BYTES as MAX_ANSWERS
from inspector.layers.answers import AnswerCache
from inspector.layers.documents import MAX_BYTES as MAX_DOCUMENTS
from inspector.layers.documents import DocumentCache
from inspector.layers.held import CacheInfo, Removed
from inspector.layers.store import Parameter, Store

if TYPE_CHECKING:
    import sqlite3

    from inspector.layers.entry import LayerIndex

DEFAULT_BYTES = 1 << 30
"""The bound on what is kept, in bytes of packed indexes and of documents."""

_ANSWERS_SHARE = 8
"""The part of the bound, one in so many, that answers may take; layers have what these leave."""
_FORMAT = 3
_FILE = "layers-1.sqlite"  # older programs use it too, and leave what they don't know
_SCHEMA = """
CREATE TABLE IF NOT EXISTS layer (
  diff_id TEXT NOT NULL,
  identity TEXT NOT NULL,
  scanner INTEGER NOT NULL,
  blob_digest TEXT,
  used INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  content BLOB NOT NULL,
  PRIMARY KEY (diff_id, identity)
);
CREATE INDEX IF NOT EXISTS layer_blob ON layer (blob_digest) WHERE blob_digest IS NOT NULL;
CREATE INDEX IF NOT EXISTS layer_used ON layer (used, bytes)
"""
_VERIFIED = ""
_TOUCH_SECONDS = 3600
"""How old the note of a layer's last use may grow before it is written again: a write for each read would be dear."""
_LARGEST_SHARE = 4
"""The part of the bound, one in so many, that a single index may take."""
_KEPT_AFTER_EVICTION = 0.9
"""The part of the bound that is left, so that not every new layer evicts one."""
_DOCUMENTS_SHARE = 4
"""The part of the bound, one in so many, that documents may take; layers have what these leave."""


class IndexCache:
    """Indexes by diff_id; one that was not verified answers only for the very bytes that it was made from.

    `documents` are registries' manifests and configs, and `answers` what was found out of images, each in a file
    beside; `max_bytes` bounds all together.
    The file is opened at the first question. Threads and processes may share it; the caller closes it.
    """

    def __init__(self, path: Path, max_bytes: int = DEFAULT_BYTES) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self.documents = DocumentCache(path.parent, min(max_bytes // _DOCUMENTS_SHARE, MAX_DOCUMENTS))
        self.answers = AnswerCache(path.parent, min(max_bytes // _ANSWERS_SHARE, MAX_ANSWERS))
        self._store = Store(path, f"{_SCHEMA};{object_rows.SCHEMA}", _FORMAT)
        self._is_changed = False
        self._touched: set[tuple[str, str]] = set()
        self._judged: set[tuple[str, str, int]] = set()
        self._lock = threading.Lock()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why the cache was not used, or not fully; each reason once."""
        return (*self._store.warnings, *self.documents.warnings, *self.answers.warnings)

    def get_verified(self, diff_id: str) -> LayerIndex | None:
        """Return the index of the layer that was read whole and hashed to `diff_id`."""
        return self._get("diff_id = ? AND identity = ?", diff_id, _VERIFIED)

    def get_unverified(self, diff_id: str, identity: str) -> LayerIndex | None:
        """Return the index made earlier of exactly the bytes that `identity` names (see `LayerBlob.identity`)."""
        return self._get("diff_id = ? AND identity = ?", diff_id, identity) if identity else None

    def knows(self, digest: str) -> bool:
        """Tell whether there is a verified index of the layer that hashes to `digest`, unpacked or as stored."""
        query = "SELECT 1 FROM layer WHERE scanner = ? AND identity = ? AND (diff_id = ? OR blob_digest = ?) LIMIT 1"
        return bool(self._store.ask(query, (_scanner(), _VERIFIED, digest, digest)))

    def is_usable(self) -> bool:
        """Tell whether it can be read and written as things stand."""
        return self._store.change(lambda _: True, otherwise=False)

    def has(self, diff_id: str, identity: str | None, *, verified: bool) -> bool:
        """Look for an index of the layer: a verified one, or, unless that is asked for, one of these bytes."""
        query = "SELECT 1 FROM layer WHERE scanner = ? AND diff_id = ? AND identity IN (?, ?) LIMIT 1"
        other = _VERIFIED if verified or not identity else identity
        return bool(self._store.ask(query, (_scanner(), diff_id, _VERIFIED, other)))

    def put(self, index: LayerIndex, identity: str | None, packed: bytes | None = None) -> None:
        """Keep `index`, and evict what was not used for longest; without an `identity`, only if it is verified.

        `packed` is what `codec.encode` makes of it, where that is known.
        """
        if not index.verified and not identity:
            return
        from inspector.layers import codec

        try:
            content = packed or codec.encode(index)
        except ValueError:
            return
        passed = object_rows.pack_passed(index.objects.symbols)
        size = len(content) + len(passed)
        if size > self.max_bytes // _LARGEST_SHARE:
            return
        key = _key(index, identity)
        row = (index.diff_id, key, index.scanner, index.blob_digest, _now(), size, content)

        def store(database: sqlite3.Connection) -> None:
            if index.verified:
                database.execute("DELETE FROM layer WHERE diff_id = ?", (index.diff_id,))
            database.execute("INSERT OR REPLACE INTO layer VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            object_rows.put_passed(database, row[:3], passed)
            _evict(database, room)

        room = self._room()
        self._store.change(store, None)
        self._is_changed = True

    def read_later(self, index: LayerIndex, identity: str | None) -> dict[int, bytes]:
        """Return what is kept of a layer's ELF files since they were asked for, by keys."""
        return object_rows.get(self._store, "symbols", _row_key(index, identity))

    def passed(self, index: LayerIndex, identity: str | None) -> dict[int, bytes]:
        """Return the packed symbols of a layer's files by position, if it went by and no image of it was judged since.

        They are for a run that reads layers first, and judges images then.
        """
        return object_rows.get(self._store, "passed", _row_key(index, identity))

    def put_later(self, index: LayerIndex, identity: str | None, found: Mapping[int, bytes]) -> None:
        """Keep what was asked for of a layer's ELF files besides what is kept, if its index is.

        What went by of them is not needed after this run.
        """
        key = _row_key(index, identity)
        with self._lock:
            self._judged.add(key)
        if not found:
            return

        def store(database: sqlite3.Connection) -> None:
            object_rows.put(database, key, found, self.max_bytes // _LARGEST_SHARE)
            _evict(database, room)

        room = self._room()
        self._store.change(store, None)
        self._is_changed = True

    def info(self) -> CacheInfo:
        """Return what the cache holds now."""
        rows = self._store.ask("SELECT count(*), ifnull(sum(bytes), 0) FROM layer")
        layers, total = (_int(value) for value in (rows[0] if rows else (0, 0)))
        documents, size = self.documents.held()
        images, weight = self.answers.held()
        return CacheInfo(
            path=str(self.path),
            images=images,
            layers=layers,
            documents=documents,
            bytes=total + size + weight,
            max_bytes=self.max_bytes,
            disk_bytes=self._disk_bytes(),
        )

    def prune(self, rules: str | None = None) -> Removed:
        """Take out what another version made and what is past the bound, and give the disk space back.

        Of images' facts, those stay that were found by the `rules`, or all where none are named.
        """
        documents, size = self.documents.prune()
        images, weight = self.answers.prune(rules)
        room = self._room()

        def outdated(database: sqlite3.Connection) -> tuple[int, int]:
            stale = _delete(database, "scanner <> ?", _scanner())
            late = _evict(database, room)
            return stale[0] + late[0], stale[1] + late[1]

        layers, freed = self._store.change(outdated, (0, 0))
        self._store.shrink()
        return Removed(layers, documents, freed + size + weight, images)

    def clear(self) -> Removed:
        """Take out everything; a file that is no usable database any more is deleted."""
        documents, size = self.documents.clear()
        images, weight = self.answers.clear()
        layers, freed = self._store.change(lambda database: _delete(database, "?", 1), (0, 0))
        if self._store.corrupt:
            self._store.delete()
        else:
            self._store.shrink()
        return Removed(layers, documents, freed + size + weight, images)

    def close(self) -> None:
        """Note which layers were of use, keep to the bound if anything was added, and let the files go."""
        with self._lock:
            used = [(_now(), *key) for key in self._touched]
            judged = list(self._judged)
            self._touched.clear()
            self._judged.clear()
        if used:
            query = "UPDATE layer SET used = ? WHERE diff_id = ? AND identity = ?"
            self._store.change(lambda database: database.executemany(query, used), None)
        if judged:
            self._drop_passed(judged)
        if self._is_changed or self.documents.is_changed or self.answers.is_changed:
            self._keep_to_bound()
        for each in (self._store, self.documents, self.answers):
            each.close()

    def _drop_passed(self, judged: list[tuple[str, str, int]]) -> None:
        """Let go of the symbols that went by of layers whose images were judged; what these need is kept."""
        if self._store.change(lambda database: object_rows.drop_passed(database, judged), 0):
            self._store.shrink()

    def _room(self) -> int:
        """Return bytes that layers may take."""
        return max(self.max_bytes - self.documents.weight() - self.answers.weight(), 0)

    def _disk_bytes(self) -> int:
        return self._store.disk_bytes() + self.documents.disk_bytes() + self.answers.disk_bytes()

    def _keep_to_bound(self) -> None:
        """Evict what is past the bound; where the files take more than that all the same, give their space back."""
        room, exists = self._room(), self._store.path.exists()
        if exists:
            self._store.change(lambda database: _evict(database, room), (0, 0))
        if self._disk_bytes() > self.max_bytes:
            self.documents.prune()
            self.answers.prune()
            if exists:
                self._store.shrink()
        self._is_changed = False

    def _get(self, where: str, *values: str) -> LayerIndex | None:
        query = "SELECT diff_id, identity, used, content FROM layer WHERE scanner = ? AND "
        rows = self._store.ask(query + where + " LIMIT 1", (_scanner(), *values))
        if not rows:
            return None
        from inspector.layers import codec

        diff_id, identity, used, content = rows[0]
        index = codec.decode(content) if isinstance(content, bytes) else None
        if index is None or (index.diff_id, index.scanner) != (diff_id, _scanner()):
            return None
        if index.verified is not (identity == _VERIFIED):
            return None
        if _now() - _int(used) > _TOUCH_SECONDS:
            with self._lock:
                self._touched.add((index.diff_id, str(identity)))
        return index


def default_cache(folder: str | os.PathLike[str] | None = None) -> IndexCache:
    """Open the user's cache: in `folder`, else in `INSPECTOR_CACHE_DIR`; bounded by `INSPECTOR_CACHE_SIZE`.

    Raises `UsageError` for an invalid size, `NoHome` for a user without a home directory.
    """
    folder = folder or os.environ.get("INSPECTOR_CACHE_DIR")
    if not folder:
        from platformdirs import user_cache_dir  # 21 ms, needed only here

        if home_directory() is None and not os.environ.get("XDG_CACHE_HOME"):
            raise NoHome("no home directory to keep the cache in; set INSPECTOR_CACHE_DIR or HOME")
        folder = user_cache_dir("inspector", appauthor=False)
    log.debug("layers", "the cache lies in %s", folder)
    return IndexCache(Path(folder) / _FILE, _bound(os.environ.get("INSPECTOR_CACHE_SIZE")))


def _bound(text: str | None) -> int:
    if not text:
        return DEFAULT_BYTES
    from inspector.sizes import parse_size

    try:
        return parse_size(text)
    except ValueError as error:
        raise UsageError(f"INSPECTOR_CACHE_SIZE: {error}") from None


def _evict(database: sqlite3.Connection, max_bytes: int) -> tuple[int, int]:
    """Say where the bound is passed, delete the longest unused down to a little below it."""
    (total,) = database.execute("SELECT ifnull(sum(bytes), 0) FROM layer").fetchone()
    excess = total - max_bytes * _KEPT_AFTER_EVICTION if total > max_bytes else 0
    gone: list[tuple[int]] = []
    freed = 0
    for row, size in database.execute("SELECT rowid, bytes FROM layer ORDER BY used, rowid"):
        if freed >= excess:
            break
        gone.append((row,))
        freed += size
    database.executemany("DELETE FROM layer WHERE rowid = ?", gone)
    object_rows.drop_gone(database)
    return len(gone), freed


def _delete(database: sqlite3.Connection, where: str, value: Parameter) -> tuple[int, int]:
    query = "SELECT count(*), ifnull(sum(bytes), 0) FROM layer WHERE "
    layers, total = database.execute(query + where, (value,)).fetchone()
    database.execute("DELETE FROM layer WHERE " + where, (value,))  # noqa: S608 - conditions are this module's own
    object_rows.drop_gone(database)
    return layers, total


def _key(index: LayerIndex, identity: str | None) -> str:
    return _VERIFIED if index.verified else identity or ""


def _row_key(index: LayerIndex, identity: str | None) -> tuple[str, str, int]:
    return index.diff_id, _key(index, identity), index.scanner


def _scanner() -> int:
    from inspector.layers.entry import SCANNER_VERSION  # what is known by content is answered without layers

    return SCANNER_VERSION


def _now() -> int:
    return int(time.time())


def _int(value: Parameter) -> int:
    return value if isinstance(value, int) else 0
