"""The cache of layer indexes: who is answered, what is evicted, and that nothing wrong with the file matters."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from inspector.errors import UsageError
from inspector.layers import cache as module
from inspector.layers import store
from inspector.layers.cache import IndexCache, default_cache
from inspector.layers.entries import Entries
from inspector.layers.entry import SCANNER_VERSION, Entry, LayerIndex
from inspector.rootfs import Kind

BLOB = "sha256:" + "b" * 64


def diff_id(number: int) -> str:
    return f"sha256:{number:064x}"


def index_of(number: int, *, verified: bool = True, data: bytes = b"", blob: str | None = None) -> LayerIndex:
    entry = Entry(f"file-{number}", Kind.FILE, 0o644, len(data), data=data)
    return LayerIndex(
        diff_id=diff_id(number), entries=Entries([entry]), verified=verified, size=len(data), blob_digest=blob
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "layers.sqlite"


@pytest.fixture
def cache(path: Path) -> Iterator[IndexCache]:
    cache = IndexCache(path)
    yield cache
    cache.close()


def test_a_verified_index_answers_whoever_asks_for_its_layer(cache: IndexCache, path: Path) -> None:
    index = index_of(1, blob=BLOB)
    cache.put(index, "1:2:3")
    assert cache.get_verified(diff_id(1)) == index
    assert cache.knows(BLOB)
    again = IndexCache(path)
    assert again.get_verified(diff_id(1)) == index
    assert again.get_verified(diff_id(2)) is None
    assert again.knows(diff_id(1))
    again.close()
    assert cache.warnings == again.warnings == ()


def test_knowing_a_layer_is_having_it_verified_and_of_this_scanner(cache: IndexCache) -> None:
    cache.put(index_of(1, blob=BLOB), None)
    cache.put(index_of(2, verified=False), "1:2:3")
    cache.put(msgspec.structs.replace(index_of(3), scanner=SCANNER_VERSION - 1), None)
    assert [cache.knows(digest) for digest in (diff_id(1), BLOB, diff_id(2), diff_id(3))] == [True, True, False, False]


def test_an_unverified_index_answers_only_for_the_very_same_bytes(cache: IndexCache) -> None:
    index = index_of(1, verified=False, blob=BLOB)
    cache.put(index, "file A")
    assert cache.get_unverified(diff_id(1), "file A") == index
    assert cache.get_unverified(diff_id(1), "file B") is None
    assert cache.get_unverified(diff_id(1), "") is None
    assert cache.get_unverified(diff_id(2), "file A") is None
    assert cache.get_verified(diff_id(1)) is None
    assert not cache.knows(BLOB)


def test_an_unverified_index_of_nameless_bytes_is_not_kept(cache: IndexCache) -> None:
    cache.put(index_of(1, verified=False), None)
    assert cache.info().layers == 0


def test_a_verified_index_takes_the_place_of_unverified_ones(cache: IndexCache) -> None:
    cache.put(index_of(1, verified=False), "file A")
    cache.put(index_of(1, verified=False), "file B")
    cache.put(index_of(1), None)
    assert cache.info().layers == 1
    assert cache.get_unverified(diff_id(1), "file A") is None


def test_an_older_scanner_answers_nothing_and_is_pruned(cache: IndexCache) -> None:
    old = msgspec.structs.replace(index_of(1, blob=BLOB), scanner=SCANNER_VERSION - 1)
    cache.put(old, None)
    cache.put(index_of(2), None)
    assert cache.get_verified(diff_id(1)) is None
    assert not cache.knows(BLOB)
    assert cache.prune().layers == 1
    assert cache.info().layers == 1


def test_rows_that_contradict_their_key_answer_nothing(cache: IndexCache, path: Path) -> None:
    for number in (1, 2, 3):
        cache.put(index_of(number), None)
    cache.put(index_of(4, verified=False), "file A")
    cache.close()
    with sqlite3.connect(path) as database:
        database.execute(
            "UPDATE layer SET content = (SELECT content FROM layer WHERE diff_id = ?) WHERE diff_id = ?",
            (diff_id(2), diff_id(1)),
        )
        database.execute("UPDATE layer SET content = 7 WHERE diff_id = ?", (diff_id(3),))
        database.execute("UPDATE layer SET identity = '' WHERE diff_id = ?", (diff_id(4),))
    database.close()
    assert [cache.get_verified(diff_id(number)) for number in (1, 3, 4)] == [None, None, None]
    assert cache.get_verified(diff_id(2)) == index_of(2)


def test_what_was_not_used_for_longest_is_evicted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = IndexCache(path, max_bytes=20_000)
    now = 1_700_000_000
    for number in range(4):
        monkeypatch.setattr(module, "_now", lambda when=now + number: when)
        cache.put(index_of(number, data=os.urandom(4000)), None)
    monkeypatch.setattr(module, "_now", lambda: now + 10_000)
    assert cache.get_verified(diff_id(0)) is not None
    cache.close()
    for number in (4, 5):
        cache.put(index_of(number, data=os.urandom(4000)), None)
    found = [number for number in range(6) if cache.get_verified(diff_id(number))]
    assert found == [0, 3, 4, 5]
    assert cache.info().bytes <= 20_000
    cache.close()


def test_reading_does_not_write(cache: IndexCache, path: Path) -> None:
    cache.put(index_of(1), None)
    cache.close()
    before = path.stat().st_mtime_ns
    assert cache.get_verified(diff_id(1)) is not None
    cache.close()
    assert path.stat().st_mtime_ns == before


def test_an_index_too_large_for_the_bound_is_not_kept(path: Path) -> None:
    cache = IndexCache(path, max_bytes=1000)
    cache.put(index_of(1), None)
    cache.put(index_of(2, data=os.urandom(800)), None)
    assert cache.get_verified(diff_id(1)) is not None
    assert cache.get_verified(diff_id(2)) is None
    cache.close()


def test_an_index_without_a_form_is_not_kept(cache: IndexCache) -> None:
    index = LayerIndex(diff_id=diff_id(1), entries=Entries([Entry("a\0b", Kind.FILE, 0, 0)]), verified=True, size=0)
    cache.put(index, None)
    assert cache.info().layers == 0


def test_clearing_gives_the_disk_space_back(cache: IndexCache) -> None:
    for number in range(5):
        cache.put(index_of(number, data=os.urandom(300_000)), None)
    full = cache.info()
    assert full.layers == 5
    assert full.disk_bytes > full.bytes > 1_500_000
    removed = cache.clear()
    assert (removed.layers, removed.bytes) == (5, full.bytes)
    empty = cache.info()
    assert (empty.layers, empty.bytes) == (0, 0)
    assert empty.disk_bytes < 200_000


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_only_the_owner_may_read_it(cache: IndexCache, path: Path) -> None:
    cache.put(index_of(1), None)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    files = [*path.parent.iterdir()]
    assert path in files
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_a_file_that_others_may_write_is_not_trusted(cache: IndexCache, path: Path) -> None:
    cache.put(index_of(1), None)
    cache.close()
    path.chmod(0o666)
    other = IndexCache(path)
    assert other.get_verified(diff_id(1)) is None
    assert "others may write to it" in other.warnings[0]
    other.clear()
    assert path.exists()
    other.close()


def broken_directory(path: Path) -> None:
    path.mkdir(parents=True)


def broken_parent(path: Path) -> None:
    path.parent.write_bytes(b"")


def broken_bytes(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o600)
    path.write_bytes(b"no database at all, " * 500)


def broken_pages(path: Path) -> None:
    healthy = IndexCache(path)
    for number in range(1, 50):
        healthy.put(index_of(number, data=os.urandom(2000)), None)
    healthy.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)


def broken_format(path: Path) -> None:
    healthy = IndexCache(path)
    healthy.put(index_of(1), None)
    healthy.close()
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE layer")
    database.close()


BROKEN = [broken_directory, broken_parent, broken_bytes, broken_pages, broken_format]


@pytest.mark.parametrize("breaking", BROKEN, ids=lambda function: function.__name__)
def test_a_broken_file_means_a_warning_and_no_cache(breaking: object, path: Path) -> None:
    assert callable(breaking)
    breaking(path)
    cache = IndexCache(path)
    assert cache.get_verified(diff_id(1)) is None
    cache.put(index_of(1), None)
    assert cache.get_unverified(diff_id(1), "x") is None
    assert not cache.knows(BLOB)
    assert cache.info().layers == 0
    assert cache.prune().layers == 0
    cache.close()
    assert len(cache.warnings) == 1
    assert repr(str(path)) in cache.warnings[0]


@pytest.mark.parametrize("breaking", [broken_bytes, broken_pages, broken_format], ids=lambda f: f.__name__)
def test_clearing_makes_a_damaged_file_good_again(breaking: object, path: Path) -> None:
    assert callable(breaking)
    breaking(path)
    damaged = IndexCache(path)
    damaged.clear()
    damaged.close()
    assert damaged.warnings == ()
    cache = IndexCache(path)
    cache.put(index_of(1), None)
    assert cache.get_verified(diff_id(1)) is not None
    assert cache.warnings == ()
    cache.close()


def test_a_locked_file_means_a_warning_and_reading_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BUSY_SECONDS", 0.05)
    cache = IndexCache(path)
    cache.put(index_of(1), None)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    cache.put(index_of(2), None)
    assert cache.get_verified(diff_id(1)) == index_of(1)
    assert cache.get_verified(diff_id(2)) is None
    assert "can't be written: database is locked" in cache.warnings[0]
    other.execute("ROLLBACK")
    other.close()
    cache.close()


def test_a_full_disk_means_a_warning_and_reading_goes_on(cache: IndexCache) -> None:
    cache.put(index_of(1), None)
    assert cache._store._connection is not None
    cache._store._connection.execute("PRAGMA max_page_count = 20").fetchone()
    cache.put(index_of(2, data=os.urandom(500_000)), None)
    assert "full" in cache.warnings[0]
    assert cache.get_verified(diff_id(1)) == index_of(1)
    assert cache.get_verified(diff_id(2)) is None


def test_threads_share_one_cache(cache: IndexCache) -> None:
    wrong: list[int] = []

    def work(start: int) -> None:
        for number in range(start, start + 40):
            cache.put(index_of(number % 25), None)
            if cache.get_verified(diff_id(number % 25)) != index_of(number % 25):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert cache.warnings == ()


WORKER = """
import sys, time
from pathlib import Path
from inspector.layers.cache import IndexCache
from tests.layers.test_cache import diff_id, index_of
while time.time() < float(sys.argv[2]): pass
cache = IndexCache(Path(sys.argv[1]))
for number in range(30):
    found = cache.get_verified(diff_id(number))
    assert found in (None, index_of(number, data=bytes(number * 100))), found
    cache.put(index_of(number, data=bytes(number * 100)), None)
    assert cache.get_verified(diff_id(number)) == index_of(number, data=bytes(number * 100))
