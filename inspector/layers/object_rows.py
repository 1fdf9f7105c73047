"""The cache's rows of what layers' ELF files tell, beside the rows of the layers' indexes.

`symbols` is for good: what was asked for of a layer's files. `passed` is for the run that read a layer: the symbols of
all files that went by, as it is not known yet which of them will be asked for. A layer's bytes are those of all three.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    from inspector.layers.store import Store

Key = tuple[str, str, int]
"""A layer's diff_id, the identity of its bytes, and the version of the scanner."""

_TABLES = ("symbols", "passed")
_WHERE = "WHERE diff_id = ? AND identity = ? AND scanner = ?"
_SAME = "WHERE diff_id = layer.diff_id AND identity = layer.identity AND scanner = layer.scanner"
_QUICKLY = 1
SCHEMA = ";".join(
    f"""
CREATE TABLE IF NOT EXISTS {table} (
  diff_id TEXT NOT NULL,
  identity TEXT NOT NULL,
  scanner INTEGER NOT NULL,
  content BLOB NOT NULL,
  PRIMARY KEY (diff_id, identity)
)"""
    for table in _TABLES
)


def get(store: Store, table: str, key: Key) -> dict[int, bytes]:
    """Return what a table has of a layer's files."""
    from inspector.layers.objects import unpack_row  # what is known of images is answered without

    rows = store.ask(f"SELECT content FROM {table} {_WHERE}", key)  # noqa: S608 - names of this module
    return unpack_row(content) if rows and isinstance(content := rows[0][0], bytes) else {}


def pack_passed(symbols: Mapping[int, bytes]) -> bytes:
    """Return the packed symbols of a layer that was streamed; empty if it has no symbols, or too many."""
    from inspector.layers.objects import pack_row

    return pack_row(symbols, _QUICKLY) if symbols else b""


def put_passed(database: sqlite3.Connection, key: Key, row: bytes) -> None:
    """Keep the symbols that went by, of a layer whose index is kept."""
    if row:
        database.execute("INSERT OR REPLACE INTO passed VALUES (?, ?, ?, ?)", (*key, row))
    _weigh(database, key)


def put(database: sqlite3.Connection, key: Key, found: Mapping[int, bytes], most: int) -> None:
    """Keep what was found of a layer's files besides what is kept, in at most so many bytes, if its index is kept."""
    from inspector.layers.objects import pack_row, unpack_row

    known = database.execute(f"SELECT 1 FROM layer {_WHERE}", key).fetchone()  # noqa: S608 - as above
    row = database.execute(f"SELECT content FROM symbols {_WHERE}", key).fetchone()  # noqa: S608 - as above
    content = pack_row({**(unpack_row(row[0]) if row else {}), **found}) if known else b""
    if 0 < len(content) <= most:
        database.execute("INSERT OR REPLACE INTO symbols VALUES (?, ?, ?, ?)", (*key, content))
        _weigh(database, key)


def drop_passed(database: sqlite3.Connection, keys: Iterable[Key]) -> int:
    """Delete the symbols that went by of layers; return of how many there were any."""
    found = 0
    for key in keys:
        if database.execute(f"DELETE FROM passed {_WHERE}", key).rowcount:  # noqa: S608 - as above
            _weigh(database, key)
            found += 1
    return found


def drop_gone(database: sqlite3.Connection) -> None:
    """Delete what is kept of layers whose indexes are gone."""
    kept = "SELECT diff_id, identity, scanner FROM layer"
    for table in _TABLES:
        database.execute(f"DELETE FROM {table} WHERE (diff_id, identity, scanner) NOT IN ({kept})")  # noqa: S608 - as above


def _weigh(database: sqlite3.Connection, key: Key) -> None:
    beside = " + ".join(f"ifnull((SELECT length(content) FROM {table} {_SAME}), 0)" for table in _TABLES)  # noqa: S608 - as above
    database.execute(f"UPDATE layer SET bytes = length(content) + {beside} {_WHERE}", key)  # noqa: S608 - as above
