"""What was found out of images, kept between runs by content, and which digest a registry's tags had last."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from inspector.layers.store import Parameter, Store

if TYPE_CHECKING:
    import sqlite3

MAX_BYTES = 1 << 28
"""What is kept of all answers together, in bytes: those of some 20,000 images."""
MAX_ONE = 4 << 20
"""The largest answer that is kept, in bytes."""
MAX_ANSWERS = 16
"""Answers to one question about one image, each from other copies of it."""
MAX_TAGS = 1_000_000
"""Tags whose digests are returned by one question."""

_TOUCH_SECONDS = 3600
"""How old the note of an answer's last use may grow before it is written again."""
_KEPT_AFTER_EVICTION = 0.9
_FORMAT = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answer (
  image TEXT NOT NULL,
  question TEXT NOT NULL,
  rules TEXT NOT NULL,
  layers TEXT NOT NULL,
  made INTEGER NOT NULL,
  used INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  content BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS answer_image ON answer (image, question);
CREATE INDEX IF NOT EXISTS answer_used ON answer (used, bytes);
CREATE TABLE IF NOT EXISTS rules (
  files TEXT PRIMARY KEY,
  rules TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS tag (
  repository TEXT NOT NULL,
  tag TEXT NOT NULL,
  digest TEXT NOT NULL,
  seen INTEGER NOT NULL,
  PRIMARY KEY (repository, tag)
) WITHOUT ROWID
"""


class Answer(NamedTuple):
    """What was found, and when, in seconds since 1970.

    `layers` has a line for each layer: the identity of the bytes that were read, empty for one that was verified. It
    is empty as a whole where all of them were.
    """

    layers: str
    made: int
    content: bytes


class SeenTag(NamedTuple):
    """A tag of a repository (with its host), the digest that it had, and when, in seconds since 1970."""

    repository: str
    tag: str
    digest: str
    seen: int


class AnswerCache:
    """Answers by the digest of an image's config, the question, and the rules that the answer was found by.

    They lie in a file of their own beside the layers'; threads and processes may share it. It never makes a run fail:
    see `IndexCache`.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        self._store = Store(folder / f"answers-{_FORMAT}.sqlite", _SCHEMA, _FORMAT)
        self._max_bytes = max_bytes
        self._weight: int | None = None
        self.is_changed = False

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why it was not used, or not fully."""
        return self._store.warnings

    def find(self, image: str, question: str, rules: str) -> list[Answer]:
        """Return the answers to a question about an image, one of verified layers first."""
        query = (
            "SELECT layers, made, content, used, rowid FROM answer "
            "WHERE image = ? AND question = ? AND rules = ? ORDER BY layers"
        )
        found, used = [], []
        for layers, made, content, last, row in self._ask(query, (image, question, rules)):
            if isinstance(content, bytes):
                found.append(Answer(str(layers), _int(made), content))
                used += [(_now(), row)] if _now() - _int(last) > _TOUCH_SECONDS else []
        if used:
            update = "UPDATE answer SET used = ? WHERE rowid = ?"
            self._store.change(lambda database: database.executemany(update, used), None)
        return found

    def put(self, image: str, question: str, rules: str, answer: Answer) -> None:
        """Keep an answer in place of an earlier one; the longest unused make room."""
        size = len(answer.content) + len(answer.layers)
        if size > min(MAX_ONE, self._max_bytes):
            return
        row = (image, question, rules, answer.layers, answer.made, _now(), size, answer.content)

        def store(database: sqlite3.Connection) -> None:
            for clause, value in (("rules <> ?", rules), ("layers = ?", answer.layers)):
                database.execute(f"DELETE FROM answer WHERE image = ? AND question = ? AND {clause}", (*row[:2], value))  # noqa: S608 - text of ours
            database.execute("INSERT INTO answer VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
            others = "SELECT rowid FROM answer WHERE image = ? AND question = ? ORDER BY used DESC, rowid DESC LIMIT -1"
            database.execute(
                f"DELETE FROM answer WHERE rowid IN ({others} OFFSET {MAX_ANSWERS})",  # noqa: S608 - text of ours
                row[:2],
            )
            self._evict(database)

        self._store.change(store, None)
        self.is_changed = True

    def rules_of(self, files: str) -> str | None:
        """Return the version of the rules that was found for program files of this description, if it was."""
        rows = self._ask("SELECT rules FROM rules WHERE files = ?", (files,))
        return str(rows[0][0]) if rows else None

    def put_rules(self, files: str, rules: str) -> None:
        """Keep the version of the rules of these program files, beside those of a few others."""

        def store(database: sqlite3.Connection) -> None:
            database.execute("INSERT OR REPLACE INTO rules VALUES (?, ?)", (files, rules))
            kept = f"SELECT rowid FROM rules ORDER BY rowid DESC LIMIT {MAX_ANSWERS}"  # noqa: S608 - text of ours
            database.execute(f"DELETE FROM rules WHERE rowid NOT IN ({kept})")  # noqa: S608 - text of ours

        self._store.change(store, None)

    def note_tags(self, tags: Iterable[SeenTag]) -> None:
        """Remember which digests tags had."""
        rows = list(tags)
        insert = "INSERT OR REPLACE INTO tag VALUES (?, ?, ?, ?)"
        self._store.change(lambda database: database.executemany(insert, rows), None)

    def forget_tags(self, repository: str, listed: Iterable[str]) -> None:
        """Forget the tags of a repository (with its host) that it doesn't list any more."""
        host, _, name = repository.partition("/")
        gone = [(repository, tag) for tag in {each.tag for each in self.tags(host, name)} - set(listed)]
        if gone:
            delete = "DELETE FROM tag WHERE repository = ? AND tag = ?"
            self._store.change(lambda database: database.executemany(delete, gone), None)

    def tags(self, host: str, repository: str = "", tag: str = "") -> list[SeenTag]:
        """Return what is remembered of a registry, of one of its repositories, or of one tag, in order."""
        place = f"{host}/{repository}"
        where = "repository = ?" if repository else "repository >= ? AND substr(repository, 1, length(?)) = ?"
        values: tuple[str, ...] = (place,) if repository else (place, place, place)
        where, values = (f"{where} AND tag = ?", (*values, tag)) if tag else (where, values)
        query = f"SELECT repository, tag, digest, seen FROM tag WHERE {where} ORDER BY repository, tag LIMIT {MAX_TAGS}"  # noqa: S608 - text of ours
        rows = self._ask(query, values)
        return [SeenTag(str(one), str(tag), str(digest), _int(seen)) for one, tag, digest, seen in rows]

    def weight(self) -> int:
        """Return bytes of all answers; other processes' since the last look don't count."""
        if self._weight is None:
            self._weight = self.held()[1]
        return self._weight

    def held(self) -> tuple[int, int]:
        """Say how many answers there are, and their bytes."""
        rows = self._ask("SELECT count(*), ifnull(sum(bytes), 0) FROM answer")
        return (_int(rows[0][0]), _int(rows[0][1])) if rows else (0, 0)

    def disk_bytes(self) -> int:
        """Return what the file and its journals take."""
        return self._store.disk_bytes()

    def prune(self, rules: str | None = None) -> tuple[int, int]:
        """Take out what was found by other rules and what is past the bound, and give the disk space back.

        Return how many answers went, and their bytes.
        """
        if not self._store.path.exists():
            return 0, 0
        before = self.held()

        def remove(database: sqlite3.Connection) -> None:
            if rules is not None:
                database.execute("DELETE FROM answer WHERE rules <> ?", (rules,))
            self._evict(database)

        self._store.change(remove, None)
        self._store.shrink()
        after = self.held()
        return before[0] - after[0], before[1] - after[1]

    def clear(self) -> tuple[int, int]:
        """Take out everything; how many answers went, and their bytes."""
        if not self._store.path.exists():
            return 0, 0
        held = self.held()

        self._store.clear("answer", "rules", "tag")
        self._weight = 0
        return held

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()
        self.is_changed = False

    def _ask(self, query: str, values: tuple[Parameter, ...] = ()) -> list[tuple[Parameter, ...]]:
        return self._store.ask(query, values) if self._store.path.exists() else []

    def _evict(self, database: sqlite3.Connection) -> None:
        """Where the bound is passed, delete the longest unused down to a little below it."""
        (total,) = database.execute("SELECT ifnull(sum(bytes), 0) FROM answer").fetchone()
        excess = total - self._max_bytes * _KEPT_AFTER_EVICTION if total > self._max_bytes else 0
        gone: list[tuple[int]] = []
        freed = 0
        for row, size in database.execute("SELECT rowid, bytes FROM answer ORDER BY used, rowid"):
            if freed >= excess:
                break
            gone.append((row,))
            freed += size
        database.executemany("DELETE FROM answer WHERE rowid = ?", gone)
        self._weight = total - freed


def _now() -> int:
    return int(time.time())


def _int(value: Parameter) -> int:
    return value if isinstance(value, int) else 0
