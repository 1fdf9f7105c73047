"""Profiles of hosts, from what nvidia-smi prints there and from a tree of files."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import msgspec
import pytest

from inspector.errors import UsageError
from inspector.gpu.hosts import Host
from inspector.gpu.profile import (
    as_toml,
    default_runtime_is_nvidia,
    host_of_proc,
    host_of_smi,
    runtime_mode,
    toolkit_of,
)

RECORDED = json.loads((Path(__file__).parents[1] / "runtime/recorded/h100-580.159.json").read_text())["machine"]
LISTING = """
==============NVSMI LOG==============

Timestamp                                 : Fri Nov 27 10:00:00 2026
Driver Version                            : 535.183.01
CUDA Version                              : 12.2

Attached GPUs                             : 2
GPU 00000000:00:1E.0
    Product Name                          : Tesla T4
    Product Brand                         : NVIDIA
GPU 00000000:00:1F.0
    Product Name                          : Tesla T4
"""


def test_the_output_of_a_real_host() -> None:
    found = host_of_smi(RECORDED["smi"], "h100")
    assert (found.driver, found.gpus) == ("580.159.04", ("NVIDIA H100 80GB HBM3",))


def test_the_long_listing() -> None:
    found = host_of_smi(LISTING, "edge")
    assert (found.driver, found.gpus) == ("535.183.01", ("Tesla T4", "Tesla T4"))


def test_a_gpu_of_an_unknown_name_is_stated_by_its_capability() -> None:
    assert host_of_smi("driver_version, name, compute_cap\n700.1, GeForce 9, 15.0\n", "new").gpus == ("15.0",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n",
        "name\nTesla T4\n",
        "name, driver_version\nTesla T4, 535.1\nTesla T4, 580.1\n",
        "name, driver_version\n" + "T4, 535.1\n" * 65,
        " " * (5 << 20),
    ],
)
def test_what_nvidia_smi_does_not_print(text: str) -> None:
    with pytest.raises(UsageError):
        host_of_smi(text, "edge")


def test_files_of_the_host(tmp_path: Path) -> None:
    assert (toolkit_of(tmp_path), default_runtime_is_nvidia(tmp_path)) == (None, False)
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text(
        "Package: a\nVersion: 1\n\nPackage: nvidia-container-toolkit\nStatus: install ok\nVersion: 1.17.4-1\n\n"
    )
    (tmp_path / "etc/docker").mkdir(parents=True)
    (tmp_path / "etc/docker/daemon.json").write_text('{"default-runtime": "nvidia"}')
    assert (toolkit_of(tmp_path), default_runtime_is_nvidia(tmp_path)) == ("1.17.4-1", True)


@pytest.mark.parametrize(
    "host",
    [
        Host(name="edge", driver="535.183", gpus=("A10", "T4"), injection="cdi"),
        Host(name='a "b" \\ \n\x7f', driver="1", gpus=(), engine="29.2.0", toolkit="1.18.0", flag="gpus"),
        Host(name="arm", driver="580.1", gpus=("GH200",), architecture="aarch64", kubernetes=True),
    ],
)
def test_a_profile_reads_back(host: Host) -> None:
    for fleet in ("gpu", 'a "b" \\ \n\x7f.c'):
        (stated,) = tomllib.loads(as_toml(host, fleet))["fleets"][fleet]["hosts"]
        assert msgspec.convert(stated, Host) == host


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ('[nvidia-container-runtime]\nmode = "legacy"\n', "legacy"),
        ('[nvidia-container-runtime]\nmode = "jit-cdi"\n', "cdi"),
        ('[nvidia-container-runtime]\nmode = "auto"\n', None),
        ("[nvidia-container-runtime]\nmode = [1]\n", None),
        ("nvidia-container-runtime = 5\n", None),
        ("#", None),
        ("x", None),
    ],
)
def test_the_mode_of_the_runtime(text: str, mode: str | None, tmp_path: Path) -> None:
    assert runtime_mode(tmp_path) is None
    (tmp_path / "etc/nvidia-container-runtime").mkdir(parents=True)
    (tmp_path / "etc/nvidia-container-runtime/config.toml").write_text(text)
    assert runtime_mode(tmp_path) == mode


def test_hosts_follow_one_another() -> None:
    both = [Host(name=name, driver="1", gpus=("A10",)) for name in "ab"]
    stated = tomllib.loads("\n".join(as_toml(each, "gpu") for each in both))
    assert [each["name"] for each in stated["fleets"]["gpu"]["hosts"]] == ["a", "b"]


VERSION = {
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n": "535.183.01",
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (root@a)\n": "580.95.05",
}


@pytest.mark.parametrize("text", VERSION)
def test_files_of_the_driver(text: str, tmp_path: Path) -> None:
    driver = tmp_path / "proc/driver/nvidia"
    for at, model in enumerate(("NVIDIA A10", "Tesla T4")):
        (driver / f"gpus/0000:0{at}:00.0").mkdir(parents=True)
        (driver / f"gpus/0000:0{at}:00.0/information").write_text(f"Model: \t\t {model}\nIRQ:   \t\t 24\n")
    assert host_of_proc(tmp_path, "edge") is None
    (driver / "version").write_text(text)
    assert host_of_proc(tmp_path, "edge") == Host(name="edge", driver=VERSION[text], gpus=("NVIDIA A10", "Tesla T4"))
