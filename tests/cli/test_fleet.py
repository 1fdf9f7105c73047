"""`inspector fleet`: the matrix of real archives, and the profile of a host from what is found there."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from inspector.cli import profiling
from inspector.cli.fleet import FLAGS, MODES
from inspector.gpu.hosts import Flag, Mode
from inspector.gpu.profile import MAX_OUTPUT
from inspector.testing import FakeEngine
from tests.cli.program import run
from tests.gpu.test_profile import LISTING, RECORDED

HOSTS = '[[fleets.gpu.hosts]]\nname = "edge"\ndriver = "535.183.01"\ngpus = ["A10"]\n'
OTHER = '[[fleets.other.hosts]]\nname = "desk"\ndriver = "580.95.05"\ngpus = ["RTX 5090"]\n'


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of two fleets, in the folder that the program runs in."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hosts.toml"
    path.write_text(f"{HOSTS}\n{OTHER}")
    return path


def test_the_matrix_of_archives(images: Path, hosts: Path) -> None:
    names = ("backend-prod", "worker-cpu", "worker-gpu")
    done = run("fleet", "matrix", hosts, *(images / f"{name}.tar" for name in names), "--format", "json")
    assert done.exit_code == 0, done.output
    gpu, other = json.loads(done.stdout)["fleets"]
    stages = [[cause["stage"] for cause in image["hosts"][0]["causes"]] for image in gpu["images"]]
    assert stages[:2] == [["absent"], ["build"]]
    assert stages[2] == ["driver"], "a build for CUDA 13 on driver 535"
    assert other["hosts"][0]["name"] == "desk"


def test_one_fleet_and_an_image_that_is_not_there(images: Path, hosts: Path) -> None:
    done = run("fleet", "matrix", hosts, "--fleet", "other", images / "worker-cpu.tar", "gone.tar")
    assert done.exit_code == 3
    assert done.stdout.startswith("fleet other  1 image, 1 host: 1 fail")
    assert "gone.tar" in done.stderr


def test_the_nearest_policy_has_the_fleets(images: Path, hosts: Path) -> None:
    (hosts.parent / "inspector.toml").write_text(f'[roles.gpu]\ntorch = "cuda"\nfleet = "gpu"\n{HOSTS}')
    done = run("fleet", "matrix", images / "worker-cpu.tar", "-o", "fleet.html")
    assert done.exit_code == 0, done.output
    assert "Fleet gpu" in (hosts.parent / "fleet.html").read_text()
    assert run("fleet", "matrix", images / "worker-cpu.tar").stdout.startswith("fleet gpu")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["hosts.toml"], "no image: name one"),
        (
            ["hosts.toml", "--fleet", "othr", "a.tar"],
            "hosts.toml has no such fleet; did you mean 'other'?",
        ),
        (["a.tar"], "no policy: name a .toml file with tables [fleets.NAME] before the images"),
        (["gone.toml", "a.tar"], "gone.toml: no such file"),
    ],
)
@pytest.mark.usefixtures("hosts")
def test_wrong_usage(arguments: list[str], said: str) -> None:
    done = run("fleet", "matrix", *arguments)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


def test_check_judges_by_the_fleet(images: Path, hosts: Path) -> None:
    policy = hosts.parent / "inspector.toml"
    policy.write_text(f'[roles.gpu]\ntorch = "cuda"\ncuda-runtime = "host-dependent"\nfleet = "gpu"\n\n{HOSTS}')
    done = run("check", "--role", "gpu", images / "worker-gpu.tar", "--format", "json")
    (result,) = json.loads(done.stdout)["results"]
    (found,) = (each for each in result["findings"] if each["check"] == "fleet")
    assert (done.exit_code, found["outcome"], found["subject"]) == (1, "fail", "edge: driver")
    assert "too old for 13.0" in found["message"]


def profile(*arguments: str, stdin: bytes = b"") -> dict[str, object]:
    done = run("fleet", "profile", *arguments, stdin=stdin)
    assert done.exit_code == 0, done.output
    ((host,),) = (fleet["hosts"] for fleet in tomllib.loads(done.stdout)["fleets"].values())
    return dict(host)


def test_a_profile_of_what_somebody_sent(tmp_path: Path) -> None:
    sent = tmp_path / "h100.csv"
    sent.write_text(RECORDED["smi"])
    h100 = {"name": "h100", "driver": "580.159.04", "gpus": ["NVIDIA H100 80GB HBM3"]}
    assert profile("--from", str(sent)) == h100
    stated = ("--injection", "cdi", "--flag", "device", "--kubernetes", "--name", "a b")
    more = {"name": "a b", "injection": "cdi", "flag": "device", "kubernetes": True}
    assert profile("--from", str(sent), *stated) == {**h100, **more}
    assert profile("--from", "-", "--name", "edge", stdin=LISTING.encode())["gpus"] == ["Tesla T4", "Tesla T4"]


def test_a_profile_is_a_file_of_a_fleet(images: Path, hosts: Path) -> None:
    (hosts.parent / "smi.csv").write_text(RECORDED["smi"])
    assert run("fleet", "profile", "--from", "smi.csv", "--fleet", "a b", "-o", "new.toml").exit_code == 0
    done = run("fleet", "matrix", "new.toml", images / "worker-cpu.tar")
    assert done.stdout.startswith("fleet a b  1 image, 1 host"), done.output


def test_what_a_policy_would_refuse_of_it_is_warned_of() -> None:
    done = run("fleet", "profile", "--from", "-", "--name", "x", stdin=b"name, driver_version\nVoodoo 2, 535.1\n")
    assert done.exit_code == 0
    assert "no GPU is known as 'Voodoo 2'; state its compute capability" in done.stderr
    assert 'gpus = ["Voodoo 2"]' in done.stdout


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (["--from", "-"], b"nothing", "this is not what nvidia-smi prints"),
        (["--from", "-"], b" " * (MAX_OUTPUT + 1), "are not the output of nvidia-smi"),
        (["--from", "-", "--injection", "oci"], RECORDED["smi"].encode(), "'oci' is not one of 'legacy', 'cdi', 'csv'"),
    ],
)
def test_what_is_no_profile(arguments: list[str], stdin: bytes, said: str) -> None:
    done = run("fleet", "profile", *arguments, stdin=stdin)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


def test_the_words_are_those_of_profiles() -> None:
    assert (get_args(Mode), get_args(Flag)) == (MODES, FLAGS)


def machine(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the folder the root of this machine, on which there is no nvidia-smi."""
    monkeypatch.setattr(profiling, "ROOT", root)
    monkeypatch.setenv("PATH", str(root))
    monkeypatch.setattr("os.uname", lambda: type("Uname", (), {"nodename": "edge", "machine": "aarch64"}))


