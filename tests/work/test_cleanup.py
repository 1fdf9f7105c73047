"""Signals wait until what is made or cleaned up is done; the program's end waits for it too."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator

import pytest

from inspector import work
from inspector.work import Stopped, Token, cleanup


@pytest.fixture(autouse=True)
def _afresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No signal came to this process, and its work is not stopped."""
    monkeypatch.setattr(cleanup, "_signals", [])
    monkeypatch.setattr(cleanup, "_deferred", [])
    yield
    work.ROOT.flagged = False


def test_a_signal_stops_the_work_and_ends_what_the_main_thread_does() -> None:
    with pytest.raises(KeyboardInterrupt):
        work.interrupt(signal.SIGINT)
    with pytest.raises(Stopped):
        work.check()
    assert work.interrupted_by() == signal.SIGINT
    with pytest.raises(SystemExit) as ended:
        work.interrupt(signal.SIGTERM)
    assert ended.value.code == 143


def test_a_signal_waits_for_what_is_shielded() -> None:
    done: list[str] = []

    def clean() -> None:
        with work.shielded():
            work.interrupt(signal.SIGINT)
            work.check()  # no stop breaks in
            done.append("removed")

    with pytest.raises(KeyboardInterrupt):
        clean()
    assert done == ["removed"]


def test_it_is_raised_in_place_of_the_error_that_it_caused() -> None:
    def fail() -> None:
        with work.shielded():
            work.interrupt(signal.SIGTERM)
            raise ValueError

    with pytest.raises(SystemExit):
        fail()


def test_a_shield_within_a_shield_does_not_end_the_outer_one() -> None:
    done: list[str] = []

    def clean() -> None:
        with work.shielded():
            with work.shielded():
                work.interrupt(signal.SIGINT)
            done.append("outer")

    with pytest.raises(KeyboardInterrupt):
        clean()
    assert done == ["outer"]


def test_a_second_signal_breaks_in() -> None:
    def clean() -> None:
        with work.shielded():
            work.interrupt(signal.SIGINT)
            work.interrupt(signal.SIGINT)
            pytest.fail("not reached")

    with pytest.raises(KeyboardInterrupt):
        clean()


def test_what_is_shielded_for_too_long_is_broken_off() -> None:
    with work.shielded(0.5):
        cleanup.expire(0.4)
        work.check()
        cleanup.expire(0.6)
        with pytest.raises(Stopped):
            work.check()


def test_the_stop_of_a_run_does_not_reach_what_cleans_up_after_it() -> None:
    token = Token()
    token.stop()
    with token.entered(), work.shielded():
        work.check()


def test_the_end_waits_for_threads_that_clean_up() -> None:
    begun, ended = threading.Event(), threading.Event()

    def clean() -> None:
        with work.cleanup_pending():
            begun.set()
            time.sleep(0.2)
            ended.set()

    thread = threading.Thread(target=clean)
    thread.start()
    assert begun.wait(5)
    work.wait_for_cleanup()
    assert ended.is_set()
    thread.join()
    assert not work.is_cleaning()
