"""The way to a layer's index: the cache, or the layer itself."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.layers.blob import Meter, Scanned
from inspector.layers.cache import IndexCache
from inspector.layers.file import FileRange
from inspector.layers.indexer import Indexer
from inspector.testing.tree import tar_of
from tests.support import scan_bytes

CONTENT = tar_of({"etc/hostname": b"here\n"})
DIFF_ID = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


def silent(_: int) -> None:
    """A meter that nobody looks at."""


class CountingBlob:
    """A layer in memory that counts its readings."""

    def __init__(self, *, identity: str | None = "bytes 1", verified: bool = True) -> None:
        self.identity = identity
        self.verified = verified
        self.scans = 0

    def scan(self, diff_id: str, digest: str | None, *, verify: bool, meter: Meter) -> Scanned:
        """See `LayerBlob.scan`."""
        assert digest is None
        self.scans += 1
        index = scan_bytes(CONTENT, diff_id).index
        meter(len(CONTENT))
        if not (self.verified or verify):
            index = type(index)(index.diff_id, index.entries, verified=False, size=index.size)
        return Scanned(index, len(CONTENT), "stream")


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[IndexCache]:
    cache = IndexCache(tmp_path / "layers.sqlite")
    yield cache
    cache.close()


def test_a_layer_is_read_once_in_its_life(cache: IndexCache) -> None:
    blob = CountingBlob()
    first = Indexer(cache, verify=False, meter=silent).index(DIFF_ID, None, blob)
    assert (first.cached, first.bytes_read, first.how) == (False, len(CONTENT), "stream")
    cache.close()
    other = Indexer(cache, verify=True, meter=silent)
    second = other.index(DIFF_ID, None, CountingBlob(identity=None))
    assert (second.cached, second.bytes_read, second.how) == (True, 0, "cache")
    assert second.index == first.index
    assert blob.scans == 1


def test_without_a_cache_each_call_reads(tmp_path: Path) -> None:
    path = tmp_path / "layer.tar"
    path.write_bytes(CONTENT)
    indexer = Indexer(None, verify=False, meter=silent)
    blob = FileRange(path, 0, len(CONTENT))
    hows = [indexer.index(DIFF_ID, None, blob).how for _ in range(2)]
    assert hows == ["seek", "seek"]


def test_an_unverified_index_answers_for_the_same_bytes_only(cache: IndexCache) -> None:
    indexer = Indexer(cache, verify=False, meter=silent)
    assert not indexer.index(DIFF_ID, None, CountingBlob(verified=False)).cached
    assert indexer.index(DIFF_ID, None, CountingBlob(verified=False)).cached
    assert not indexer.index(DIFF_ID, None, CountingBlob(verified=False, identity="bytes 2")).cached
    assert not indexer.index(DIFF_ID, None, CountingBlob(verified=False, identity=None)).cached


def test_an_unverified_index_never_answers_where_a_verified_one_is_asked_for(cache: IndexCache) -> None:
    Indexer(cache, verify=False, meter=silent).index(DIFF_ID, None, CountingBlob(verified=False))
    strict = Indexer(cache, verify=True, meter=silent)
    indexed = strict.index(DIFF_ID, None, CountingBlob(verified=False))
    assert not indexed.cached
    assert indexed.index.verified
    assert strict.index(DIFF_ID, None, CountingBlob()).cached


def test_a_file_that_changes_on_disk_is_read_anew(cache: IndexCache, tmp_path: Path) -> None:
    path = tmp_path / "layer.tar"
    path.write_bytes(CONTENT)
    indexer = Indexer(cache, verify=False, meter=silent)
    hows = [indexer.index(DIFF_ID, None, FileRange(path, 0, len(CONTENT))).how for _ in range(2)]
    other = tar_of({"etc/hostname": b"away\n"})
    path.write_bytes(other)
    changed = indexer.index(DIFF_ID, None, FileRange(path, 0, len(other)))
    assert [*hows, changed.how] == ["seek", "cache", "seek"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps no time of change")
def test_a_file_changed_and_dated_back_is_read_anew(cache: IndexCache, tmp_path: Path) -> None:
    path = tmp_path / "layer.tar"
    path.write_bytes(CONTENT)
    before = path.stat()
    blob = FileRange(path, 0, len(CONTENT))
    indexer = Indexer(cache, verify=False, meter=silent)
    first = indexer.index(DIFF_ID, None, blob)
    time.sleep(0.02)
    with path.open("r+b") as file:
        file.write(CONTENT.replace(b"here\n", b"away\n"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    second = indexer.index(DIFF_ID, None, blob)
    assert (first.how, second.how) == ("seek", "seek")


def test_bytes_that_change_while_they_are_read_are_not_kept(cache: IndexCache) -> None:
    blob = CountingBlob(verified=False)
    names = iter(["before", "after"])
    type_of_moving = type("Moving", (CountingBlob,), {"identity": property(lambda _: next(names), lambda *_: None)})
    moving = type_of_moving(verified=False)
    Indexer(cache, verify=False, meter=silent).index(DIFF_ID, None, moving)
    blob.identity = "before"
    assert cache.get_unverified(DIFF_ID, "before") is None
    assert cache.get_unverified(DIFF_ID, "after") is None


def test_the_meter_hears_of_every_byte(cache: IndexCache) -> None:
    heard: list[int] = []
    indexer = Indexer(cache, verify=False, meter=heard.append)
    indexer.index(DIFF_ID, None, CountingBlob())
    indexer.index(DIFF_ID, None, CountingBlob())
    assert sum(heard) == len(CONTENT)
