"""Starting, waiting and reading what was written: what only the runtime check does."""

from __future__ import annotations

import io
import time
from typing import Any

import pytest

from inspector.engine.client import demultiplexed
from inspector.errors import LimitExceeded, NotFound, Refused, Unreachable
from inspector.testing import faults
from tests.engine.conftest import Start

BODY = {"Image": "small:1", "Cmd": ["x"]}


def test_a_run_from_start_to_end(start: Start) -> None:
    fake, engine = start(output=(b"out", b"err"), exit_code=3)
    container = engine.create(BODY, name="mine")
    engine.start(container)
    assert fake.containers[container].running
    assert engine.container(container)["State"]["Running"]
    assert engine.wait(container, 5) == 3
    assert engine.output(container, 100) == b"out"
    assert engine.output(container, 100, errors=True) == b"err"
    assert engine.output(container, 2) == b"ou"
    assert engine.remove(container)


def test_a_container_that_runs_on_is_told_in_time(start: Start) -> None:
    fake, engine = start()
    container = engine.create(BODY)
    fake.misbehave("POST", ".*/wait", faults.hang)
    before = time.monotonic()
    with pytest.raises(LimitExceeded, match=r"still runs after 0\.2 s"):
        engine.wait(container, 0.2)
    assert time.monotonic() - before < 2


def test_an_engine_may_begin_its_answer_long_before_the_container_ends(start: Start) -> None:
    """Docker sends the head at once."""
    fake, engine = start(seconds=0.1)
    container = engine.create(BODY)

    def late(handler: Any) -> None:
        handler.begin(200, {})
        time.sleep(0.6)
        handler.chunk(b'{"StatusCode": 7}')
        handler.chunk(b"")

    fake.misbehave("POST", ".*/wait", late)
    assert engine.wait(container, 5) == 7
    with pytest.raises(LimitExceeded, match="still runs"):
        engine.wait(container, 0.2)


def test_an_engine_that_goes_away_while_waiting_is_no_running_container(start: Start) -> None:
    fake, engine = start()
    container = engine.create(BODY)
    fake.misbehave("POST", ".*/wait", faults.gone)
    with pytest.raises(Unreachable):
        engine.wait(container, 5)


def test_killing_what_has_ended_or_gone_is_well(start: Start) -> None:
    fake, engine = start()
    container = engine.create(BODY)
    engine.kill(container)
    engine.start(container)
    engine.kill(container)
    engine.kill("gone")
    fake.misbehave("POST", ".*/kill", faults.status(500, "no"))
    with pytest.raises(Refused):
        engine.kill(container)


def test_an_endless_output_is_cut(start: Start) -> None:
    fake, engine = start()

    def endless(handler: object) -> None:
        handler.begin(200, {})  # type: ignore[attr-defined]
        while not fake._server.closed.is_set():
            handler.chunk(b"\1\0\0\0\0\0\1\0" + b"x" * 256)  # type: ignore[attr-defined]

    fake.misbehave("GET", ".*/logs", endless)
    container = engine.create(BODY)
    assert engine.output(container, 1000) == b"x" * 1000


@pytest.mark.parametrize(
    ("framed", "said"),
    [
        (b"", b""),
        (b"\1\0\0\0\0\0\0\2ab\1\0\0\0\0\0\0\1c", b"abc"),
        (b"\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\1c", b"c"),
        (b"\1\0\0\0\xff\xff\xff\xffab", b"ab"),
        (b"\1\0\0", b""),
    ],
)
def test_frames_are_joined(framed: bytes, said: bytes) -> None:
    assert demultiplexed(io.BytesIO(framed), 10) == said


@pytest.mark.parametrize("name", ["../images/x", "", ".", ".."])
def test_a_containers_name_never_leads_to_another_address(start: Start, name: str) -> None:
    _, engine = start()
    with pytest.raises(Exception, match="not a container id"):
        engine.start(name)
    with pytest.raises(NotFound):
        engine.container("gone")
