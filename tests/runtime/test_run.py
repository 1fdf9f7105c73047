"""Runs against a fake engine whose containers do what the probe does with a stub of torch: each way a GPU may come."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector.engine.client import Engine
from inspector.errors import InspectorError, Malformed, NotFound, Unreachable
from inspector.oci import Platform
from inspector.runtime.host import Host, Offer
from inspector.runtime.run import run_image
from inspector.runtime.sandbox import Limits
from inspector.testing import faults
from inspector.testing.engine import FakeEngine
from inspector.unknown import Absent, Unknown
from tests.policy.cases import CPU, CUDA, NO_TORCH, ROCM, image
from tests.runtime.acting import act, body, engine
from tests.runtime.stub import write_torch

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stub is for Linux")
GPUS = Host(nvidia=Offer(vendor="nvidia", way="gpus"), amd=Unknown("none"), driver="550.54.15")
NO_GPUS = Host(nvidia=Unknown("no GPU: none here"), amd=Unknown("no GPU: none of AMD's"))
FACTS = image(CUDA)
REQUEST = [{"Driver": "nvidia", "Count": -1, "Capabilities": [["gpu"]]}]


@pytest.fixture(scope="session")
def torch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_torch(tmp_path_factory.mktemp("path"))


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch, torch: Path) -> Iterator[tuple[FakeEngine, Engine]]:
    """A fake engine, whose containers find one GPU, and ours."""
    with engine(monkeypatch) as (fake, ours):
        act(fake, torch, "gpus=1")
        yield fake, ours
        assert fake.containers == {}


def test_a_gpu_is_asked_for_and_used(pair: tuple[FakeEngine, Engine]) -> None:
    fake, ours = pair
    found = run_image(ours, "worker:gpu", FACTS, host=GPUS)
    assert (found.ran, found.gpu, found.imported, found.is_available, found.computed) == (True, True, True, True, True)
    assert [device.name for device in found.devices] == ["Stub GPU 0"]
    asked = body(fake)
    assert asked["HostConfig"]["DeviceRequests"] == REQUEST
    assert asked["Image"] == "worker:gpu"
    assert (asked["HostConfig"]["NetworkMode"], asked["HostConfig"]["CapDrop"]) == ("none", ["ALL"])


def test_without_a_gpu_the_import_is_verified_and_nothing_is_said_of_cuda(pair: tuple[FakeEngine, Engine]) -> None:
    fake, ours = pair
    fake.faults.clear()
    act(fake, None)
    found = run_image(ours, "worker:gpu", FACTS, host=NO_GPUS)
    assert (found.ran, found.gpu, found.why_not, found.computed) == (True, False, "no GPU: none here", None)
    assert "DeviceRequests" not in body(fake)["HostConfig"]


@pytest.mark.parametrize(("torch_", "asks"), [(CUDA, True), (CPU, False), (NO_TORCH, False), (ROCM, False)])
def test_only_a_build_that_can_use_it_gets_a_gpu(torch_: Any, asks: bool, pair: tuple[FakeEngine, Engine]) -> None:  # noqa: FBT001 - a table
    fake, ours = pair
    run_image(ours, "worker:gpu", image(torch_), host=GPUS)
    assert ("DeviceRequests" in body(fake)["HostConfig"]) == asks


def test_never_asks_for_none(pair: tuple[FakeEngine, Engine]) -> None:
    fake, ours = pair
    found = run_image(ours, "worker:gpu", FACTS, host=GPUS, gpu="never")
    assert (found.gpu, found.why_not) == (False, "no GPU was asked for")
    assert "NVIDIA_VISIBLE_DEVICES=void" in body(fake)["Env"]


@pytest.mark.parametrize(
    ("torch_", "asked"),
    [(CUDA, {"DeviceRequests": REQUEST}), (CPU, {"DeviceRequests": REQUEST}), (ROCM, {"GroupAdd": []})],
)
def test_always_asks_whatever_is_known(torch_: Any, asked: dict[str, Any], pair: tuple[FakeEngine, Engine]) -> None:
    fake, ours = pair
    run_image(ours, "worker:gpu", image(torch_), host=NO_GPUS, gpu="always")
    assert asked.items() <= body(fake)["HostConfig"].items()


def test_always_asks_podman_by_cdi(monkeypatch: pytest.MonkeyPatch, torch: Path) -> None:
    with engine(monkeypatch, "podman") as (fake, ours):
        act(fake, torch)
        run_image(ours, "worker:gpu", FACTS, host=NO_GPUS, gpu="always")
        assert body(fake)["HostConfig"]["DeviceRequests"] == [{"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=all"]}]


REFUSAL = 'could not select device driver "nvidia" with capabilities: [[gpu]]'


def test_a_refusal_is_the_answer_where_a_gpu_is_asked_for_always(pair: tuple[FakeEngine, Engine]) -> None:
    fake, ours = pair
    fake.misbehave("POST", "/containers/[^/]+/start", faults.status(500, REFUSAL))
    found = run_image(ours, "worker:gpu", FACTS, host=GPUS, gpu="always")
    assert not found.ran
    assert "the engine refuses to run it" in found.why_not
    assert "could not select device driver" in found.why_not
    assert len(fake.asked("POST", "/containers/create")) == 1


def test_a_refused_gpu_is_done_without_and_told(pair: tuple[FakeEngine, Engine]) -> None:
    fake, ours = pair
    fake.misbehave("POST", "/containers/[^/]+/start", faults.status(500, REFUSAL), times=1)
    found = run_image(ours, "worker:gpu", FACTS, host=GPUS)
    assert (found.ran, found.imported, found.gpu, found.driver) == (True, True, False, "550.54.15")
    assert found.why_not.startswith("no GPU: the engine refuses to run it: ")
    assert "DeviceRequests" not in body(fake)["HostConfig"]


@pytest.mark.parametrize(
    "words",
    [
        "error setting rlimits for ready process: error setting rlimit type 6: operation not permitted",
        "crun: the requested cgroup controller `cpu` is not available: OCI runtime error",
    ],
)
def test_an_engine_that_may_not_set_limits_of_resources_does_without(
    pair: tuple[FakeEngine, Engine], words: str
) -> None:
    fake, ours = pair
    fake.misbehave("POST", "/containers/[^/]+/start", faults.status(500, words), times=1)
    assert run_image(ours, "worker:gpu", FACTS, host=GPUS).computed
    first, second = (request.body["HostConfig"] for request in fake.asked("POST", "/containers/create"))
    assert (first.pop("Ulimits") == [], second.pop("Ulimits")) == (False, [])
    assert (first.pop("CpuShares") > 0, second.pop("CpuShares")) == (True, 0)
    assert first == second


def test_what_can_t_be_started_at_all_is_not_run(pair: tuple[FakeEngine, Engine]) -> None:
    fake, ours = pair
    fake.misbehave("POST", "/containers/[^/]+/start", faults.status(400, "exec format error"))
    found = run_image(ours, "worker:gpu", FACTS, host=GPUS)
    assert (found.ran, "exec format error" in found.why_not) == (False, True)


def test_an_engine_that_passes_over_the_request_in_silence_is_found_out(
    pair: tuple[FakeEngine, Engine], torch: Path
) -> None:
    fake, ours = pair
    fake.faults.clear()
    act(fake, torch, "")
    found = run_image(ours, "worker:gpu", FACTS, host=GPUS)
    assert (found.gpu, found.why_not) == (False, "no GPU: one was asked for, and none reached the container")


def test_no_interpreter_is_no_run(pair: tuple[FakeEngine, Engine]) -> None:
    fake, ours = pair
    found = run_image(ours, "worker:gpu", image(interpreter=Absent("no 'python' in PATH (/bin)")), host=GPUS)
    assert (found.ran, found.why_not) == (False, "no interpreter to run: no 'python' in PATH (/bin)")
    assert fake.asked("POST", ".*") == []


@pytest.mark.parametrize(
    "platform", [Platform("linux", "arm64"), Platform("windows", "amd64"), Platform("linux", "386"), Platform()]
)
def test_an_image_for_another_platform_is_not_run(platform: Platform, pair: tuple[FakeEngine, Engine]) -> None:
    fake, ours = pair
    found = run_image(ours, "worker:gpu", image(CUDA, platform=platform), host=GPUS)
    assert not found.ran
    assert "linux/amd64" in found.why_not
    assert fake.asked("POST", ".*") == []


def test_too_long_a_run_is_killed_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    with engine(monkeypatch) as (fake, ours):
        fake.misbehave("POST", "/containers/[^/]+/wait", faults.hang, times=1)
        found = run_image(ours, "worker:gpu", FACTS, host=NO_GPUS, limits=Limits(seconds=0.2))
        assert found.error is not None
        assert (found.ran, found.imported, found.error.type) == (True, None, "TimeLimit")
        assert len(fake.asked("POST", "/containers/[^/]+/kill")) == 1
        assert fake.containers == {}


@pytest.mark.parametrize(
    ("path", "method", "fault", "error"),
    [
        (
            "/containers/[^/]+/logs",
            "GET",
            faults.status(501, "configured logging driver does not support reading"),
            InspectorError,
        ),
        ("/containers/[^/]+/wait", "POST", faults.gone, Unreachable),
        ("/containers/[^/]+/wait", "POST", faults.body(b"garbage"), Malformed),
        ("/containers/create", "POST", faults.status(404, "No such image: worker:gpu"), NotFound),
    ],
)
def test_an_engine_that_fails_in_between_is_told_and_nothing_stays(
    path: str, method: str, fault: faults.Fault, error: type[InspectorError], pair: tuple[FakeEngine, Engine]
) -> None:
    fake, ours = pair
    fake.faults.clear()
    fake.misbehave(method, path, fault)
    with pytest.raises(error):
        run_image(ours, "worker:gpu", FACTS, host=GPUS)
    assert len(fake.asked("POST", "/containers/create")) == 1


def test_an_answer_of_the_image_s_own_is_none(pair: tuple[FakeEngine, Engine]) -> None:
    fake, ours = pair
    fake.faults.clear()
    fake.output = (b'import\n{"imported": true}\n' + b"0" * 32 + b" import\n", b"")
    found = run_image(ours, "worker:gpu", FACTS, host=GPUS)
    assert (found.ran, found.imported, found.torch) == (True, None, None)


def test_an_interruption_leaves_no_container(pair: tuple[FakeEngine, Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    fake, ours = pair

    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Engine, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_image(ours, "worker:gpu", FACTS, host=GPUS)
    assert fake.containers == {}
