"""Containers made for a question are never left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext

import pytest

from inspector.engine import containers
from inspector.engine.containers import Owner, created, remove_leftovers, started, this_owner
from inspector.errors import NotFound, Refused, Unreachable
from inspector.testing import faults
from tests.engine.conftest import Start
from tests.engine.images import SMALL


def test_a_container_is_made_as_it_should_be(start: Start) -> None:
    fake, engine = start()
    with created(engine, SMALL.image_id):
        (container,) = fake.containers.values()
        assert not container.running
    body = container.body
    assert body["Image"] == SMALL.image_id
    assert (body["NetworkDisabled"], body["HostConfig"]["NetworkMode"]) == (True, "none")
    assert body["Entrypoint"] == [NEVER]
    assert not body.get("Cmd")
    assert container.name.startswith(f"inspector-{this_owner()}-")
    assert fake.asked("POST", "/containers/.*/start") == []


def test_a_body_is_kept_but_for_image_and_network(start: Start) -> None:
    fake, engine = start()
    body = {"Cmd": ["mine"], "HostConfig": {"Memory": 5}, "Image": "another"}
    with created(engine, "small:1", body=body):
        (container,) = fake.containers.values()
    assert (container.body["Cmd"], container.body["Image"]) == (["mine"], "small:1")
    assert container.body["HostConfig"] == {"Memory": 5, "NetworkMode": "none"}


def test_it_is_removed_with_its_volumes_and_without_force(start: Start) -> None:
    fake, engine = start()
    with created(engine, "small:1"):
        pass
    (request,) = fake.asked("DELETE", "/containers/.*")
    assert request.query == {"v": "1", "force": "0"}
    assert fake.containers == {}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit, Unreachable])
def test_it_is_removed_whatever_happens(start: Start, error: type[BaseException]) -> None:
    fake, engine = start()
    with pytest.raises(error), created(engine, "small:1"):
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
    with pytest.raises(KeyboardInterrupt), created(engine, "small:1"):
        pass
    assert fake.containers == {}


def test_it_is_removed_when_the_engine_makes_it_after_all(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "_LATE_SECONDS", 2.0)
    fake, engine = start()
    late = threading.Event()
    fake.misbehave("POST", "/containers/create", _create_when(late), times=1)
    with pytest.raises(Unreachable), _impatient(engine), created(engine, "small:1"):
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

    def removing(container: str, *, volumes: bool = True) -> bool:
        if interrupts:
            raise interrupts.pop()
        return remove(container, volumes=volumes)

    engine.remove = removing  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt), created(engine, "small:1"):
        pass
    assert fake.containers == {}


def test_an_image_that_is_gone_leaves_nothing(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "_LATE_SECONDS", 0.0)
    fake, engine = start()
    with pytest.raises(NotFound, match="No such image"), created(engine, "nosuch"):
        pass
    assert fake.containers == {}


def test_one_that_still_runs_is_killed_first(start: Start) -> None:
    fake, engine = start()
    with created(engine, "small:1", starts=True) as container:
        engine.start(container)
    assert fake.containers == {}
    assert len(fake.asked("POST", "/containers/.*/kill")) == 1


def test_one_that_was_not_ours_to_start_is_never_killed(start: Start) -> None:
    fake, engine = start()
    with pytest.raises(Refused, match="running"), created(engine, "small:1") as container:
        engine.start(container)
    assert list(fake.containers) == [container]
    assert fake.asked("POST", "/containers/.*/kill") == []


def test_a_name_that_is_taken_is_not_ours_to_remove(start: Start) -> None:
    fake, engine = start()
    fake.misbehave("POST", "/containers/create", faults.status(409, "the name is already in use"))
    with pytest.raises(Refused, match="in use"), created(engine, "small:1"):
        pass
    assert fake.asked("DELETE", "/containers/.*") == []


@pytest.mark.parametrize("error", [None, ValueError])
def test_what_is_still_dying_is_removed_once_it_is_dead(
    start: Start, monkeypatch: pytest.MonkeyPatch, error: type[Exception] | None
) -> None:
    monkeypatch.setattr(containers, "_LATE_SECONDS", 0.1)
    fake, engine = start()
    fake.misbehave("DELETE", "/containers/.*", faults.status(409, "cannot remove: the container is running"), times=2)
    with pytest.raises(error) if error else nullcontext(), created(engine, "small:1", starts=True):
        if error:
            raise error
    assert len(fake.asked("DELETE", "/containers/.*")) == 3
    assert fake.containers == {}


def test_what_never_dies_is_told(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "_DYING_SECONDS", 0.0)
    fake, engine = start()
    fake.misbehave("DELETE", "/containers/.*", faults.status(409, "the container is running"))
    with pytest.raises(Refused, match="is running"), created(engine, "small:1", starts=True):
        pass


def test_a_removal_that_fails_is_told(start: Start) -> None:
    fake, engine = start()
    fake.misbehave("DELETE", "/containers/.*", faults.status(500, "device is busy"))
    with pytest.raises(Refused, match="device is busy"), created(engine, "small:1"):
        pass


def test_what_went_wrong_first_is_told_first(start: Start) -> None:
    fake, engine = start()
    fake.misbehave("DELETE", "/containers/.*", faults.status(500, "device is busy"))
    with pytest.raises(ValueError, match="mine"), created(engine, "small:1"):
        raise ValueError("mine")


@pytest.mark.parametrize("status", [404, 409])
def test_a_container_that_is_gone_or_going_is_well(start: Start, status: int) -> None:
    fake, engine = start()
    words = "removal of container c is already in progress"
    fake.misbehave("DELETE", "/containers/.*", faults.status(status, words))
    assert engine.remove("c") is (status != 404)


NEVER = "/inspector-never-starts-this"


def _name(owner: object) -> str:
    return f"inspector-{owner}-{'0' * 16}"


def _left(start: Start, *names: str, age: float = 0.0, body: Mapping[str, object] = {}, state: str = "created") -> bool:
    """Whether containers of these names stand once leftovers were removed; all have to fare alike."""
    fake, engine = start()
    for name in names:
        engine.create({"Image": "small:1", "Entrypoint": [NEVER], **body}, name=name)
    for container in fake.containers.values():
        container.created = int(time.time() - age)
        container.started, container.running = state != "created", state == "running"
    count = remove_leftovers(engine)
    assert (count, len(fake.containers)) in ((0, len(names)), (len(names), 0))
    return not count


def _dead(host: str = "") -> Owner:
    return Owner(host or this_owner().host, 2**22 + 5, 1)


def test_leftovers_are_those_of_dead_processes_of_this_host(start: Start) -> None:
    assert not _left(start, _name(_dead()))


def test_what_a_live_process_made_stays(start: Start) -> None:
    parent = Owner(this_owner().host, os.getppid(), started(os.getppid()) or 0)
    assert _left(start, _name(this_owner()), _name(parent))


def test_leftovers_are_removed_without_force_and_without_volumes(start: Start) -> None:
    fake, engine = start()
    engine.create({"Image": "small:1", "Entrypoint": [NEVER]}, name=_name(_dead()))
    assert remove_leftovers(engine) == 1
    (request,) = fake.asked("DELETE", "/containers/.*")
    assert request.query == {"v": "0", "force": "0"}


@pytest.mark.parametrize("state", ["running", "exited"])
def test_a_container_that_was_ever_started_stays(start: Start, state: str) -> None:
    assert _left(start, _name(_dead()), state=state)


@pytest.mark.parametrize("body", [{"Entrypoint": ["sleep"]}, {"Entrypoint": ["/bin/sh", "-c", NEVER]}])
def test_a_container_with_another_command_stays(start: Start, body: dict[str, object]) -> None:
    assert _left(start, _name(_dead()), body=body)


def test_labels_of_an_image_decide_nothing(start: Start) -> None:
    labels = {"io.inspector.owner": str(_dead()), "io.inspector.purpose": "files"}
    assert _left(start, "theirs", "inspector", f"x{_name(_dead())}", body={"Labels": labels}, age=10**6)


@pytest.mark.parametrize("word", ["", "x", "a-b-c", f"{'0' * 12}-1-2\n", "0-1-2", f"{'0' * 12}--1-2"])
def test_a_name_of_another_form_is_left_alone(start: Start, word: str) -> None:
    assert _left(start, f"inspector-{word}-{'0' * 16}", age=10**6)


def test_a_container_that_is_started_meanwhile_stays(start: Start) -> None:
    fake, engine = start()
    key = engine.create({"Image": "small:1", "Entrypoint": [NEVER]}, name=_name(_dead()))
    show = engine.container

    def starting(container: str) -> dict[str, object]:
        document = show(container)
        engine.start(container)
        return document

    engine.container = starting  # type: ignore[method-assign]
    assert remove_leftovers(engine) == 0
    assert key in fake.containers


def test_a_process_that_has_anothers_number_is_dead(start: Start) -> None:
    here = this_owner()
    if not here.start:
        pytest.skip("this system doesn't tell when a process started")
    assert not _left(start, _name(Owner(here.host, here.process, here.start - 1)))


def test_age_is_told_by_the_engines_clock(start: Start) -> None:
    fake, engine = start()
    listed = b'[{"Id": "a", "Names": ["/x"], "Created": 1000000000, "State": "created"}]'
    fake.misbehave("GET", "/containers/json", faults.body(listed, Date="Sun, 09 Sep 2001 01:48:00 GMT"))
    (container,) = engine.containers("created")
    assert (container.name, container.age) == ("x", 80)


def test_another_hosts_containers_stay_for_an_hour(start: Start) -> None:
    assert _left(start, _name(_dead("a" * 12)), age=3000)
    assert not _left(start, _name(_dead("a" * 12)), age=4000)


def test_a_leftover_that_cannot_be_removed_hinders_nothing(start: Start) -> None:
    fake, engine = start()
    for at in range(2):
        engine.create({"Image": "small:1", "Entrypoint": [NEVER]}, name=f"{_name(_dead())[:-1]}{at}")
    fake.misbehave("DELETE", ".*", faults.status(500, "busy"), times=1)
    assert remove_leftovers(engine) == 1
    assert len(fake.containers) == 1


def test_an_owner_is_read_as_it_was_written() -> None:
    assert Owner.parse(str(this_owner())) == this_owner()
    assert not this_owner().is_dead(10**6)


def test_a_host_whose_process_table_is_hidden_keeps_what_may_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inspector.engine.containers.started", lambda _: 0)
    assert not Owner("h", 1, 5).is_dead(10**6)


def test_a_container_has_processes_of_its_own() -> None:
    unshare = shutil.which("unshare")
    if unshare is None or os.geteuid():
        pytest.skip("this takes unshare, and root")
    code = "from inspector.engine.containers import this_owner; print(this_owner())"
    command = [unshare, "--pid", "--fork", "--mount-proc", sys.executable, "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        pytest.skip("no namespace may be made here")
    there = Owner.parse(said.stdout.strip())
    assert there is not None
    assert there.process < 10
    assert there.host != this_owner().host
