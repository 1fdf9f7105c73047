"""Installed distributions, environments and version files against Python's own tools."""

from __future__ import annotations

import importlib.metadata
import io
import subprocess
import sys
import tarfile
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fixtures.nvidia import nvidia
from fixtures.pythons import venv
from fixtures.roles import SITE, right_images
from fixtures.torches import torch_cpu, torch_cuda, torch_needs, torch_rocm, torch_xpu, version_py
from fixtures.wheels import Wheel, install
from inspector.testing.tree import tar_of

LINUX = {
    "extra": "",
    "platform_machine": "x86_64",
    "platform_system": "Linux",
    "python_version": "3.11",
    "sys_platform": "linux",
}


ROLES = right_images()


def unpacked(folder: Path, *layers: bytes) -> Path:
    for layer in layers:
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            files = [member for member in tar if member.isfile()]
            tar.extractall(folder, members=files, filter="data")
    return folder


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_record_lists_every_file_with_hash_and_size(installer: str, tmp_path: Path) -> None:
    wheels = (torch_cpu(), *torch_needs())
    tree = install("venv/lib/site", *wheels, installer=installer)
    site = unpacked(tmp_path, tar_of(tree)) / "venv" / "lib" / "site"
    listed = set()
    for distribution in importlib.metadata.distributions(path=[str(site)]):
        assert distribution.read_text("INSTALLER") == ("pip\n" if installer == "pip" else "uv")
        for file in distribution.files or ():
            path = Path(str(file.locate()))
            content = path.read_bytes()
            listed.add(path.resolve())
            if file.hash is None:
                assert file.suffix == ".pyc" or file.name == "RECORD"
                continue
            assert file.size == len(content)
            assert file.hash.value == urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=")
    assert listed == {path.resolve() for path in tmp_path.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ROLES)
def test_role_images_install_what_their_packages_require(name: str, tmp_path: Path) -> None:
    site = unpacked(tmp_path, *ROLES[name].layers) / SITE
    found = {canonicalize_name(one.name): one for one in importlib.metadata.distributions(path=[str(site)])}
    wanted_extras = {"cuda-toolkit": {"", "cublas", "cudart", "nvrtc"}}
    for distribution in found.values():
        for text in distribution.requires or ():
            requirement = Requirement(text)
            asked = wanted_extras.get(canonicalize_name(distribution.name), {""})
            if requirement.marker is None or any(requirement.marker.evaluate({**LINUX, "extra": x}) for x in asked):
                assert found[canonicalize_name(requirement.name)].version in requirement.specifier, text


@pytest.mark.parametrize(
    ("wheel", "version", "metadata", "library"),
    [
        (torch_cpu(), "2.13.0+cpu", "2.13.0+cpu", None),
        (torch_cuda(), "2.14.1+cu130", "2.14.1", "libtorch_cuda.so"),
        (torch_cuda("2.6.0+cu124"), "2.6.0+cu124", "2.6.0", "libtorch_cuda.so"),
        (torch_rocm(), "2.13.0+rocm6.4", "2.13.0+rocm6.4", "libtorch_hip.so"),
        (torch_xpu(), "2.13.0+xpu", "2.13.0+xpu", "libtorch_xpu.so"),
    ],
    ids=lambda value: value.version if isinstance(value, Wheel) else "",
)
def test_builds_of_torch(wheel: Wheel, version: str, metadata: str, library: str | None) -> None:
    libraries = {path.rpartition("/")[2] for path in wheel.files if path.startswith("torch/lib/")}
    assert wheel.version == metadata
    assert names_in(wheel)["__version__"] == version
    told = {"libtorch_cuda.so", "libtorch_hip.so", "libtorch_xpu.so"} & libraries
    assert told == ({library} if library else set())


@pytest.mark.parametrize(
    ("version", "cuda", "names"),
    [
        ("1.0.0", "9.0.176", {"__version__", "debug", "cuda"}),
        ("1.13.1+cu117", "11.7", {"__version__", "debug", "cuda", "git_version", "hip"}),
        ("2.5.1+cu124", "12.4", {"__version__", "debug", "cuda", "git_version", "hip"}),
        ("2.8.0+cu128", "12.8", {"__version__", "debug", "cuda", "git_version", "hip", "xpu"}),
        ("2.13.0+cpu", None, {"__version__", "debug", "cuda", "git_version", "hip", "rocm", "xpu"}),
    ],
)
def test_version_file_of_each_era(version: str, cuda: str | None, names: set[str]) -> None:
    found = executed(version_py(version, cuda=cuda))
    assert set(found) - {"Optional"} == names
    assert found["__version__"] == version
    assert found["cuda"] == cuda
    assert found.get("hip") is None


def test_cuda_libraries_lie_where_each_generation_has_them() -> None:
    new = {path for wheel in nvidia("13.0") for path in wheel.files}
    old = {path for wheel in nvidia("12.4") for path in wheel.files}
    assert {"nvidia/cu13/lib/libcudart.so.13", "nvidia/nccl/lib/libnccl.so.2"} <= new
    assert "nvidia/__init__.py" not in new
    assert {"nvidia/cuda_runtime/lib/libcudart.so.12", "nvidia/__init__.py"} <= old


def test_environment_is_described_as_the_real_module_does(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "real")], check=True, timeout=60)
    real = keys((tmp_path / "real" / "pyvenv.cfg").read_text(encoding="utf-8"))
    made = venv("app/.venv")["app/.venv/pyvenv.cfg"]
    assert isinstance(made, bytes)
    assert keys(made.decode()) == real


def keys(text: str) -> list[str]:
    return [line.partition(" = ")[0] for line in text.splitlines()]


def names_in(wheel: Wheel) -> dict[str, object]:
    content = wheel.files["torch/version.py"]
    assert isinstance(content, bytes)
    return executed(content)


def executed(content: bytes) -> dict[str, object]:
    found: dict[str, object] = {}
    exec(content, found)
    return {name: value for name, value in found.items() if name not in ("__builtins__", "__all__", "__annotations__")}
