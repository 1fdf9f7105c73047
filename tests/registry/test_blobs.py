"""Blobs: cut, resumed, too long, too short, too slow."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import msgspec
import pytest

from inspector.errors import Malformed, NotFound, Unreachable
from inspector.testing.image import sha256
from inspector.testing.registry import Answer, Asked, FakeRegistry
from tests.registry.conftest import HASTE, Opener

CONTENT = bytes(range(256)) * 1000
DIGEST = f"sha256:{sha256(CONTENT)}"
PATH = f"/v2/a/b/blobs/{DIGEST}"


@pytest.fixture(autouse=True)
def _held(fake: FakeRegistry) -> None:
    fake.blobs[DIGEST] = CONTENT


def fetched(opened: Opener, size: int = len(CONTENT)) -> bytes:
    return b"".join(opened().chunks(DIGEST, size))


def ranges(fake: FakeRegistry) -> list[str]:
    return [one.headers.get("range", "whole") for one in fake.asked if one.path == PATH]


def test_a_blob_comes_whole_and_unpacked(fake: FakeRegistry, repository: Opener) -> None:
    assert fetched(repository) == CONTENT
    assert ranges(fake) == ["whole"]


def test_a_cut_blob_is_resumed(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", PATH, Answer(200, CONTENT, cut=1000), fake.good)
    assert fetched(repository) == CONTENT
    assert ranges(fake) == ["whole", "bytes=1000-"]


def test_a_blob_without_a_length_that_ends_early_is_resumed(fake: FakeRegistry, repository: Opener) -> None:
    """Nothing but the manifest's size tells that it is not whole."""
    fake.route("GET", PATH, Answer(200, CONTENT[:1000], length=False), fake.good)
    assert fetched(repository) == CONTENT


def test_a_range_answered_with_the_whole_is_taken_from_where_it_broke_off(
    fake: FakeRegistry, repository: Opener
) -> None:
    fake.route("GET", PATH, Answer(200, CONTENT, cut=100_000), Answer(200, CONTENT, cut=1000), Answer(200, CONTENT))
    assert fetched(repository) == CONTENT
    assert ranges(fake) == ["whole", "bytes=100000-", "bytes=100000-"]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes 999-255999/256000",
        "bytes 1000-255999/255999",
        "bytes */256000",
        "bytes 1000-255999/x",
        "1000-255999/256000",
    ],
)
def test_another_part_than_the_one_asked_for_is_refused(header: str, fake: FakeRegistry, repository: Opener) -> None:
    other = Answer(206, CONTENT[1000:], {"Content-Range": header} if header else {})
    fake.route("GET", PATH, Answer(200, CONTENT, cut=1000), other)
    with pytest.raises(Malformed, match="another part"):
        fetched(repository)


def test_a_part_where_the_whole_was_asked_for_is_refused(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", PATH, Answer(206, CONTENT, {"Content-Range": "bytes 0-255999/256000"}))
    with pytest.raises(Malformed, match="answers 206"):
        fetched(repository)


def test_a_rest_that_is_not_to_be_had_is_no_end(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", PATH, Answer(200, CONTENT, cut=1000), Answer(416))
    with pytest.raises(Malformed, match="answers 416"):
        fetched(repository)


def test_a_blob_that_never_comes_whole(fake: FakeRegistry, repository: Opener) -> None:
    """One byte an attempt is no progress that would go on for ever."""

    def dribble(_: Asked) -> Answer:
        return Answer(200, CONTENT, cut=len(ranges(fake)))

    fake.route("GET", PATH, dribble)
    with pytest.raises(Unreachable, match=r"of 256000 bytes came, and 4 attempts"):
        fetched(repository)
    assert len(ranges(fake)) == 4


def test_more_bytes_than_stated(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", PATH, Answer(200, itertools.repeat(CONTENT), length=False))
    with pytest.raises(Malformed, match="more than 256000 bytes"):
        fetched(repository)


def test_another_length_than_stated_is_seen_before_it_comes(repository: Opener) -> None:
    with pytest.raises(Malformed, match="sends 256000, where its manifest states 9"):
        fetched(repository, 9)


def test_nothing_to_fetch_is_not_fetched(fake: FakeRegistry, repository: Opener) -> None:
    assert fetched(repository, 0) == b""
    assert fake.asked == []


def test_a_blob_that_drips(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", PATH, Answer(200, CONTENT, pause=0.01))
    impatient = msgspec.structs.replace(HASTE, answer=0.15, window=0.2)
    with pytest.raises(Unreachable, match="bytes a second"):
        b"".join(repository(patience=impatient).chunks(DIGEST, len(CONTENT)))


def test_a_blob_that_stops_coming_is_resumed_if_much_had_come(fake: FakeRegistry, repository: Opener) -> None:
    content = CONTENT * 5
    digest = f"sha256:{sha256(content)}"
    fake.blobs[digest] = content

    def stalls() -> Iterator[bytes]:
        yield content[: 1 << 20]
        time.sleep(0.5)

    fake.route("GET", ".*/blobs/.*", Answer(200, stalls(), length=len(content)), fake.good)
    impatient = msgspec.structs.replace(HASTE, window=0.2)
    assert b"".join(repository(patience=impatient).chunks(digest, len(content))) == content
    assert [one.headers.get("range") for one in fake.asked if "blobs" in one.path] == [None, f"bytes={1 << 20}-"]


def test_a_blob_that_does_not_come_is_not_waited_for_again(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", PATH, Answer(200, CONTENT, pause=0.5), fake.good)
    impatient = msgspec.structs.replace(HASTE, answer=0.15, window=0.2)
    with pytest.raises(Unreachable, match="no answer in time; 0 of 256000 bytes came, and 1 attempts"):
        b"".join(repository(patience=impatient).chunks(DIGEST, len(CONTENT)))
    assert ranges(fake) == ["whole"]


def test_a_blob_that_is_not_there(fake: FakeRegistry, repository: Opener) -> None:
    del fake.blobs[DIGEST]
    with pytest.raises(NotFound, match="though a manifest lists it"):
        fetched(repository)


def test_the_whole_is_left_to_whoever_hashes(fake: FakeRegistry, repository: Opener) -> None:
    fake.blobs[DIGEST] = CONTENT[::-1]
    assert fetched(repository) == CONTENT[::-1]


def test_a_part(fake: FakeRegistry, repository: Opener) -> None:
    assert repository().part(DIGEST, 1000, 1003, len(CONTENT)) == CONTENT[1000:1003]
    assert ranges(fake) == ["bytes=1000-1002"]


def test_a_registry_that_sends_no_parts(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", PATH, Answer(200, CONTENT))
    assert repository().part(DIGEST, 1000, 1003, len(CONTENT)) is None


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (b"abc", "bytes 999-1001/256000"),
        (b"abc", "bytes 1000-1001/256000"),
        (b"abc", "bytes 1000-1002/9"),
        (b"abc", ""),
        (b"ab", "bytes 1000-1002/256000"),
        (b"abcd", "bytes 1000-1002/256000"),
        (b"--x", "multipart/byteranges"),
    ],
)
def test_a_part_that_is_another(body: bytes, header: str, fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", PATH, Answer(206, body, {"Content-Range": header} if header else {}))
    with pytest.raises(Malformed, match="asked for bytes 1000 to 1003"):
        repository().part(DIGEST, 1000, 1003, len(CONTENT))
