"""The body that an engine is asked to create a container by."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from inspector.facts import ImageFacts
from inspector.python.model import Interpreter
from inspector.runtime.host import Offer
from inspector.runtime.sandbox import Limits, probe_source, sandbox
from tests.policy.cases import CUDA, PYTHON, image

FACTS = image(CUDA)


def body(facts: ImageFacts = FACTS, **given: Any) -> dict[str, Any]:
    assert isinstance(facts.interpreter, Interpreter)
    return sandbox(facts, facts.interpreter, "mark", **given)


def test_all_that_an_import_does_not_need_is_off() -> None:
    assert body(limits=Limits(seconds=10, memory=1 << 30, processes=64)) == {
        "Entrypoint": ["/app/.venv/bin/python"],
        "Cmd": ["-c", probe_source(), "mark"],
        "Env": [
            "PYTHONDONTWRITEBYTECODE=1",
            "CUDA_CACHE_DISABLE=1",
            "OMP_NUM_THREADS=1",
            "OPENBLAS_NUM_THREADS=1",
            "MKL_NUM_THREADS=1",
            "NVIDIA_VISIBLE_DEVICES=void",
        ],
        "Healthcheck": {"Test": ["NONE"]},
        "NetworkDisabled": True,
        "OpenStdin": False,
        "Tty": False,
        "HostConfig": {
            "NetworkMode": "none",
            "IpcMode": "private",
            "ReadonlyRootfs": True,
            "Privileged": False,
            "CapAdd": [],
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Memory": 1 << 30,
            "MemorySwap": 1 << 30,
            "PidsLimit": 64,
            "CpuShares": 256,
            "Ulimits": [
                {"Name": "core", "Soft": 0, "Hard": 0},
                {"Name": "fsize", "Soft": 64 << 20, "Hard": 64 << 20},
                {"Name": "nofile", "Soft": 1024, "Hard": 1024},
                {"Name": "cpu", "Soft": 160, "Hard": 160},
            ],
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "262144", "max-file": "2"}},
            "AutoRemove": False,
            "RestartPolicy": {"Name": "no"},
            "Binds": [],
            "Tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=67108864,mode=1777"},
            "Mounts": [],
        },
    }


@pytest.mark.parametrize(
    ("offer", "asked"),
    [
        (
            Offer(vendor="nvidia", way="gpus"),
            {"DeviceRequests": [{"Driver": "nvidia", "Count": -1, "Capabilities": [["gpu"]]}]},
        ),
        (
            Offer(vendor="nvidia", way="cdi", names=("nvidia.com/gpu=all",)),
            {"DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=all"]}]},
        ),
        (
            Offer(vendor="amd", way="nodes", names=("/dev/kfd",), groups=("44",)),
            {
                "Devices": [{"PathOnHost": "/dev/kfd", "PathInContainer": "/dev/kfd", "CgroupPermissions": "rw"}],
                "GroupAdd": ["44"],
            },
        ),
    ],
)
def test_a_gpu_is_all_that_is_added_and_the_rest_stays(offer: Offer, asked: dict[str, Any]) -> None:
    without, given = body(), body(offer=offer)
    assert given.pop("Env") == without.pop("Env")[:-1]
    assert given.pop("HostConfig") == {**without.pop("HostConfig"), **asked}
    assert given == without


def test_user_directory_and_environment_stay_the_image_s_own() -> None:
    assert {"User", "WorkingDir", "Hostname"} & body().keys() == set()
    assert not any(setting.startswith(("HOME=", "PATH=", "PYTHONPATH=")) for setting in body()["Env"])


@pytest.mark.parametrize(
    ("volumes", "empty"),
    [
        (["/data", "/var/lib/x/"], ["/data", "/var/lib/x"]),
        (["/app"], []),
        (["/app/.venv/lib"], []),
        (["/app/.venv/lib/python3.11/site-packages/torch/lib"], []),
        (["/usr/local/bin"], []),
        (["/"], []),
        (["/tmp/x"], ["/tmp/x"]),
    ],
)
def test_a_volume_is_empty_and_in_memory_unless_python_looks_into_it(volumes: list[str], empty: list[str]) -> None:
    host = body(volumes=volumes)["HostConfig"]
    mounts = [{"Type": "tmpfs", "Target": path, "TmpfsOptions": {"SizeBytes": 1 << 20}} for path in empty]
    assert host["Mounts"] == mounts
    assert bool(host["Tmpfs"]) == ("/tmp/x" not in volumes)


@pytest.mark.parametrize("place", ["path", "prefix", "search_path"])
def test_what_lies_in_tmp_is_not_covered_up(place: str) -> None:
    moved: Any = ("", "/tmp/site") if place == "search_path" else "/tmp/venv/bin/python"
    facts = image(CUDA, interpreter=replace(PYTHON, **{place: moved}))
    assert body(facts)["HostConfig"]["Tmpfs"] == {}
    assert body(image(replace(CUDA, path="/tmp/torch")))["HostConfig"]["Tmpfs"] == {}


def test_a_search_path_with_the_root_covers_nothing_up() -> None:
    facts = image(CUDA, interpreter=replace(PYTHON, search_path=("/", "/usr/lib/python3")))
    host = body(facts, volumes=["/data"])["HostConfig"]
    assert host["Tmpfs"]
    assert [mount["Target"] for mount in host["Mounts"]] == ["/data"]
