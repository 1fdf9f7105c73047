"""Deadlines: what is read, connected and shaken hands with keeps them, however the bytes come."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from inspector import work
from inspector.http.timed import DEADLINE, TimedReader, timed, within

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_drip_ends_at_the_deadline(pair: Pair) -> None:
    ours, theirs = pair
    ours.settimeout(5)
    done = threading.Event()

    def drip() -> None:
        while not done.wait(0.02):
            theirs.sendall(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    began = time.monotonic()
    with io.BufferedReader(TimedReader(ours)) as file, within(0.2), pytest.raises(TimeoutError):
        file.readline()
    assert time.monotonic() - began < 2
    assert ours.gettimeout() == 5, "its own bound is as it was"
    done.set()
    thread.join()


def test_what_a_closed_socket_brought_can_be_read(pair: Pair) -> None:
    """`http.client` closes it as soon as it knows that the answer is the last one."""
    ours, theirs = pair
    theirs.sendall(b"x")
    with TimedReader(ours) as reader:
        ours.close()
        assert reader.read(1) == b"x"
    assert ours.fileno() == -1


def test_a_stop_ends_what_is_read(pair: Pair) -> None:
    ours, _ = pair
    token = work.Token()
    with TimedReader(ours) as reader, token.entered():
        threading.Timer(0.1, token.stop).start()
        assert reader.read(1) == b""


def test_the_nearest_of_several_deadlines_counts() -> None:
    with within(100):
        outer = DEADLINE.until
        with within(1000):
            assert DEADLINE.until == outer
        with within(1):
            assert DEADLINE.until is not None
            assert outer is not None
            assert DEADLINE.until < outer
        assert DEADLINE.until == outer
    assert DEADLINE.until is None


def test_a_deadline_is_of_one_thread_alone(pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(b"x")
    read: list[bytes] = []
    reader = TimedReader(ours)
    with within(-1):
        with pytest.raises(TimeoutError):
            reader.read(1)
        with pytest.raises(TimeoutError), timed(ours):
            ours.connect("/nowhere")
        thread = threading.Thread(target=lambda: read.append(reader.read(1)))
        thread.start()
        thread.join()
    assert read == [b"x"]


def test_the_socket_s_own_timeout_counts_where_it_is_nearer(pair: Pair) -> None:
    ours, _ = pair
    ours.settimeout(0.05)
    began = time.monotonic()
    with within(10), pytest.raises(TimeoutError):
        TimedReader(ours).read(1)
    assert time.monotonic() - began < 2
