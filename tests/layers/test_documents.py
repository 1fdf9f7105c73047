"""Documents kept between runs: by digest, checked, bounded, and never in the way."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from pathlib import Path

from inspector.layers.cache import IndexCache
from inspector.layers.documents import MAX_ONE, DocumentCache
from inspector.layers.held import Removed
from tests.layers.test_cache import index_of


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


def disk_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def test_the_bound_of_the_cache_is_one_for_layers_and_documents(tmp_path: Path) -> None:
    """Documents take a quarter at most; layers what is left, though they came first."""
    cache = IndexCache(tmp_path / "layers.sqlite", max_bytes=1_000_000)
    for number in range(100):
        cache.put(index_of(number, data=os.urandom(10_000)), None)
    assert cache.info().bytes > 700_000
    for number in range(3000):
        content = b"%d" % number + os.urandom(10_000)
        cache.documents.put(digest_of(content), content)
    cache.close()
    held = cache.info()
    assert 10 < held.documents <= 25
    assert 50 < held.layers < 90
    assert held.bytes <= 1_000_000
    assert held.disk_bytes == disk_bytes(tmp_path)
    cache.close()
    assert disk_bytes(tmp_path) < 1_200_000


def test_a_smaller_bound_is_kept_to_by_the_next_run_that_adds_and_by_prune(tmp_path: Path) -> None:
    for last in ("prune", "put"):
        large = IndexCache(tmp_path / "layers.sqlite", max_bytes=100_000_000)
        for number in range(500):
            content = b"%d" % number + os.urandom(10_000)
            large.documents.put(digest_of(content), content)
        large.close()
        assert disk_bytes(tmp_path) > 5_000_000
        small = IndexCache(tmp_path / "layers.sqlite", max_bytes=1_000_000)
        if last == "prune":
            removed = small.prune()
            assert (removed.layers, removed.documents) == (0, 500 - small.info().documents)
            assert removed.bytes > 4_000_000
        else:
            small.documents.put(digest_of(b"{}"), b"{}")
        small.close()
        assert disk_bytes(tmp_path) < 500_000
        assert small.clear().documents > 0
        small.close()


def test_a_run_that_adds_nothing_changes_nothing(tmp_path: Path) -> None:
    cache = IndexCache(tmp_path / "layers.sqlite", max_bytes=1_000_000)
    cache.documents.put(digest_of(b"{}"), b"{}")
    cache.close()
    before = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    assert cache.documents.get(digest_of(b"{}")) == b"{}"
    cache.close()
    assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before


def test_clearing_the_cache_clears_them_too(tmp_path: Path) -> None:
    cache = IndexCache(tmp_path / "layers.sqlite")
    cache.clear()
    assert len(list(tmp_path.glob("documents*"))) == 0, "none are made for that"
    cache.documents.put(digest_of(b"{}"), b"{}")
    assert cache.clear() == Removed(layers=0, documents=1, bytes=2)
    assert cache.documents.get(digest_of(b"{}")) is None
    cache.close()
