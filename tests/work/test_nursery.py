"""Side by side: results as they come or in order, input asked for lazily, and one failure or leaving stops all."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from inspector import work
from inspector.errors import Malformed
from inspector.work import SideBySide, Stopped, Token

SOON = 5.0


def forever(_: object) -> None:
    """Wait for the stop alone."""
    work.wait(60)


@pytest.mark.parametrize("count", [0, 1, 7])
def test_in_order(count: int) -> None:
    def late(number: int) -> int:
        time.sleep(0.02 if number % 2 else 0)
        return number * 2

    with SideBySide(late, range(count), 3, in_order=True) as results:
        assert list(results) == [number * 2 for number in range(count)]
        assert results.ended


def test_as_they_come() -> None:
    first_may_end = threading.Event()

    def action(number: int) -> int:
        assert number or first_may_end.wait(SOON)
        return number

    with SideBySide(action, range(3), 2) as results:
        found = iter(results)
        assert [next(found), next(found)] == [1, 2]
        first_may_end.set()
        assert list(found) == [0]


def test_none_is_a_result_as_any_other() -> None:
    with SideBySide(lambda _: None, range(3), 2) as results:
        assert list(results) == [None, None, None]


def test_no_more_items_are_taken_than_threads_and_results_taken() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with SideBySide(lambda number: number, items(), 3, in_order=True) as results:
        found = iter(results)
        next(found)
        time.sleep(0.1)
        assert len(taken) <= 1 + 3
        assert list(found) == list(range(1, 100))


def test_items_are_asked_for_by_one_thread_at_a_time() -> None:
    inside = threading.Lock()

    def items() -> Iterator[int]:
        for number in range(30):
            assert inside.acquire(blocking=False)
            time.sleep(0.001)
            inside.release()
            yield number

    with SideBySide(lambda number: number, items(), 4) as results:
        assert sorted(results) == list(range(30))


def test_a_failure_stops_the_others_and_only_then_is_raised() -> None:
    running = threading.Event()
    ended: list[str] = []

    def action(number: int) -> None:
        if number == 0:
            running.wait(SOON)
            raise Malformed("the first")
        running.set()
        try:
            work.wait(60)
        finally:
            ended.append("second")

    begun = time.monotonic()
    with pytest.raises(Malformed, match="the first"), SideBySide(action, range(2), 2, in_order=True) as results:
        list(results)
    assert ended == ["second"]
    assert time.monotonic() - begun < SOON


def test_who_fails_first_is_raised_though_its_turn_has_not_come() -> None:
    def action(number: int) -> None:
        if number == 1:
            raise Malformed("the second")
        work.wait(60)

    with pytest.raises(Malformed, match="the second"), SideBySide(action, range(2), 2, in_order=True) as results:
        list(results)


def test_a_failure_of_the_items_is_raised() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise Malformed("no further")

    with pytest.raises(Malformed, match="no further"), SideBySide(forever, items(), 2) as results:
        list(results)


@pytest.mark.parametrize("how", [KeyboardInterrupt, GeneratorExit, Malformed])
def test_who_leaves_stops_all(how: type[BaseException]) -> None:
    calls: list[int] = []
    with pytest.raises(how), SideBySide(forever, range(4), 2, stop=lambda: calls.append(1)):
        raise how
    assert calls
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("inspector-")]


def test_a_closed_generator_stops_all() -> None:
    def results() -> Iterator[object]:
        with SideBySide(lambda number: work.wait(number * 60), range(4), 4) as found:
            yield from found

    generator = results()
    assert next(generator) is None
    begun = time.monotonic()
    generator.close()  # type: ignore[attr-defined]
    assert time.monotonic() - begun < SOON


def test_items_are_closed_where_the_caller_leaves() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.set()

    with SideBySide(forever, items(), 2):
        pass
    assert closed.wait(SOON)


def test_what_runs_within_what_runs_stops_with_it() -> None:
    depth = threading.Event()

    def outer(_: int) -> None:
        with SideBySide(inner, range(2), 2) as results:
            list(results)

    def inner(_: int) -> None:
        depth.set()
        work.wait(60)

    with SideBySide(outer, range(2), 2):
        assert depth.wait(SOON)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("inspector-")]


def test_a_stop_from_without_reaches_who_waits_for_results() -> None:
    token = Token()
    timer = threading.Timer(0.1, token.stop)
    timer.start()
    with token.entered(), pytest.raises(Stopped), SideBySide(forever, range(2), 2) as results:
        list(results)
    timer.join()


def test_a_thread_that_the_system_holds_is_left_behind() -> None:
    held = threading.Event()
    begun = time.monotonic()
    with SideBySide(lambda _: held.wait(60), range(1), 1):
        pass
    assert time.monotonic() - begun < SOON
    held.set()


def test_one_that_cleans_up_is_waited_for() -> None:
    cleaning = threading.Event()
    ended: list[int] = []

    def action(_: int) -> None:
        with work.cleanup_pending():
            cleaning.set()
            time.sleep(1.0)
            ended.append(1)

    with SideBySide(action, range(1), 1):
        assert cleaning.wait(SOON)
    assert ended == [1]


def test_a_result_that_has_not_come_is_not_waited_for() -> None:
    may_end = threading.Event()
    with SideBySide(lambda _: may_end.wait(SOON), range(1), 1) as results:
        assert results.take(wait=False) == []
        assert not results.ended
        may_end.set()
        assert results.take(wait=True) == [True]
        assert results.take(wait=True) == []
        assert results.ended


def test_where_no_thread_can_be_started_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(RuntimeError), SideBySide(forever, range(2), 2):
        pass


def test_fewer_threads_than_asked_for_do_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    start, left = threading.Thread.start, [1]

    def once(thread: threading.Thread) -> None:
        if not left:
            raise RuntimeError("can't start new thread")
        left.pop()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", once)
    with SideBySide(lambda number: number, range(5), 3) as results:
        assert sorted(results) == list(range(5))
