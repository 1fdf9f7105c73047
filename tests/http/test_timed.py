"""Deadlines: what is read, connected and shaken hands with keeps them, however the bytes come."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from inspector.http.timed import DEADLINE, TimedSocket, within


@pytest.fixture
def pair() -> Iterator[tuple[TimedSocket, socket.socket]]:
    ours, theirs = socket.socketpair()
    timed = TimedSocket(fileno=ours.detach())
    with timed, theirs:
        yield timed, theirs


def test_a_drip_ends_at_the_deadline(pair: tuple[TimedSocket, socket.socket]) -> None:
    timed, theirs = pair
    timed.settimeout(5)
    done = threading.Event()

    def drip() -> None:
        while not done.wait(0.02):
            theirs.sendall(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    began = time.monotonic()
    with timed.makefile("rb") as file, within(0.2), pytest.raises(TimeoutError):
        file.readline()
    assert time.monotonic() - began < 2
    with within(0.2), pytest.raises(TimeoutError):
        b"".join(iter(lambda: timed.recv(1), b""))
    assert timed.gettimeout() == 5, "its own bound is as it was"
    done.set()
    thread.join()


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


def test_a_deadline_is_of_one_thread_alone(pair: tuple[TimedSocket, socket.socket]) -> None:
    timed, theirs = pair
    theirs.sendall(b"x")
    read: list[bytes] = []
    with within(-1):
        with pytest.raises(TimeoutError):
            timed.recv(1)
        with pytest.raises(TimeoutError):
            timed.connect("/nowhere")
        thread = threading.Thread(target=lambda: read.append(timed.recv(1)))
        thread.start()
        thread.join()
    assert read == [b"x"]


def test_the_socket_s_own_timeout_counts_where_it_is_nearer(pair: tuple[TimedSocket, socket.socket]) -> None:
    timed, _ = pair
    timed.settimeout(0.05)
    began = time.monotonic()
    with within(10), pytest.raises(TimeoutError):
        timed.recv(1)
    assert time.monotonic() - began < 2
