"""CUDA's own runtime under a driver that isn't there: which versions it takes, and what it says of each error."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from inspector.gpu import drivers
from tests.lab import standin
from tests.lab.conftest import _not_here as not_here

RUNTIMES = {"11": "nvidia-cuda-runtime-cu11", "12": "nvidia-cuda-runtime-cu12", "13": "nvidia-cuda-runtime"}
"""The wheel that brings the runtime of each major version of CUDA, of some MB."""
DRIVERS = ("450.80.02", "470.42.01", "520.61.05", "525.60.13", "535.183.01", "550.54.14", "570.86.15", "575.51.03")
NEWER = ("580.65.06", "580.95.05", "590.44.01", "610.43.02")
COUNTED = 103
"""What it says in place of a count, where nothing else is amiss: see standin/cuda.c."""
NO_DEVICE, TOO_OLD = 100, 35


@pytest.fixture(scope="module")
def libraries(space: Path) -> Path:
    """The stand-in, and each runtime as `libcudart.so.11`, `.12` and `.13`."""
    if standin.compiler() is None:
        not_here("there is no C compiler")
    folder = space / "standin"
    standin.build(folder)
    words = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), *RUNTIMES.values()]
    if subprocess.run(words, check=False, capture_output=True).returncode:
        not_here("the package index has no CUDA runtime")
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if "libcudart.so." in name:
                    (folder / Path(name).name).write_bytes(archive.read(name))
    return folder


def errors(folder: Path, major: str, environments: list[dict[str, str]]) -> list[int]:
    """What `cudaGetDeviceCount` returns under each."""
    (library,) = folder.glob(f"libcudart.so.{major}*")
    setup = f"import ctypes\ncudart = ctypes.CDLL({str(library)!r})\ncount = ctypes.c_int()"
    source = standin.program(setup, "cudart.cudaGetDeviceCount(ctypes.byref(count))", environments)
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", source], check=True, capture_output=True, text=True, env=environment, timeout=120
    )
    return standin.answers(done.stdout)


def number(driver: str) -> str:
    """The version of CUDA that a driver says it has, as `cuDriverGetVersion` gives it."""
    major, minor = (drivers.cuda_of(driver) or "0.0").split(".")
    return str(int(major) * 1000 + int(minor) * 10)


@pytest.mark.parametrize("major", RUNTIMES)
def test_the_major_version_decides_whether_a_driver_is_too_old(major: str, libraries: Path) -> None:
    hosts = (*DRIVERS, *NEWER)
    found = errors(libraries, major, [{"STANDIN_CUDA": number(driver)} for driver in hosts])
    actual = {driver: {COUNTED: True, TOO_OLD: False}[error] for driver, error in zip(hosts, found, strict=True)}
    assert actual == {driver: drivers.comes_up(f"{major}.0", driver) for driver in hosts}


@pytest.mark.parametrize("major", RUNTIMES)
def test_a_driver_that_fails_is_named_by_its_own_error(major: str, libraries: Path) -> None:
    numbers = [3, 34, 46, NO_DEVICE, 803, 804, 999]
    environments = [{"STANDIN_ERROR": str(each)} for each in numbers]
    assert errors(libraries, major, environments) == numbers
    old = [{**each, "STANDIN_CUDA": "10020"} for each in environments]
    assert set(errors(libraries, major, old)) == {TOO_OLD}, "the version is looked at first"


@pytest.mark.parametrize("major", RUNTIMES)
def test_without_a_device_there_is_none(major: str, libraries: Path) -> None:
    assert errors(libraries, major, [{"STANDIN_DEVICES": count} for count in "012"]) == [NO_DEVICE, COUNTED, COUNTED]


@pytest.mark.parametrize("major", RUNTIMES)
def test_without_a_driver_the_version_is_nought(major: str, libraries: Path, tmp_path: Path) -> None:
    (tmp_path / f"libcudart.so.{major}").symlink_to(next(libraries.glob(f"libcudart.so.{major}*")))
    assert errors(tmp_path, major, [{}]) == [TOO_OLD]
