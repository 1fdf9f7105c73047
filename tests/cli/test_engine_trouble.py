"""`inspector check` of an engine that goes away, hangs, refuses or talks nonsense: code 3, one sentence, soon."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

from fixtures.roles import WORKER_CPU, right_images
from inspector.engine import archive, client, containers, transport
from inspector.sources.access import ACCESS_METHODS
from inspector.testing import faults
from inspector.testing.engine import FakeEngine
from inspector.testing.faults import Fault
from inspector.testing.store import Kind
from tests.cli.program import run

SECONDS = 5.0
SILENCE = 0.2
"""What stands for the half minute that an engine may be silent."""

ALL = ".*"
INSPECT = "/images/.*/json"
ROLES = '[roles.cpu]\ntorch = "cpu"\n'

FAULTS: dict[str, Fault] = {
    "is gone": faults.gone,
    "hangs": faults.hang,
    "drips": faults.drip(),
    "drips headers": faults.drip_headers(),
    "never ends": faults.endless,
    "is broken off": faults.cut(b'{"Id":'),
    "500": faults.status(500, "layer does not exist"),
    "403": faults.status(403, "authorization denied by plugin"),
    "garbage": faults.body(b"\x00\xff<html>"),
    "empty": faults.body(b""),
    "another document": faults.body(b'["a", 1]'),
    "null": faults.body(b"null"),
}


@pytest.fixture(autouse=True)
def _impatient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less than a user would, where waiting is all that will happen."""
    if "in_order" in request.node.name:
        return
    monkeypatch.setattr(transport, "CONNECT_SECONDS", SILENCE)
    monkeypatch.setattr(containers, "_LATE_SECONDS", SILENCE)
    defaults = client.Engine.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "seconds", SILENCE)
    for module, name in ((archive, "_SECONDS"), (client, "_CREATE_SECONDS"), (client, "_SAVE_SECONDS")):
        monkeypatch.setattr(module, name, SILENCE)


@pytest.fixture
def fake(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    """An engine, the only one, that has the CPU worker."""
    kind: Kind = getattr(request, "param", "graph")
    with FakeEngine(kind, [right_images()["worker-cpu"]]) as engine:
        mine, other = ("CONTAINER_HOST", "DOCKER_HOST") if kind == "podman" else ("DOCKER_HOST", "CONTAINER_HOST")
        monkeypatch.setenv(mine, engine.address)
        monkeypatch.setenv(other, f"{engine.address}.none")
        yield engine


@pytest.fixture
def check(fake: FakeEngine, tmp_path: Path) -> Callable[..., Result]:
    """`inspector check` of the CPU worker, with more words."""
    policy = tmp_path / "roles.toml"
    policy.write_text(ROLES)
    scheme = "podman" if fake.store.kind == "podman" else "docker"
    asked = ("check", policy, f"{scheme}:{WORKER_CPU}", "--role=cpu", "--format=json", "--no-cache")

    def checked(*words: str) -> Result:
        begun = time.monotonic()
        result = run(*asked, *words)
        assert time.monotonic() - begun < SECONDS
        return result

    return checked


def told(result: Result) -> str:
    """The one sentence on why nothing could be told."""
    assert result.exit_code == 3, result.output
    (one,) = json.loads(result.stdout)["results"]
    message = str(one["error"]["message"])
    assert one["outcome"] == "unknown"
    assert "Traceback" not in result.output
    assert "\n" not in message
    assert message.isprintable()
    return message


@pytest.mark.parametrize("fake", ["graph", "containerd", "podman"], indirect=True)
def test_an_engine_in_order_is_no_trouble(fake: FakeEngine, check: Callable[..., Result]) -> None:
    result = check()
    assert (result.exit_code, json.loads(result.stdout)["outcome"]) in ((0, "pass"), (0, "warn")), result.output
    assert fake.containers == {}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_engine_in_trouble_from_the_start(fault: str, fake: FakeEngine, check: Callable[..., Result]) -> None:
    fake.misbehave("GET", ALL, FAULTS[fault])
    assert fake.address.rpartition("/")[2] in told(check())


@pytest.mark.parametrize("fault", FAULTS)
def test_an_engine_in_trouble_when_it_is_asked_for_the_image(
    fault: str, fake: FakeEngine, check: Callable[..., Result]
) -> None:
    fake.misbehave("GET", INSPECT, FAULTS[fault])
    assert told(check())


@pytest.mark.parametrize(
    "fault", [name for name in FAULTS if name not in ("drips", "drips headers", "another document", "null")]
)
@pytest.mark.parametrize("access", ["files", "save"])
def test_an_engine_in_trouble_on_the_only_access(
    access: str, fault: str, fake: FakeEngine, check: Callable[..., Result]
) -> None:
    method, path = {"files": ("POST", "/containers/create"), "save": ("GET", "/images/.*/get")}[access]
    fake.misbehave(method, path, FAULTS[fault])
    assert told(check(f"--access={access}"))
    assert fake.containers == {}


@pytest.mark.thorough
@pytest.mark.parametrize("fault", ["is gone", "500", "garbage"])
@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("after", [0, 3])
def test_an_engine_in_trouble_between_two_questions(
    after: int, method: str, fault: str, fake: FakeEngine, check: Callable[..., Result]
) -> None:
    """It says the truth, by another access method or as far as it got, or that it could not tell."""
    fake.misbehave(method, "/containers/[^/]+/archive", FAULTS[fault], after=after)
    result = check()
    outcome = json.loads(result.stdout)["outcome"]
    assert (result.exit_code, outcome) in ((0, "pass"), (0, "warn"), (3, "unknown")), result.output
    assert fake.containers == {}


@pytest.mark.parametrize(("api", "word"), [(("1.10", "1.20"), "old"), (("9.0", "9.9"), "new")])
def test_an_engine_too_old_or_too_new(api: tuple[str, str], word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeEngine("graph", [right_images()["worker-cpu"]], api=api) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        result = run("show", f"docker:{WORKER_CPU}")
    assert result.exit_code == 3
    (sentence,) = result.stderr.strip().splitlines()
    assert re.search(rf"{word}|{re.escape(api[0])}|{re.escape(api[1])}", sentence), sentence


@pytest.mark.parametrize("fake", ["graph", "podman"], indirect=True)
def test_an_engine_that_is_stopped(fake: FakeEngine, check: Callable[..., Result]) -> None:
    fake.stop()
    assert "start" in told(check())


@pytest.mark.parametrize("access", ACCESS_METHODS[1:])
def test_an_image_deleted_after_it_was_described(access: str, fake: FakeEngine, check: Callable[..., Result]) -> None:
    question = {"files": ("POST", "/containers/create"), "save": ("GET", "/images/.*/get")}[access]

    def deleted(handler: object) -> None:
        faults.status(404, f"No such image: {WORKER_CPU}")(handler)

    fake.misbehave(*question, deleted)
    assert told(check(f"--access={access}"))
    assert fake.containers == {}
