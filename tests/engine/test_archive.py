"""Single files of a container: every kind of engine is read alike."""

from __future__ import annotations

import base64
import json
import tarfile
import threading
import time
from typing import Any

import pytest

from inspector.engine.containers import created
from inspector.engine.model import Stat
from inspector.errors import LimitExceeded, Malformed, NotFound, Refused, Unsupported
from inspector.rootfs import Kind
from inspector.testing import faults
from inspector.testing.image import Image, Step
from inspector.testing.tree import Device, Link
from tests.engine.conftest import Start
from tests.engine.images import PATHS

STORES = ("graph", "containerd", "podman")

EXPECTED = {
    "/": Stat(0, Kind.DIRECTORY, 0o755),
    "/etc/passwd": Stat(4, Kind.FILE, 0o644),
    "/hard": Stat(4, Kind.FILE, 0o644),
    "/setuid": Stat(1, Kind.FILE, 0o4755),
    "/folder/sub": Stat(0, Kind.DIRECTORY, 0o1777),
    "/to-folder/sub": Stat(0, Kind.DIRECTORY, 0o1777),
    "/to-sub/file": Stat(100, Kind.FILE, 0o644),
    "/etc/chain": Stat(0, Kind.SYMLINK, 0o777, "/etc/passwd"),
    "/to-sub": Stat(0, Kind.SYMLINK, 0o777, "/folder/sub"),
    "/escaping": Stat(0, Kind.SYMLINK, 0o777, "/etc/passwd"),
    "/self": Stat(0, Kind.SYMLINK, 0o777, "/"),
    "/bin": Stat(0, Kind.SYMLINK, 0o777, "/usr/bin"),
    "/etc/dangling": Stat(0, Kind.SYMLINK, 0o777, "/etc/nowhere/at/all"),
    "/etc/loop": Stat(0, Kind.SYMLINK, 0o777, "/etc/loop"),
    "/etc/ping": Stat(0, Kind.SYMLINK, 0o777, "/etc/ping"),
    "/na me&?#%": Stat(1, Kind.FILE, 0o644),
    "/\u00fcml\u00e4ut": Stat(1, Kind.FILE, 0o644),
    "/nope": None,
    "/nope/x": None,
    "/etc/passwd/x": None,
    "/etc/relative/x": None,
    "/etc/dangling/x": None,
    "/etc/loop/x": None,
    "/a\0b": None,
    "/" + "n" * 256: None,
}


@pytest.mark.parametrize("store", STORES)
def test_every_engine_is_read_alike(start: Start, store: Any) -> None:
    _, engine = start(store)
    with created(engine, "kinds:1") as container:
        assert {path: engine.stat(container, path) for path in EXPECTED} == EXPECTED


def test_a_path_of_bytes_that_are_no_text_is_asked_of_docker_and_never_denied_by_podman(start: Start) -> None:
    path = "/\udcff\udcfe"
    _, docker = start("containerd")
    with created(docker, "kinds:1") as container:
        assert docker.stat(container, path) == Stat(1, Kind.FILE, 0o644)
    _, podman = start("podman")
    with created(podman, "kinds:1") as container, pytest.raises(Unsupported, match="not UTF-8"):
        podman.stat(container, path)


def test_the_stores_agree_on_all_paths(start: Start) -> None:
    answers = []
    for store in STORES:
        _, engine = start(store)
        with created(engine, "kinds:1") as container:
            answers.append({path: engine.stat(container, path) for path in PATHS if path != "/"})
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("store", STORES)
def test_one_question_takes_one_request(start: Start, store: Any) -> None:
    fake, engine = start(store)
    with created(engine, "kinds:1") as container:
        for path in ("/etc/passwd", "/etc/chain", "/to-sub/file", "/nope"):
            before = len(fake.requests)
            engine.stat(container, path)
            assert len(fake.requests) == before + 1


def test_slashes_at_the_end_ask_for_the_link_itself(start: Start) -> None:
    _, engine = start()
    with created(engine, "kinds:1") as container:
        assert engine.stat(container, "/bin/") == EXPECTED["/bin"]


def test_where_a_link_leads_in_bytes_that_are_no_text_is_not_guessed(start: Start) -> None:
    _, engine = start(files={"kinds:1": {"x": Link("\udcff")}})
    with created(engine, "kinds:1") as container, pytest.raises(Unsupported, match="not UTF-8"):
        engine.stat(container, "/x")


def test_devices(start: Start) -> None:
    image = Image(steps=[Step("x", {"c": Device(), "f": Device(tarfile.FIFOTYPE)})], tags=["d:1"], cmd=["x"])
    _, engine = start("graph", (image,))
    with created(engine, "d:1") as container:
        kinds = [stat.kind for path in ("/c", "/f") if (stat := engine.stat(container, path))]
    assert kinds == [Kind.CHAR, Kind.FIFO]


