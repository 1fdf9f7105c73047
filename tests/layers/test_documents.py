"""Documents kept between runs: by digest, checked, bounded, and never in the way."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

from inspector.layers.cache import IndexCache
from inspector.layers.documents import MAX_ONE, DocumentCache


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_what_was_kept_is_found_by_another_run(tmp_path: Path) -> None:
    first, second = DocumentCache(tmp_path), DocumentCache(tmp_path)
    assert second.get(digest_of(b"{}")) is None
    first.put(digest_of(b"{}"), b"{}")
    assert second.get(digest_of(b"{}")) == b"{}"
    first.close()
    second.close()


def test_a_document_that_was_altered_is_none(tmp_path: Path) -> None:
    kept = DocumentCache(tmp_path)
    kept.put(digest_of(b"{}"), b"{}")
    kept.close()
    (file,) = tmp_path.glob("*.sqlite")
    database = sqlite3.connect(file)
    database.execute("UPDATE document SET content = ?", (b"[]",))
    database.commit()
    database.close()
    assert kept.get(digest_of(b"{}")) is None
    kept.close()


def test_the_oldest_make_room(tmp_path: Path) -> None:
    kept = DocumentCache(tmp_path, max_bytes=10_000)
    documents = [bytes([number]) * 1000 for number in range(40)]
    for document in documents:
        kept.put(digest_of(document), document)
    found = [document for document in documents if kept.get(digest_of(document))]
    kept.close()
    assert 5 <= len(found) <= 10
    assert documents[-1] in found


def test_a_giant_is_not_kept(tmp_path: Path) -> None:
    kept = DocumentCache(tmp_path)
    giant = bytes(MAX_ONE + 1)
    kept.put(digest_of(giant), giant)
    assert kept.get(digest_of(giant)) is None
    kept.close()


def test_a_file_that_is_no_database_is_told_and_does_no_harm(tmp_path: Path) -> None:
    kept = DocumentCache(tmp_path)
    kept.put(digest_of(b"{}"), b"{}")
    kept.close()
    (file,) = tmp_path.glob("*.sqlite")
    file.write_bytes(b"no database" * 1000)
    kept = DocumentCache(tmp_path)
    kept.put(digest_of(b"{}"), b"{}")
    assert kept.get(digest_of(b"{}")) is None
    assert len(kept.warnings) == 1
    kept.close()


def test_clearing_the_cache_clears_them_too(tmp_path: Path) -> None:
    cache = IndexCache(tmp_path / "layers.sqlite")
    cache.clear()
    assert len(list(tmp_path.glob("documents*"))) == 0, "none are made for that"
    cache.documents.put(digest_of(b"{}"), b"{}")
    cache.clear()
    assert cache.documents.get(digest_of(b"{}")) is None
    cache.close()
