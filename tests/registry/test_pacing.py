"""Busy, silent and absent registries, and how long they are borne with."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import msgspec
import pytest

from inspector import work
from inspector.errors import InspectorError, RateLimited, Refused, Unreachable
from inspector.http.pacing import Pacing, retry_after
from inspector.names import ImageName
from inspector.registry.client import Client
from inspector.registry.session import refusal
from inspector.registry.settings import Settings
from inspector.testing.registry import Answer, Asked, FakeRegistry
from tests.registry.conftest import HASTE, Opener
from tests.sources.samples import API


@pytest.mark.parametrize(("status", "says"), [(429, "rate limited"), (500, "answers 500"), (503, "answers 503")])
def test_a_registry_that_stays_busy(status: int, says: str, fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", ".*/manifests/.*", Answer(status))
    with pytest.raises(RateLimited if status == 429 else Refused, match=f"{says}.*; asked 4 times"):
        repository().manifest("1")
    assert len(fake.paths("GET")) == 5  # and once whether it speaks TLS, by which it was found out that it does not


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_registry_that_is_busy_for_a_moment(status: int, fake: FakeRegistry, repository: Opener) -> None:
    digest = fake.push("a/b", "1", API)
    fake.route("GET", ".*/manifests/.*", Answer(status), Answer(status), fake.good)
    assert repository().manifest("1").digest == digest


def test_a_pause_that_is_asked_for_is_kept(fake: FakeRegistry, repository: Opener) -> None:
    digest = fake.push("a/b", "1", API)
    fake.route("GET", ".*/manifests/.*", Answer(429, headers={"Retry-After": "1"}), fake.good)
    begun = time.monotonic()
    assert repository().manifest("1").digest == digest
    assert time.monotonic() - begun >= 1.0


def test_a_pause_beyond_bearing_is_not_kept(fake: FakeRegistry, repository: Opener) -> None:
    fake.route("GET", ".*/manifests/.*", Answer(429, headers={"Retry-After": "86400"}))
    begun = time.monotonic()
    with pytest.raises(RateLimited, match="a pause of 86400 seconds"):
        repository().manifest("1")
    assert time.monotonic() - begun < 0.5


def test_all_threads_keep_the_pause(fake: FakeRegistry, repository: Opener) -> None:
    digest = fake.push("a/b", "1", API)
    times: list[float] = []
    first = threading.Event()

    def answer(asked: Asked) -> Answer:
        times.append(time.monotonic())
        if not first.is_set():
            first.set()
            return Answer(429, headers={"Retry-After": "1"})
        return fake.good(asked)

    fake.route("GET", ".*/manifests/.*", answer)
    opened = repository()
    opened.session.origin()
    with ThreadPoolExecutor(4) as pool:
        busy = pool.submit(opened.manifest, "1")
        first.wait()
        time.sleep(0.1)
        others = [pool.submit(opened.manifest, "1") for _ in range(3)]
        assert {each.result().digest for each in (busy, *others)} == {digest}
    assert all(each - times[0] >= 1.0 for each in times[1:])


def test_a_connection_that_breaks_is_made_anew(fake: FakeRegistry, repository: Opener) -> None:
    digest = fake.push("a/b", "1", API)

    def broken(_: Asked) -> Answer:
        raise ConnectionResetError

    fake.route("GET", ".*/manifests/.*", broken, fake.good)
    assert repository().manifest("1").digest == digest


def test_a_registry_that_is_silent(fake: FakeRegistry, repository: Opener) -> None:
    def silent(_: Asked) -> Answer:
        time.sleep(0.4)
        raise ConnectionResetError

    impatient = msgspec.structs.replace(HASTE, silence=0.1)
    fake.route("GET", ".*/manifests/.*", silent)
    with pytest.raises(Unreachable, match="no answer in time"):
        repository(patience=impatient).manifest("1")


def test_nobody_listens_and_no_such_host(repository: Opener) -> None:
    with pytest.raises(Unreachable, match="nothing listens there"):
        repository(host="127.0.0.1:1").manifest("1")
    with pytest.raises(Unreachable, match="no such host"):
        repository(host="registry.invalid").manifest("1")


def test_who_waits_is_let_go_when_the_work_is_stopped(fake: FakeRegistry, repository: Opener) -> None:
    patient = msgspec.structs.replace(HASTE, max_wait=60.0)
    fake.route("GET", ".*/manifests/.*", Answer(429, headers={"Retry-After": "60"}))
    opened = repository(patience=patient)
    _ends_on_a_stop(lambda: opened.manifest("1"), lambda: any("manifests" in path for path in fake.paths()))


def _ends_on_a_stop(act: Callable[[], object], begun: Callable[[], bool]) -> None:
    """Stop what acts, once it has begun: it ends within a second."""
    token = work.Token()

    def acting() -> None:
        with token.entered():
            act()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(acting)
        while not begun():
            time.sleep(0.01)
        began = time.monotonic()
        token.stop()
        with pytest.raises((work.Stopped, InspectorError)):
            waiting.result(timeout=5)
        assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 17 ", 17.0),
        ("", None),
        ("-1", None),
        ("soon", None),
        ("1.5", None),
        ("٣", None),
        (formatdate(1030, usegmt=True), 30.0),
        (formatdate(900, usegmt=True), 0.0),
        ("Thu, 99 Jan 2026 00:00:00 GMT", None),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999999999", None),
    ],
)
def test_what_retry_after_says(value: str, seconds: float | None) -> None:
    assert retry_after(value, 1000.0) == seconds


def test_pauses_grow_and_end_at_a_minute() -> None:
    pacing = Pacing(msgspec.structs.replace(HASTE, backoff=1.0), refusal)
    assert [pacing.backoff(failures) for failures in (1, 2, 3, 7, 90)] == [1.0, 2.0, 4.0, 60.0, 60.0]


@pytest.mark.parametrize("told", [True, False], ids=["begun", "silent"])
def test_a_stop_does_not_wait_for_a_silent_registry(told: bool, fake: FakeRegistry, settings: Settings) -> None:  # noqa: FBT001
    asked = threading.Event()
    going = threading.Event()

    def body() -> Iterator[bytes]:
        yield b"x"
        asked.set()
        going.wait(20)

    def answer(_: Asked) -> Answer:
        if told:
            return Answer(200, body(), length=len(API.layers[0]))
        asked.set()
        going.wait(20)
        return Answer(500)

    fake.route("GET", ".*/blobs/.*", answer)
    patience = msgspec.structs.replace(HASTE, silence=20.0, window=20.0)
    client = Client(msgspec.structs.replace(settings, patience=patience))
    (repository,) = client.repositories(ImageName(fake.host, "a/b"))
    _ends_on_a_stop(lambda: b"".join(repository.chunks(API.image_id, len(API.layers[0]))), asked.is_set)
    client.close()
    going.set()
