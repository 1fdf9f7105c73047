"""What was found out of images, kept between runs by content, and which digest a registry's tags had last."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from inspector.layers.bounded import Bounded
from inspector.layers.store import number

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


class Answer(msgspec.Struct, frozen=True):
    """What was found, and when, in seconds since 1970.

    `layers` has a line for each layer: the identity of the bytes that were read, empty for one that was verified. It
    is empty as a whole where all of them were.
    """

    layers: str
    made: int
    content: bytes


class SeenTag(msgspec.Struct, frozen=True):
    """A tag of a repository (with its host), the digest that it had, and when, in seconds since 1970."""

    repository: str
    tag: str
    digest: str
    seen: int


class AnswerCache(Bounded):
    """Answers by the digest of an image's config, the question, and the rules that the answer was found by."""

    name, age, schema = "answer", "used", _SCHEMA
    tables = ("answer", "rules", "tag")

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        super().__init__(folder, max_bytes)

    def find(self, image: str, question: str, rules: str) -> list[Answer]:
        """Return the answers to a question about an image, one of verified layers first."""
        query = (
            "SELECT layers, made, content, used, rowid FROM answer "
            "WHERE image = ? AND question = ? AND rules = ? ORDER BY layers"
        )
        found, used = [], []
        for layers, made, content, last, row in self._ask(query, (image, question, rules)):
            if isinstance(content, bytes):
                found.append(Answer(str(layers), number(made), content))
                used += [(_now(), row)] if _now() - number(last) > _TOUCH_SECONDS else []
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
        rows = [msgspec.structs.astuple(each) for each in tags]
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
        return [SeenTag(str(one), str(tag), str(digest), number(seen)) for one, tag, digest, seen in rows]


def _now() -> int:
    return int(time.time())
