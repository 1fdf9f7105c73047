"""Bolt databases: what is in them, what is none, and what changes under the reader's eyes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from inspector.errors import LimitExceeded, Malformed
from inspector.sources.access import AccessUnusable
from inspector.sources.engine import bolt
from inspector.sources.engine.bolt import Bucket, read_bolt
from tests.sources.engine.boltfile import Content, Writer, database, meta

if sys.platform == "win32":
    pytest.skip("engines keep their files on Linux alone", allow_module_level=True)

SMALL: Content = {
    b"v1": {b"snapshots": {b"a": {b"id": b"\x01"}, b"b": {b"id": b"\x02"}}, b"empty": {}},
    b"key": b"value",
}
MANY: Content = {b"%04d" % number: {b"id": b"x" * number} for number in range(300)} | {b"long": b"y" * 20_000}


def whole(bucket: Bucket) -> dict[bytes, object]:
    return {**dict(bucket.values()), **{name: whole(inner) for name, inner in bucket.buckets()}}


@pytest.mark.parametrize("content", [{}, SMALL, MANY], ids=["empty", "small", "many"])
@pytest.mark.parametrize(("size", "fan"), [(4096, 1000), (4096, 3), (16384, 7), (1024, 5)])
def test_all_keys_are_found(content: Content, size: int, fan: int, tmp_path: Path) -> None:
    assert read_bolt(database(tmp_path / "db", content, size=size, fan=fan), whole) == content


def test_a_bucket_by_its_name(tmp_path: Path) -> None:
    path = database(tmp_path / "db", SMALL)
    assert read_bolt(path, lambda top: top.within(b"v1") is not None)
    assert read_bolt(path, lambda top: top.within(b"key") is None and top.within(b"v2") is None)


def test_a_torn_beginning_leaves_the_commit_before(tmp_path: Path) -> None:
    writer = Writer()
    old, new = writer.put({b"old": b""}), writer.put({b"new": b""})
    path = writer.write(tmp_path / "db", new)
    content = path.read_bytes()
    path.write_bytes(meta(0, old, 4, 7, 4096).ljust(4096, b"\0") + content[4096:])
    assert read_bolt(path, whole) == {b"new": b""}
    path.write_bytes(path.read_bytes()[: 4096 + 30] + b"!" + path.read_bytes()[4096 + 31 :])
    assert read_bolt(path, whole) == {b"old": b""}


def test_the_second_beginning_is_found_without_the_first(tmp_path: Path) -> None:
    path = database(tmp_path / "db", SMALL, size=16384)
    path.write_bytes(bytes(100) + path.read_bytes()[100:])
    assert read_bolt(path, whole) == SMALL


@pytest.mark.parametrize("content", [b"", b"bolt", bytes(100_000), b"\xff" * 100_000])
def test_what_is_no_database(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "db"
    path.write_bytes(content)
    with pytest.raises(Malformed, match="no usable bolt"):
        read_bolt(path, whole)


def test_a_database_that_was_cut_or_altered_raises_nothing_else(tmp_path: Path) -> None:
    path = database(tmp_path / "db", MANY, fan=50)
    good = path.read_bytes()
    for at in range(8192, len(good), 997):
        for broken in (good[:at], good[:at] + b"\xff" + good[at + 1 :]):
            path.write_bytes(broken)
            try:
                read_bolt(path, whole)
            except (Malformed, LimitExceeded):
                continue


def test_pages_in_a_circle_end(tmp_path: Path) -> None:
    writer = Writer(fan=1)
    root = writer.put({b"a": b"", b"b": b""})
    path = writer.write(tmp_path / "db", root)
    content = bytearray(path.read_bytes())
    content[root * 4096 + 16 + 8] = root
    path.write_bytes(content)
    with pytest.raises(Malformed):
        read_bolt(path, whole)


def test_keys_and_bytes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = database(tmp_path / "db", MANY)
    monkeypatch.setattr(bolt, "MAX_KEYS", 100)
    with pytest.raises(LimitExceeded, match="100 keys"):
        read_bolt(path, whole)
    monkeypatch.setattr(bolt, "MAX_BYTES", 10_000)
    with pytest.raises(LimitExceeded, match="10000 bytes"):
        read_bolt(path, whole)


def test_what_changed_meanwhile_is_read_again(tmp_path: Path) -> None:
    path, commits = database(tmp_path / "db", {b"old": b""}), iter(range(9, 100))

    def read(top: Bucket) -> dict[bytes, object]:
        found = whole(top)
        if b"old" in found:
            writer = Writer()
            writer.write(path, writer.put({b"new": b""}), (8, next(commits)))
        return found

    assert read_bolt(path, read) == {b"new": b""}


def test_what_changes_all_the_time_is_given_up(tmp_path: Path) -> None:
    path, commits = database(tmp_path / "db", {b"old": b""}), iter(range(9, 100))

    def read(top: Bucket) -> None:
        whole(top)
        writer = Writer()
        writer.write(path, writer.put({b"old": b""}), (8, next(commits)))

    with pytest.raises(AccessUnusable, match="all the time"):
        read_bolt(path, read)