def test_a_path_of_too_many_names_is_refused_not_absent(start: Start) -> None:
    _, engine = start()
    with pytest.raises(LimitExceeded, match="more than 200 names"):
        engine.stat("c", "/x" * 201)


@pytest.mark.parametrize("status", [500, 503, 400])
def test_an_engines_own_error_is_never_absence(start: Start, status: int) -> None:
    fake, engine = start()
    for method in ("HEAD", "GET"):
        fake.misbehave(method, ".*/archive", faults.status(status, "layer store is corrupt"))
    with pytest.raises(Refused, match="layer store is corrupt"):
        engine.stat("c", "/etc/passwd")


@pytest.mark.parametrize("path", ["/: not a directory", "/evalSymlinksInScope: too many links in "])
def test_an_error_in_which_the_path_is_quoted_is_an_error(start: Start, path: str) -> None:
    fake, engine = start()
    for method in ("HEAD", "GET"):
        fake.misbehave(method, ".*/archive", faults.status(500, f"lstat {path}: input/output error"))
    with pytest.raises(Refused, match="input/output error"):
        engine.stat("c", path)


def test_an_error_that_is_gone_when_asked_why_is_an_error_still(start: Start) -> None:
    fake, engine = start()
    with created(engine, "kinds:1") as container:
        fake.misbehave("HEAD", ".*/archive", faults.status(500, "flaky"), times=1)
        with pytest.raises(Refused):
            engine.stat(container, "/setuid")


def test_a_container_that_somebody_removes_makes_no_absence(start: Start) -> None:
    fake, engine = start()

    def asked() -> None:
        with created(engine, "kinds:1") as container:
            fake.containers.clear()
            assert engine.stat(container, "/etc/passwd") is None

    with pytest.raises(NotFound, match="removed by somebody else"):
        asked()


def _header(**said: Any) -> faults.Fault:
    text = base64.b64encode(json.dumps(said).encode()).decode()
    return faults.body(b"", X_Docker_Container_Path_Stat=text)


@pytest.mark.parametrize(
    "fault",
    [
        faults.body(b"", X_Docker_Container_Path_Stat="!!"),
        faults.body(b"", X_Docker_Container_Path_Stat=""),
        faults.body(b"", X_Docker_Container_Path_Stat="e30"),
        faults.body(b"", X_Docker_Container_Path_Stat="/////w=="),
        _header(size="x"),
        _header(mode=1 << 70),
    ],
)
def test_a_header_that_cannot_be_read_is_malformed(start: Start, fault: faults.Fault) -> None:
    fake, engine = start()
    fake.misbehave("HEAD", ".*/archive", fault)
    with pytest.raises(Malformed, match="x-docker-container-path-stat"):
        engine.stat("c", "/x")


def test_an_answer_without_the_header_is_malformed(start: Start) -> None:
    fake, engine = start()
    fake.misbehave("HEAD", ".*/archive", faults.body(b""))
    with pytest.raises(Malformed, match="x-docker-container-path-stat"):
        engine.stat("c", "/x")


@pytest.mark.parametrize("bit", [24, 19])
def test_what_no_layer_can_hold_is_not_called_a_file(start: Start, bit: int) -> None:
    fake, engine = start()
    fake.misbehave("HEAD", ".*/archive", _header(name="x", mode=1 << bit | 0o644))
    with pytest.raises(Unsupported, match="socket"):
        engine.stat("c", "/x")


@pytest.mark.parametrize("store", STORES)
def test_a_folder_comes_as_a_plain_tar(start: Start, store: Any) -> None:
    fake, engine = start(store)
    with (
        created(engine, "kinds:1") as container,
        engine.archive(container, "/folder") as stream,
        tarfile.open(fileobj=stream, mode="r|") as tar,
    ):
        names = [member.name for member in tar]
    assert names == ["folder", "folder/sub", "folder/sub/file"]
    (request,) = fake.asked("GET", ".*/archive")
    assert request.headers["accept-encoding"] == "identity"


def test_an_archive_of_nothing_is_not_found(start: Start) -> None:
    _, engine = start()
    with (
        created(engine, "kinds:1") as container,
        pytest.raises(NotFound, match="Could not find the file /nope"),
        engine.archive(container, "/nope"),
    ):
        pass


def test_a_container_is_locked_while_its_archive_is_unread(start: Start) -> None:
    tree = {"big": b"\0" * (8 << 20)}
    _, engine = start(files={"kinds:1": tree})
    with created(engine, "kinds:1") as container:
        with engine.archive(container, "/big") as stream:
            stream.read(1)
            asked = threading.Thread(target=engine.stat, args=(container, "/big"))
            asked.start()
            time.sleep(0.1)
            assert asked.is_alive()
        asked.join(5)
        assert not asked.is_alive()
