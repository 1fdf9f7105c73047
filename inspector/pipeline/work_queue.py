"""What an audit has still to do, in a temporary file, so that memory does not grow with the number of tags."""

from __future__ import annotations

import sqlite3
import threading
import zlib
from collections.abc import Iterator
from enum import IntEnum
from typing import Any

import msgspec

from inspector.layers.blob import Scanned
from inspector.pipeline.executor import Failure, Unit
from inspector.pipeline.pending import Pending
from inspector.policy.audited import Left, Planned

_SCHEMA = """
CREATE TABLE image (id INTEGER PRIMARY KEY, key BLOB UNIQUE, content BLOB, needs INTEGER, missing INTEGER DEFAULT 0);
CREATE TABLE name (id INTEGER PRIMARY KEY, image INTEGER, tag TEXT, UNIQUE (image, tag));
CREATE TABLE layer (id INTEGER PRIMARY KEY, diff_id TEXT UNIQUE, unit BLOB, size INTEGER, state INTEGER,
  failure BLOB, bytes INTEGER DEFAULT 0, how TEXT);
CREATE TABLE uses (layer INTEGER, image INTEGER, PRIMARY KEY (layer, image)) WITHOUT ROWID;
CREATE TABLE tag (id INTEGER PRIMARY KEY, list INTEGER, tag TEXT);
CREATE INDEX listed ON tag (list, id);
CREATE INDEX used ON uses (image, layer);
CREATE INDEX ready ON image (missing, id);
"""
"""`needs`: the verdict on the image hangs on its layers. `missing`: how many of these still have to be read, once the
plan stands; 0 is ready to be judged, `_JUDGED` was, `_SKIPPED` never will be. `list`: the number that `add_tags` gave.
"""
_JUDGED, _SKIPPED = -1, 1_000_000
_NEEDED = "EXISTS (SELECT 1 FROM uses JOIN image ON image.id = uses.image WHERE uses.layer = layer.id AND needs)"
_UNIT = msgspec.msgpack.Decoder(Unit)
_PENDING = msgspec.msgpack.Decoder(Pending)
_FAILURE = msgspec.msgpack.Decoder(Failure)
_BATCH = 64
"""Rows that are read or written by one statement."""
_MET = 256
"""Images whose rows are known without asking the database."""
_LEVEL = 1
"""Of zlib, from 1 to 9: the fastest."""


class State(IntEnum):
    """How far a layer is: still to be read, in the cache from before, read or failed now, skipped for a bound."""

    UNREAD = 0
    KNOWN = 1
    READ = 2
    FAILED = 3
    SKIPPED = 4


class Waiting(msgspec.Struct, frozen=True):
    """An image that can be judged now, and the tags that lead to it, in the order they were met."""

    id: int
    pending: Pending
    tags: tuple[str, ...]
    needs: bool


class LayerState(msgspec.Struct, frozen=True):
    """How far a layer is: its failure, or the bytes that it took and the way; `unit` is where it was looked for."""

    state: State
    failure: Failure | None
    bytes: int
    how: str
    unit: Unit


