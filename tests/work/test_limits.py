"""What one image may take: generous, and never endless."""

from __future__ import annotations

import time

import pytest

from inspector import work
from inspector.errors import LimitExceeded
from inspector.work.limits import Limits

NOW = time.monotonic()


def at(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Have the clock say that so many seconds went by, more or less."""
    monkeypatch.setattr(time, "monotonic", lambda: NOW + seconds)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The clock, at its beginning."""
    at(monkeypatch, 0)
    return monkeypatch


def test_bytes_justify_seconds(now: pytest.MonkeyPatch) -> None:
    """100 GB over a link of 10 Mbit/s take 22 hours."""
    slow = Limits()
    slow.advance(100 << 30)
    at(now, 22 * 3600)
    slow.check()
    at(now, 25 * 3600)
    with pytest.raises(LimitExceeded, match="seconds for 107374182400 bytes; --image-timeout allows more"):
        slow.check()


def test_silence_is_bounded(now: pytest.MonkeyPatch) -> None:
    silent = Limits(10)
    at(now, 9)
    silent.check()
    at(now, 11)
    with pytest.raises(LimitExceeded, match="more than 11 seconds for 0 bytes"):
        silent.check()


def test_time_spent_waiting_for_others_is_left_out(now: pytest.MonkeyPatch) -> None:
    patient = Limits(10)
    patient.waited(5)
    at(now, 14)
    patient.check()


def test_computing_is_bounded_by_what_the_bytes_justify() -> None:
    busy = Limits(10)
    busy.compute(3)
    with pytest.raises(LimitExceeded, match="seconds of computing"):
        busy.check()
    busy.advance(2 << 20)
    busy.check()


def test_an_endless_loop_ends() -> None:
    def loop() -> None:
        while True:
            work.check()

    with work.limited(1), pytest.raises(LimitExceeded):
        loop()


def test_what_threads_compute_is_added_up() -> None:
    """Two threads compute half of what is allowed each, and none of it alone is too much."""

    def burn(_: int) -> None:
        until = time.thread_time() + 0.15
        while time.thread_time() < until:
            work.check()

    with work.limited(1), work.SideBySide(burn, range(2), 2) as results, pytest.raises(LimitExceeded):
        list(results)


def test_a_thread_pays_for_its_own_image_alone() -> None:
    until = time.thread_time() + 0.25
    while time.thread_time() < until:
        pass
    with work.limited(1):
        work.check()


def test_waiting_for_others_does_not_count(now: pytest.MonkeyPatch) -> None:
    with work.limited(10):
        with work.waiting():
            at(now, 30)
            work.check()
            at(now, 50)
        work.check()
        at(now, 61)
        with pytest.raises(LimitExceeded):
            work.check()


def test_a_pause_ends_with_the_limit() -> None:
    with work.limited(0.3), pytest.raises(LimitExceeded):
        work.wait(60)
