"""Containers made for a question are never left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest

from inspector.engine import containers
from inspector.engine.containers import LABEL, created, remove_leftovers
from inspector.engine.owner import Owner, started, this_owner
from inspector.errors import NotFound, Refused, Unreachable
from tests.engine import faults
from tests.engine.conftest import Start
from tests.engine.images import SMALL


def test_a_container_is_made_as_it_should_be(start: Start) -> None:
    fake, engine = start()
    with created(engine, SMALL.image_id, purpose="files"):
        (container,) = fake.containers.values()
        assert not container.running
    body = container.body
    assert body["Image"] == SMALL.image_id
    assert (body["NetworkDisabled"], body["HostConfig"]["NetworkMode"]) == (True, "none")
    assert body["Labels"][LABEL] == str(this_owner())
    assert body["Labels"]["io.inspector.purpose"] == "files"
    assert body["Cmd"]
    assert not body.get("Entrypoint")
    assert container.name.startswith("inspector-")
    assert fake.asked("POST", "/containers/.*/start") == []


def test_a_body_is_kept_but_for_what_marks_the_container_as_ours(start: Start) -> None:
    fake, engine = start()
    body = {"Cmd": ["mine"], "Labels": {"a": "b", LABEL: "x"}, "HostConfig": {"Memory": 5}, "Image": "another"}
    with created(engine, "small:1", body=body, purpose="run"):
        (container,) = fake.containers.values()
    assert (container.body["Cmd"], container.body["Image"]) == (["mine"], "small:1")
    assert container.body["HostConfig"] == {"Memory": 5, "NetworkMode": "none"}
    assert container.body["Labels"]["a"] == "b"
    assert container.body["Labels"][LABEL] == str(this_owner())


def test_it_is_removed_with_its_volumes_by_force(start: Start) -> None:
    fake, engine = start()
    with created(engine, "small:1", purpose="test"):
        pass
    (request,) = fake.asked("DELETE", "/containers/.*")
    assert request.query == {"v": "1", "force": "1"}
    assert fake.containers == {}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit, Unreachable])
def test_it_is_removed_whatever_happens(start: Start, error: type[BaseException]) -> None:
    fake, engine = start()
    with pytest.raises(error), created(engine, "small:1", purpose="test"):
        raise error
    assert fake.containers == {}


def test_it_is_removed_when_nobody_waited_for_its_id(start: Start) -> None:
    fake, engine = start()
    ask = engine._transport.ask

    def interrupted(method: str, path: str, **more: object) -> object:
        answer = ask(method, path, **more)  # type: ignore[arg-type]
        if path == "/containers/create":
            raise KeyboardInterrupt
        return answer

    engine._transport.ask = interrupted  # type: ignore[assignment,method-assign]
    with pytest.raises(KeyboardInterrupt), created(engine, "small:1", purpose="test"):
        pass
    assert fake.containers == {}


def test_it_is_removed_when_the_engine_makes_it_after_all(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "_LATE_SECONDS", 2.0)
    fake, engine = start()
    late = threading.Event()
    fake.misbehave("POST", "/containers/create", _create_when(late), times=1)
    with pytest.raises(Unreachable), _impatient(engine), created(engine, "small:1", purpose="test"):
        threading.Timer(0.3, late.set).start()
    deadline = time.monotonic() + 2
    while not fake.asked("DELETE", ".*") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert fake.containers == {}


def _create_when(event: threading.Event) -> faults.Fault:
    def fault(handler: object) -> None:
        event.wait(0.5)
        handler._create()  # type: ignore[attr-defined]

    return fault


@contextmanager
def _impatient(engine: object) -> Iterator[None]:
    ask = engine._transport.ask  # type: ignore[attr-defined]
    engine._transport.ask = lambda *words, **more: ask(*words, **{**more, "seconds": 0.2})  # type: ignore[attr-defined]
    yield
    engine._transport.ask = ask  # type: ignore[attr-defined]


def test_ctrl_c_while_removing_waits_for_that(start: Start) -> None:
    fake, engine = start()
    remove, interrupts = engine.remove, [KeyboardInterrupt()]

    def removing(container: str) -> bool:
        if interrupts:
            raise interrupts.pop()
        return remove(container)

    engine.remove = removing  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt), created(engine, "small:1", purpose="test"):
        pass
    assert fake.containers == {}


def test_an_image_that_is_gone_leaves_nothing(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "_LATE_SECONDS", 0.0)
    fake, engine = start()
    with pytest.raises(NotFound, match="No such image"), created(engine, "nosuch", purpose="test"):
        pass
    assert fake.containers == {}


@pytest.mark.parametrize("error", [None, ValueError])
def test_what_is_still_dying_is_removed_once_it_is_dead(
    start: Start, monkeypatch: pytest.MonkeyPatch, error: type[Exception] | None
) -> None:
    monkeypatch.setattr(containers, "_LATE_SECONDS", 0.1)
    fake, engine = start()
    words = (
        "Could not kill running container x, cannot remove - tried to kill container, but did not receive an exit event"
    )
    fake.misbehave("DELETE", "/containers/.*", faults.status(500, words), times=2)
    with pytest.raises(error) if error else nullcontext(), created(engine, "small:1", purpose="test"):
        if error:
            raise error
    assert len(fake.asked("DELETE", "/containers/.*")) == 3
    assert fake.containers == {}


def test_what_never_dies_is_told(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "_DYING_SECONDS", 0.0)
    fake, engine = start()
    fake.misbehave("DELETE", "/containers/.*", faults.status(500, "did not receive an exit event"))
    with pytest.raises(Refused, match="exit event"), created(engine, "small:1", purpose="test"):
        pass


def test_a_removal_that_fails_is_told(start: Start) -> None:
    fake, engine = start()
    fake.misbehave("DELETE", "/containers/.*", faults.status(500, "device is busy"))
    with pytest.raises(Refused, match="device is busy"), created(engine, "small:1", purpose="test"):
        pass


def test_what_went_wrong_first_is_told_first(start: Start) -> None:
    fake, engine = start()
    fake.misbehave("DELETE", "/containers/.*", faults.status(500, "device is busy"))
    with pytest.raises(ValueError, match="mine"), created(engine, "small:1", purpose="test"):
        raise ValueError("mine")


@pytest.mark.parametrize("status", [404, 409])
def test_a_container_that_is_gone_or_going_is_well(start: Start, status: int) -> None:
    fake, engine = start()
    fake.misbehave("DELETE", "/containers/.*", faults.status(status, "no"))
    assert engine.remove("c") is (status != 404)


def _left(start: Start, *owners: object, age: float = 0.0) -> set[str]:
    """Whose containers stand once leftovers were removed."""
    fake, engine = start()
    for owner in owners:
        engine.create({"Image": "small:1", "Cmd": ["x"], "Labels": {LABEL: str(owner)} if owner else {}})
    for container in fake.containers.values():
        container.created = int(time.time() - age)
    count = remove_leftovers(engine)
    assert count == len(owners) - len(fake.containers)
    return {container.body["Labels"].get(LABEL, "") for container in fake.containers.values()}


def _dead(host: str = "") -> Owner:
    return Owner(host or this_owner().host, 2**22 + 5, 1)


def test_leftovers_are_those_of_dead_processes_of_this_host(start: Start) -> None:
    parent = Owner(this_owner().host, os.getppid(), started(os.getppid()) or 0)
    assert _left(start, this_owner(), parent, _dead()) == {str(this_owner()), str(parent)}


def test_a_process_that_has_anothers_number_is_dead(start: Start) -> None:
    here = this_owner()
    if not here.start:
        pytest.skip("this system doesn't tell when a process started")
    assert _left(start, Owner(here.host, here.process, here.start - 1)) == set()


def test_age_is_told_by_the_engines_clock(start: Start) -> None:
    fake, engine = start()
    listed = b'[{"Id": "a", "Labels": {"x": "y"}, "Created": 1000000000, "State": "created"}]'
    fake.misbehave("GET", "/containers/json", faults.body(listed, Date="Sun, 09 Sep 2001 01:48:00 GMT"))
    (container,) = engine.containers("x")
    assert container.age == 80


def test_another_hosts_containers_stay_for_an_hour(start: Start) -> None:
    assert _left(start, _dead("another"), age=3000) == {str(_dead("another"))}
    assert _left(start, _dead("another"), age=4000) == set()


@pytest.mark.parametrize("label", ["", "x", "a/b/c", "h/1/2/3", "h/-1/2", "h/1/2\n", "h/99999999999/1"])
def test_a_label_that_is_none_of_ours_is_left_alone(start: Start, label: str) -> None:
    assert _left(start, label, age=10**6) == {label}


def test_containers_without_our_label_are_not_even_listed(start: Start) -> None:
    assert _left(start, None) == {""}


def test_a_leftover_that_cannot_be_removed_hinders_nothing(start: Start) -> None:
    fake, engine = start()
    for _ in range(2):
        engine.create({"Image": "small:1", "Cmd": ["x"], "Labels": {LABEL: str(_dead())}})
    fake.misbehave("DELETE", ".*", faults.status(500, "busy"), times=1)
    assert remove_leftovers(engine) == 1
    assert len(fake.containers) == 1


def test_an_owner_is_read_as_it_was_written() -> None:
    assert Owner.parse(str(this_owner())) == this_owner()
    assert not this_owner().is_dead(10**6)


def test_a_host_whose_process_table_is_hidden_keeps_what_may_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.engine.owner.started", lambda _: 0)
    assert not Owner("h", 1, 5).is_dead(10**6)


def test_a_container_has_processes_of_its_own() -> None:
    unshare = shutil.which("unshare")
    if unshare is None or os.geteuid():
        pytest.skip("this takes unshare, and root")
    code = "from inspector.engine.owner import this_owner; print(this_owner())"
    command = [unshare, "--pid", "--fork", "--mount-proc", sys.executable, "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        pytest.skip("no namespace may be made here")
    there = Owner.parse(said.stdout.strip())
    assert there is not None
    assert there.process < 10
    assert there.host != this_owner().host