cache.close()
print(cache.warnings)
"""


@pytest.mark.thorough
def test_processes_share_one_file_from_its_making_on(path: Path) -> None:
    start = time.time() + 1.5
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(path), str(start)],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    outputs = [worker.communicate(timeout=60) for worker in workers]
    assert outputs == [("()\n", "")] * 6
    cache = IndexCache(path)
    assert cache.info().layers == 30
    cache.close()


def test_the_environment_says_where_and_how_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_CACHE_DIR", str(tmp_path / "here"))
    monkeypatch.setenv("INSPECTOR_CACHE_SIZE", "3M")
    cache = default_cache()
    assert cache.path.parent == tmp_path / "here"
    assert cache.max_bytes == 3_000_000
    monkeypatch.delenv("INSPECTOR_CACHE_DIR")
    monkeypatch.delenv("INSPECTOR_CACHE_SIZE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    cache = default_cache()
    assert cache.max_bytes == module.DEFAULT_BYTES
    if sys.platform == "linux":
        assert cache.path.parent == tmp_path / "user" / "inspector"


@pytest.mark.parametrize(("text", "size"), [("500M", 500 * 10**6), ("2 GiB", 2 << 30), ("", 1 << 30)])
def test_the_bound_is_written_as_all_sizes_are(text: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_CACHE_SIZE", text)
    assert default_cache().max_bytes == size


@pytest.mark.parametrize("text", ["G", "-1", "1X", "12"])
def test_a_bound_that_is_no_size_is_said(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_CACHE_SIZE", text)
    with pytest.raises(UsageError, match=r"INSPECTOR_CACHE_SIZE: .* is not a size"):
        default_cache()