class WorkQueue:
    """The images and layers of one audit; from any thread. The caller closes it, and its file is gone."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._lock = threading.RLock()
        self._lists = 0
        self._met: dict[bytes, tuple[int, bool]] = {}
        self._names: list[tuple[int, str]] = []
        self._database.execute("PRAGMA journal_mode = OFF").fetchall()
        self._database.executescript(_SCHEMA)
        self._database.execute("BEGIN")  # one transaction for all: the file outlives nothing

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._database.close()

    def add_tags(self, tags: list[str]) -> int:
        """Queue a list of tags that are still to be asked for; return its number."""
        with self._lock:
            self._lists += 1
            rows = ((self._lists, tag) for tag in tags)
            self._database.executemany("INSERT INTO tag (list, tag) VALUES (?, ?)", rows)
            return self._lists

    def tags(self, number: int) -> Iterator[str]:
        """Yield the tags of a list, in its order."""
        yield from self._batches("SELECT id, tag FROM tag WHERE list = ? AND id > ?", number)

    def add(self, pending: Pending, tag: str, *, needs: bool) -> list[Unit]:
        """Queue an image under one of its tags; return its layers that were not met before.

        `needs` says whether the verdict on it under this tag hangs on its layers.
        """
        with self._lock:
            key = pending.key
            met = self._met.get(key) or self._one("SELECT id, needs FROM image WHERE key = ?", key)
            if met is not None:
                image, needed = met
                if needs and not needed:
                    self._database.execute("UPDATE image SET needs = 1 WHERE id = ?", (image,))
                new = []
            else:
                content = zlib.compress(msgspec.msgpack.encode(pending), _LEVEL)
                query = "INSERT INTO image (key, content, needs) VALUES (?, ?, ?)"
                image, needed = self._database.execute(query, (key, content, needs)).lastrowid, False
                new = [unit for unit in pending.units if self._use(image, unit)]
            self._remember(key, image, needed=needs or bool(needed))
            self._name(image, tag)
            return new

    def mark(self, unit: Unit, state: State) -> None:
        """Set how far a layer is; one that is skipped keeps the images that need it waiting."""
        self._set("UPDATE layer SET state = ? WHERE diff_id = ?", state, unit.diff_id)

    def plan(self, asked: Planned) -> Planned:
        """Complete the plan, now that all is queued; from now on images wait for their layers."""
        with self._lock:
            self._write_names()
            missing = "SELECT count(*) FROM uses JOIN layer ON layer.id = uses.layer WHERE uses.image = image.id"
            unread_of = f"({missing} AND state = {State.UNREAD:d})"
            self._database.execute(f"UPDATE image SET missing = {unread_of} WHERE needs")  # noqa: S608
            ((images, unread),) = self._all("SELECT count(*), ifnull(sum(NOT needs), 0) FROM image")
            layers_known, bytes_known = self._needed(State.KNOWN)
            layers_unread, bytes_unread = self._needed(State.UNREAD)
        return msgspec.structs.replace(
            asked,
            images=images,
            unread=unread,
            layers=layers_known + layers_unread,
            layers_known=layers_known,
            bytes_known=bytes_known,
            bytes_to_fetch=bytes_unread,
        )

    def layers_to_read(self) -> Iterator[Unit]:
        """Yield the layers that are to be read, in the order they were met."""
        query = f"SELECT id, unit FROM layer WHERE state = ? AND {_NEEDED} AND id > ?"  # noqa: S608
        yield from map(_UNIT.decode, self._batches(query, State.UNREAD))

    def finish_layer(self, unit: Unit, outcome: Scanned | Failure) -> None:
        """Take a layer that was read, or failed, off the queue: no image waits for it any more."""
        if isinstance(outcome, Failure):
            query = "UPDATE layer SET state = ?, failure = ? WHERE diff_id = ?"
            self._set(query, State.FAILED, msgspec.msgpack.encode(outcome), unit.diff_id)
        else:
            query = "UPDATE layer SET state = ?, bytes = ?, how = ? WHERE diff_id = ?"
            self._set(query, State.READ, outcome.bytes_read, outcome.how, unit.diff_id)
        users = "SELECT image FROM uses WHERE layer = (SELECT id FROM layer WHERE diff_id = ?)"
        self._set(f"UPDATE image SET missing = missing - 1 WHERE needs AND id IN ({users})", unit.diff_id)  # noqa: S608

    def next_image(self) -> Waiting | None:
        """Return the first image that can be judged, if there is any; `finish_image` or `skip_image` takes it off."""
        with self._lock:
            self._write_names()
            row = self._one("SELECT id, content, needs FROM image WHERE missing = 0 ORDER BY id LIMIT 1")
            if row is None:
                return None
            tags = self._all("SELECT tag FROM name WHERE image = ? ORDER BY id", row[0])
        return Waiting(row[0], _PENDING.decode(zlib.decompress(row[1])), tuple(tag for (tag,) in tags), bool(row[2]))

    def finish_image(self, image: int) -> None:
        """Take an image off the queue."""
        with self._lock:
            self._database.execute("DELETE FROM name WHERE image = ?", (image,))
            self._database.execute("UPDATE image SET missing = ?, content = NULL WHERE id = ?", (_JUDGED, image))

    def skip_image(self, image: int) -> None:
        """Leave an image unjudged: a bound keeps what it needs after all from being read."""
        self._set("UPDATE image SET missing = ? WHERE id = ?", _SKIPPED, image)

    def layer(self, diff_id: str) -> LayerState:
        """Tell how far a layer is that was queued."""
        row = self._one("SELECT state, failure, bytes, how, unit FROM layer WHERE diff_id = ?", diff_id)
        assert row is not None
        failure = _FAILURE.decode(row[1]) if row[1] is not None else None
        return LayerState(State(row[0]), failure, row[2], row[3] or "", _UNIT.decode(row[4]))

    def left(self, why: str, tags: int) -> Left:
        """Sum up what was not done."""
        with self._lock:
            ((images,),) = self._all("SELECT count(*) FROM image WHERE missing > 0")
            layers, size = self._needed(State.UNREAD, State.SKIPPED)
        return Left(why=why, tags=tags, images=images, layers=layers, bytes=size)

    def _needed(self, *states: State) -> tuple[int, int]:
        """Count the layers in these states that images need, and their bytes."""
        marks = ", ".join("?" * len(states))
        query = f"SELECT count(*), ifnull(sum(size), 0) FROM layer WHERE state IN ({marks}) AND {_NEEDED}"  # noqa: S608
        ((layers, size),) = self._all(query, *states)
        return layers, size

    def _remember(self, key: bytes, image: int, *, needed: bool) -> None:
        """Keep the last images in memory: the tags that lead to one come close to one another."""
        self._met[key] = image, needed
        if len(self._met) > _MET:
            del self._met[next(iter(self._met))]

    def _name(self, image: int, tag: str) -> None:
        """Queue a name; each statement costs a wait for the interpreter, where many threads ask registries."""
        self._names.append((image, tag))
        if len(self._names) >= _BATCH:
            self._write_names()

    def _write_names(self) -> None:
        if not self._names:
            return
        self._database.executemany("INSERT OR IGNORE INTO name (image, tag) VALUES (?, ?)", self._names)
        self._names.clear()

    def _use(self, image: int | None, unit: Unit) -> bool:
        """Have the image wait for a layer; tell whether that was not met before."""
        row = self._one("SELECT id FROM layer WHERE diff_id = ?", unit.diff_id)
        if row is None:
            query = "INSERT INTO layer (diff_id, unit, size, state) VALUES (?, ?, ?, ?)"
            values = (unit.diff_id, msgspec.msgpack.encode(unit), unit.size, State.UNREAD)
            layer = self._database.execute(query, values).lastrowid
        else:
            layer = row[0]
        self._database.execute("INSERT OR IGNORE INTO uses VALUES (?, ?)", (layer, image))
        return row is None

    def _batches(self, query: str, *values: Any) -> Iterator[Any]:
        """Yield the second column, a batch at a time, of a query that ends with a bound on `id`, its first."""
        last = -1
        while rows := self._all(f"{query} ORDER BY id LIMIT {_BATCH}", *values, last):
            yield from (found for _, found in rows)
            last = rows[-1][0]

    def _set(self, query: str, *values: Any) -> None:
        with self._lock:
            self._database.execute(query, values)

    def _all(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._database.execute(query, values).fetchall()

    def _one(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        with self._lock:
            row: tuple[Any, ...] | None = self._database.execute(query, values).fetchone()
            return row
