"""The stop token: heard by loops, waits and what blocks, and by all that descend from the one that is stopped."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest

from inspector import work
from inspector.work import Stopped, Token

SOON = 5.0


def test_a_stop_reaches_descendants_and_no_others() -> None:
    parent, other = Token(), Token()
    child = Token(Token(parent))
    child.check()
    parent.stop()
    for stopped in (parent, child, Token(parent)):
        with pytest.raises(Stopped):
            stopped.check()
    other.check()


def test_a_closed_child_is_left_alone_by_its_parent() -> None:
    parent = Token(Token())
    child = Token(parent)
    child.close()
    parent.stop()
    assert child.is_stopped is False


def test_what_turns_errors_into_findings_lets_it_pass() -> None:
    token = Token()
    token.stop()

    def read() -> str:
        try:
            token.check()
        except Exception:  # noqa: BLE001 - this is what is tested
            return "a fault of the image"
        return "read"

    with pytest.raises(Stopped):
        read()


def test_a_wait_ends_with_the_stop() -> None:
    token = Token()
    timer = threading.Timer(0.05, token.stop)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(Stopped):
        token.wait(60)
    assert time.monotonic() - begun < SOON
    timer.join()


def test_a_wait_notices_a_flag_too() -> None:
    token = Token()
    timer = threading.Timer(0.05, token.flag)
    timer.start()
    with pytest.raises(Stopped):
        Token(token).wait(60)
    timer.join()


def test_a_wait_that_nobody_stops_lasts() -> None:
    begun = time.monotonic()
    Token().wait(0.1)
    assert time.monotonic() - begun >= 0.1


def test_what_blocks_is_shut_down() -> None:
    ours, theirs = socket.socketpair()
    token = Token()
    with ours, theirs, token.entered(), work.on_stop(lambda: ours.shutdown(socket.SHUT_RDWR)):
        timer = threading.Timer(0.05, token.stop)
        timer.start()
        assert ours.recv(1) == b""
        timer.join()


def test_callbacks_are_called_at_once_after_the_stop_and_never_once_forgotten() -> None:
    called: list[str] = []
    token = Token()
    forget = token.on_stop(lambda: called.append("forgotten"))
    token.on_stop(lambda: called.append("before"))
    forget()
    token.stop()
    token.on_stop(lambda: called.append("after"))
    assert called == ["before", "after"]


def test_a_callback_that_fails_keeps_no_other_from_being_called() -> None:
    called: list[int] = []
    token = Token()
    token.on_stop(lambda: called.append(1 // 0))
    token.on_stop(lambda: called.append(1))
    token.stop()
    assert called == [1]


def test_a_pipe_is_waited_for_until_the_stop() -> None:
    reads, writes = os.pipe()
    token = Token()
    timer = threading.Timer(0.05, token.stop)
    timer.start()
    try:
        with token.entered(), pytest.raises(Stopped):
            work.wait_readable(reads)
        os.write(writes, b"x")
        work.wait_readable(reads)
    finally:
        timer.join()
        os.close(reads)
        os.close(writes)


def test_each_thread_has_a_current_token_of_its_own() -> None:
    token = Token()
    with token.entered():
        assert work.current() is token
        found: list[Token] = []
        thread = threading.Thread(target=lambda: found.append(work.current()))
        thread.start()
        thread.join()
        assert found == [work.ROOT]
    assert work.current() is work.ROOT
