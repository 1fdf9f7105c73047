"""Rows that are bounded together: where they pass the bound, those go that were used or made the longest ago."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from inspector.layers.store import Parameter, Store, number

if TYPE_CHECKING:
    import sqlite3

_KEPT_AFTER_EVICTION = 0.9
"""The part of the bound that is left, so that not every new row evicts one."""


class Bounded:
    """The rows of a table, each with its `bytes`, in a file of their own; threads and processes may share it.

    It never makes a run fail: see `IndexCache`.
    """

    name: ClassVar[str]
    """The table's name; that of the file is the same in the plural."""
    tables: ClassVar[tuple[str, ...]]
    """All tables of the file."""
    age: ClassVar[str]
    """The column by which rows go, the lowest first."""
    schema: ClassVar[str]
    version = 1

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._store = Store(folder / f"{self.name}s-{self.version}.sqlite", self.schema, self.version)
        self._max_bytes = max_bytes
        self._weight: int | None = None
        self._unweighed = 0
        self.is_changed = False

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why it was not used, or not fully."""
        return self._store.warnings

    def weight(self) -> int:
        """Return bytes of all rows, or a little less; other processes' since the last look don't count."""
        if self._weight is None:
            self._weight = self.held()[1]
        return self._weight + self._unweighed

    def held(self) -> tuple[int, int]:
        """Say how many rows there are, and their bytes."""
        rows = self._ask(f"SELECT count(*), ifnull(sum(bytes), 0) FROM {self.name}")  # noqa: S608 - text of ours
        return (number(rows[0][0]), number(rows[0][1])) if rows else (0, 0)

    def disk_bytes(self) -> int:
        """Return what the file and its journals take."""
        return self._store.disk_bytes()

    def prune(self, rules: str | None = None) -> tuple[int, int]:
        """Take out what is past the bound, and what was found by other rules, where rows have any and some are named.

        The disk space is given back. Return how many rows went, and their bytes.
        """
        if not self._store.path.exists():
            return 0, 0
        before = self.held()

        def remove(database: sqlite3.Connection) -> None:
            if rules is not None:
                database.execute(f"DELETE FROM {self.name} WHERE rules <> ?", (rules,))  # noqa: S608 - text of ours
            self._evict(database)

        self._store.change(remove, None)
        self._store.shrink()
        after = self.held()
        return before[0] - after[0], before[1] - after[1]

    def clear(self) -> tuple[int, int]:
        """Take out everything; how many rows went, and their bytes."""
        if not self._store.path.exists():
            return 0, 0
        held = self.held()
        self._store.clear(*self.tables)
        self._weight, self._unweighed = 0, 0
        return held

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()
        self.is_changed = False

    def _ask(self, query: str, values: tuple[Parameter, ...] = ()) -> list[tuple[Parameter, ...]]:
        return self._store.ask(query, values) if self._store.path.exists() else []

    def _evict(self, database: sqlite3.Connection) -> None:
        """Where the bound is passed, delete down to a little below it."""
        self._weight = evict(database, self.name, self.age, self._max_bytes)[0]
        self._unweighed = 0


def evict(database: sqlite3.Connection, table: str, age: str, max_bytes: int) -> tuple[int, int, int]:
    """Where rows pass the bound, delete the first by `age`.

    Return the bytes that are left, how many rows went, and their bytes.
    """
    (total,) = database.execute(f"SELECT ifnull(sum(bytes), 0) FROM {table}").fetchone()  # noqa: S608 - text of ours
    excess = total - max_bytes * _KEPT_AFTER_EVICTION if total > max_bytes else 0
    gone: list[tuple[int]] = []
    freed = 0
    for row, size in database.execute(f"SELECT rowid, bytes FROM {table} ORDER BY {age}, rowid"):  # noqa: S608 - as above
        if freed >= excess:
            break
        gone.append((row,))
        freed += size
    database.executemany(f"DELETE FROM {table} WHERE rowid = ?", gone)  # noqa: S608 - as above
    return total - freed, len(gone), freed
