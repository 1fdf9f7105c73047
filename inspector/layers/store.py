"""One SQLite file that many processes share and that may be lost, locked or damaged at any time."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import sqlite3

BUSY_SECONDS = 5.0
"""How long a lock held by another process is waited for."""

_SUFFIXES = ("", "-wal", "-shm", "-journal")
_JOURNAL_BYTES = 32 << 20

Answer = TypeVar("Answer")
Parameter = str | int | bytes | None


class _NotOurs(Exception):
    """The file belongs to someone else, or others may write to it."""


class Store:
    """Questions and changes that never raise: what goes wrong becomes one of `warnings`, once.

    After a failed question nothing is asked any more, after a failed change nothing is changed. Opened at
    the first use, and safe under threads; a connection does not survive `os.fork`.
    """

    def __init__(self, path: Path, schema: str, version: int) -> None:
        self.path = path
        self.corrupt = False
        self._schema = schema
        self._version = version
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._closed_to: set[str] = set()
        self._warnings: dict[str, None] = {}

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why the file was not used, or not fully."""
        return tuple(self._warnings)

    def ask(self, query: str, values: tuple[Parameter, ...] = ()) -> list[tuple[Parameter, ...]]:
        """Return the rows that answer `query`; none where the file can't be read."""
        return self._try("read", lambda database: database.execute(query, values).fetchall(), [])

    def clear(self, *tables: str) -> None:
        """Take out every row of these tables and give the disk space back; a corrupt file is deleted."""

        def remove(database: sqlite3.Connection) -> None:
            for table in tables:
                database.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours

        self.change(remove, None)
        if self.corrupt:
            self.delete()
        else:
            self.shrink()

    def change(self, action: Callable[[sqlite3.Connection], Answer], otherwise: Answer) -> Answer:
        """Return what `action` returns, all its changes made at once; or `otherwise`, and no change."""

        def transact(database: sqlite3.Connection) -> Answer:
            database.execute("BEGIN IMMEDIATE")
            with database:
                return action(database)

        return self._try("write", transact, otherwise)

    def shrink(self) -> None:
        """Give the disk space of removed rows back."""

        def vacuum(database: sqlite3.Connection) -> None:
            database.executescript("PRAGMA incremental_vacuum")  # `execute` would free one page only
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

        self._try("write", vacuum, None)

    def disk_bytes(self) -> int:
        """Return what the file and its journals take."""
        return sum(file.stat().st_size for file in self._files() if file.exists())

    def delete(self) -> None:
        """Delete the file itself, so that the next use starts with an empty one."""
        with self._lock:
            self.close()
            try:
                for file in self._files():
                    file.unlink(missing_ok=True)
            except OSError as error:
                self._warn(f"can't be deleted: {error.strerror or error}")
                return
            self.corrupt = False
            self._closed_to.clear()
            self._warnings.clear()

    def close(self) -> None:
        """Let go of the file. It is opened again when next used."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _try(self, way: str, action: Callable[[sqlite3.Connection], Answer], otherwise: Answer) -> Answer:
        if way in self._closed_to:
            return otherwise
        import sqlite3  # 27 ms that a run without a cache need not pay

        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._open()
                return action(self._connection)
            except sqlite3.Error as error:
                if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                    self._give_up(way, str(error))
                else:
                    self.corrupt = True
                    self._give_up("read", f"{error}; `inspector cache clear` starts a new one")
            except _NotOurs as error:
                self._give_up("read", str(error))
            except OSError as error:
                self._give_up("read", error.strerror or str(error))
        return otherwise

    def _give_up(self, way: str, reason: str) -> None:
        """Use the store no more: what can't be read is not written either."""
        self._closed_to |= {"read", "write"} if way == "read" or self._connection is None else {way}
        self._warn(f"can't be {'read' if way == 'read' else 'written'}: {reason}")

    def _warn(self, text: str) -> None:
        self._warnings[f"cache {str(self.path)!r} {text}"] = None

    def _open(self) -> sqlite3.Connection:
        import sqlite3

        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _claim(self.path)
        database = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(database)
        except BaseException:
            database.close()
            raise
        return database

    def _prepare(self, database: sqlite3.Connection) -> None:
        """Several processes may make the same new file at once: the first one makes it, the others wait."""
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version != self._version:
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heeded only before the first table
            _patiently(lambda: database.execute("PRAGMA journal_mode = WAL").fetchone())
            database.execute("BEGIN IMMEDIATE")
            with database:
                for statement in self._schema.split(";"):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {self._version:d}")
        database.execute("PRAGMA synchronous = NORMAL")  # a crash may lose the last layers, never the file
        database.execute(f"PRAGMA journal_size_limit = {_JOURNAL_BYTES}").fetchone()

    def _files(self) -> list[Path]:
        return [self.path.with_name(self.path.name + suffix) for suffix in _SUFFIXES]


def number(value: Parameter) -> int:
    """Return a number of a row; 0 for anything else, which only a damaged file has."""
    return value if isinstance(value, int) else 0


def _claim(path: Path) -> None:
    """Make the file for its owner alone; who else could write to it could write our answers.

    Raises `_NotOurs`, `OSError`.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        found = os.fstat(handle)
    finally:
        os.close(handle)
    if not hasattr(os, "geteuid"):
        return
    if found.st_uid != os.geteuid():
        raise _NotOurs(f"it belongs to user {found.st_uid}, not to {os.geteuid()}; set INSPECTOR_CACHE_DIR")
    if stat.S_IMODE(found.st_mode) & 0o022:
        raise _NotOurs(f"others may write to it (mode {stat.S_IMODE(found.st_mode):o}); chmod it to 600")


def _patiently(action: Callable[[], object]) -> None:
    """Repeat while the file is locked: for the changes that SQLite refuses at once instead of waiting."""
    import sqlite3

    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            action()
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
