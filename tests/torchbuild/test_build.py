"""Which build a torch is: its version.py, its name and its libraries must agree."""

from __future__ import annotations

import pytest

from inspector.python.folders import Folders
from inspector.testing.tree import Link, Member
from inspector.torchbuild.build import build_of_local, builds_on_disk, decide_build
from inspector.torchbuild.model import Build
from inspector.torchbuild.version_file import VersionFile
from tests.support import rootfs_of

NONE: dict[str, str | None] = {"cuda": None, "hip": None, "rocm": None, "xpu": None}
CUDA: dict[Build, str] = {"cuda": "libtorch_cuda.so"}
ROCM: dict[Build, str] = {"rocm": "libtorch_hip.so"}
XPU: dict[Build, str] = {"xpu": "libtorch_xpu.so"}


@pytest.mark.parametrize(
    ("version", "fields", "libraries", "build"),
    [
        ("2.14.1+cu130", {"cuda": "13.0"}, CUDA, "cuda"),
        ("2.13.0+cpu", {}, {}, "cpu"),
        ("2.13.0", {}, {}, "cpu"),
        ("2.10.0+cpu", {}, {}, "cpu"),
        ("2.5.1.post303", {"cuda": "11.8"}, CUDA, "cuda"),
        ("2.6.0a0+ecf3bae40a.nv25.01", {"cuda": "12.8"}, CUDA, "cuda"),
        ("2.0.0+nv23.05", {"cuda": "11.4"}, CUDA, "cuda"),
        ("2.3.0.dev20240308+rocm6.0", {"hip": "6.0.32830-d62f6a171"}, ROCM, "rocm"),
        ("2.13.0+rocm10.0.0", {"hip": "7.15.26333", "rocm": "10.0.0"}, ROCM, "rocm"),
        ("2.6.0+rocm6.4.1.git1ded221d", {"hip": "6.4.1"}, ROCM, "rocm"),
        ("2.8.0+xpu", {"xpu": "20250303"}, XPU, "xpu"),
        ("2.8.0.dev20250601+cu128", {"cuda": "12.8"}, CUDA, "cuda"),
        ("1.9.0+cu102", {"cuda": "10.2"}, CUDA, "cuda"),
        ("1.13.0a0", {}, {}, "cpu"),
        ("1.0.0", {"cuda": "9.0.176"}, {}, "cuda"),
        ("0.4.1", {"cuda": "9.2.148"}, {}, "cuda"),
        ("2.14.1+cu130", {"cuda": "13.0"}, None, "cuda"),
        ("2.13.0+cpu", {}, None, "cpu"),
    ],
)
def test_builds_as_they_are_published(
    version: str, fields: dict[str, str | None], libraries: dict[Build, str] | None, build: Build
) -> None:
    assert decide_build(VersionFile(version, NONE | fields), libraries) == (build, [])


@pytest.mark.parametrize(
    ("version", "fields", "libraries", "clause"),
    [
        ("2.13.0+cpu", {}, CUDA, "says CPU, yet torch/lib holds libtorch_cuda.so"),
        ("2.13.0", {}, ROCM, "says CPU, yet torch/lib holds libtorch_hip.so"),
        ("2.14.1", {"cuda": "13.0"}, {}, "neither libtorch_cuda.so nor libc10_cuda.so"),
        ("2.14.1", {"cuda": "13.0"}, CUDA | ROCM, "says CUDA, yet torch/lib holds libtorch_hip.so"),
        ("2.13.0", {"hip": "6.4"}, CUDA, "says ROCm"),
        ("2.13.0", {"hip": "6.4", "cuda": "12.4"}, CUDA, "ROCm and CUDA at once"),
        ("2.13.0+cpu", {"cuda": "13.0"}, CUDA, "calls itself '2.13.0+cpu'"),
        ("2.13.0+cu130", {}, {}, "calls itself '2.13.0+cu130'"),
        ("2.13.0+cu121", {"cuda": "12.4"}, CUDA, "says CUDA '12.4', yet calls itself '2.13.0+cu121'"),
    ],
)
def test_a_contradiction_makes_it_unknown(
    version: str, fields: dict[str, str | None], libraries: dict[Build, str], clause: str
) -> None:
    build, contradictions = decide_build(VersionFile(version, NONE | fields), libraries)
    assert build == "unknown"
    assert any(clause in text for text in contradictions)


def test_an_odd_field_makes_it_unknown() -> None:
    assert decide_build(VersionFile("2.0.0", {"hip": None}, ("cuda",)), {})[0] == "unknown"


def test_a_missing_field_is_not_none() -> None:
    assert decide_build(VersionFile("2.0.0", {"hip": None}), {}) == (
        "unknown",
        ["version.py does not state `cuda` at all, neither as text nor as None"],
    )
    assert decide_build(VersionFile("2.0.0", {"hip": "6.4"}), ROCM) == ("rocm", [])


def test_libraries_on_disk_through_links() -> None:
    tree: dict[str, Member] = {
        "torch/lib/libc10_cuda.so": Link("/usr/lib/libc10_cuda.so.2"),
        "usr/lib/libc10_cuda.so.2": b"x",
        "torch/lib/libtorch_hip.so": Link("/nowhere"),
        "torch/lib/libtorch_xpu.so/x": b"",
    }
    folders = Folders(rootfs_of(tree))
    assert builds_on_disk(folders, ["/torch/lib"]) == {"cuda": "libc10_cuda.so"}
    assert builds_on_disk(folders, ["/no", "/torch/lib"]) == {"cuda": "libc10_cuda.so"}
    assert builds_on_disk(folders, ["/usr/lib"]) == {}
    assert builds_on_disk(folders, ["/no"]) is None


@pytest.mark.parametrize(
    ("version", "build"),
    [
        ("2.1.0+cpu", "cpu"),
        ("2.1.0+cpu.cxx11.abi", "cpu"),
        ("2.1.0+cu118", "cuda"),
        ("2.1.0+rocm5.7", "rocm"),
        ("2.1.0+xpu", "xpu"),
        ("2.1.0", "unknown"),
        ("2.1.0+custom", "unknown"),
        ("2.1.0+cpufreq", "unknown"),
    ],
)
def test_builds_that_a_version_names(version: str, build: Build) -> None:
    assert build_of_local(version) == build
