"""Work in a copy of this process: what comes of it, and that it ends, whoever ends first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from inspector import work
from inspector.work import copies

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux alone")


@pytest.fixture(autouse=True)
def _two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a copy be made: pytest may run on one processor, or beside threads of its own."""
    monkeypatch.setattr(copies, "_may_copy", lambda: True)


def begun(action: Callable[[], Iterator[bytes]]) -> work.Aside:
    found = work.aside(action)
    assert found is not None
    return found


def eventually(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + 10
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def own() -> Iterator[bytes]:
    """Say who the copy is, and don't end."""
    yield str(os.getpid()).encode()
    time.sleep(60)


def test_answers_come_in_order_then_none() -> None:
    large = bytes(range(256)) * 8192
    copy = begun(lambda: iter([b"first", large]))
    assert [copy.take() for _ in range(4)] == [b"first", large, None, None]


def test_what_fails_gives_none_after_what_it_gave() -> None:
    def action() -> Iterator[bytes]:
        yield b"first"
        raise ZeroDivisionError

    copy = begun(action)
    assert [copy.take(), copy.take()] == [b"first", None]


def test_one_that_dies_within_an_answer_gives_none() -> None:
    reads, writes = os.pipe()
    os.write(writes, (100).to_bytes(8) + b"cut")
    os.close(writes)
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {})
    assert work.Aside(pid, reads, os.dup(reads)).take() is None


def test_closing_it_ends_it_at_once_and_leaves_nothing_open() -> None:
    before = open_files()
    copy = begun(own)
    pid = int(copy.take() or 0)
    copy.close()
    copy.close()
    assert not is_there(pid)
    assert open_files() == before


def test_it_ends_where_this_process_ends() -> None:
    script = (
        "import os, sys, time\nfrom inspector.work import copies\ncopies._may_copy = lambda: True\n"
        "def own():\n    yield str(os.getpid()).encode()\n    time.sleep(60)\n"
        "copy = copies.aside(own)\nprint(copy.take().decode(), flush=True)\nos.kill(os.getpid(), 9)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == -signal.SIGKILL
    assert eventually(lambda: not is_there(int(ran.stdout)))


def test_signals_end_it_without_the_handlers_of_this_process() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: seen.append(number))
    try:
        with closing(begun(own)) as copy:
            os.kill(int(copy.take() or 0), signal.SIGTERM)
            assert copy.take() is None
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == []


def test_waiting_for_it_ends_with_a_stop() -> None:
    with closing(begun(own)) as copy, work.limited() as token:
        copy.take()
        threading.Timer(0.1, token.stop).start()
        with pytest.raises(work.Stopped):
            copy.take()


def test_no_copy_is_made_where_the_system_allows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError

    before = open_files()
    monkeypatch.setattr(os, "fork", refuse)
    assert work.aside(lambda: iter(())) is None
    assert open_files() == before


@pytest.mark.parametrize(
    ("processors", "threads", "made"),
    [("{0, 1}", "", True), ("{0}", "", False), ("{0, 1}", "work", False), ("{0, 1}", "inspector-signals", True)],
)
def test_where_it_is_no_gain_or_not_safe_none_is_made(processors: str, threads: str, *, made: bool) -> None:
    script = (
        f"import os, threading, time\nfrom inspector import work\nos.sched_getaffinity = lambda _: {processors}\n"
        f"for name in {threads.split()}:\n"
        "    threading.Thread(target=time.sleep, args=(60,), name=name, daemon=True).start()\n"
        "copy = work.aside(lambda: iter([b'x']))\nprint(copy is not None, copy and copy.take())\n"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True, timeout=30
    )
    assert ran.stdout == ("True b'x'\n" if made else "False None\n")