def test_this_machine_by_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(tmp_path, monkeypatch)
    files = {
        "proc/driver/nvidia/version": "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  580.95.05  Release\n",
        "proc/driver/nvidia/gpus/0/information": "Model: \t\t NVIDIA GH200 480GB\n",
        "var/lib/dpkg/status": "Package: nvidia-container-toolkit\nVersion: 1.18.0-1\n\n",
        "etc/docker/daemon.json": '{"default-runtime": "nvidia"}',
        "etc/nvidia-container-runtime/config.toml": '[nvidia-container-runtime]\nmode = "legacy"\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    with FakeEngine("graph") as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        found = profile()
    assert found.pop("engine")
    assert found == {
        "name": "edge",
        "driver": "580.95.05",
        "gpus": ["NVIDIA GH200 480GB"],
        "toolkit": "1.18.0-1",
        "flag": "runtime",
        "injection": "legacy",
        "architecture": "aarch64",
    }


def test_this_machine_has_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(tmp_path, monkeypatch)
    done = run("fleet", "profile")
    assert done.exit_code == 2
    assert "neither nvidia-smi nor /proc/driver/nvidia; on the GPU host, run `nvidia-smi --query-gpu" in done.stderr


def test_without_a_command_the_help_is_shown() -> None:
    done = run("fleet")
    assert (done.exit_code, "profile" in done.stderr) == (2, True)
