"""Environments of real Pythons with a small torch that really loads: what their own interpreter says, beside ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from inspector import inspect
from tests.lab import minitorch

VERSIONS = ("3.11", "3.12")
DAMAGES = ("none", "no libc10", "no typing_extensions", "cut libtorch_cpu", "torch.py beside", "no version.py")


def base_of(version: str) -> str:
    """A Python of this version; pyenv's commands stand for several."""
    found = [shutil.which(f"python{version}")]
    found += sorted(map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}")))
    for each in filter(None, found):
        done = subprocess.run(
            [each, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return done.stdout.strip()
    pytest.skip(f"there is no Python {version}")


@pytest.fixture(scope="module", params=VERSIONS)
def base(request: pytest.FixtureRequest, docker: None) -> tuple[str, str]:
    """A version, and the Python of it."""
    del docker
    return request.param, base_of(request.param)


@pytest.fixture(scope="module")
def made(base: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the small torch."""
    version, python = base
    folder = tmp_path_factory.mktemp(f"of-{version}")
    tag = f"cp{version.replace('.', '')}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAB_PYTHON", python)
        patch.setattr(minitorch, "EXTENSION", f"torch/_C.cpython-{tag[2:]}-x86_64-linux-gnu.so")
        patch.setattr(minitorch, "_TAG", f"{tag}-{tag}-manylinux_2_28_x86_64")
        wheels = minitorch.build(folder, "cpu")
    env = folder / ".venv"
    subprocess.run([python, "-m", "venv", "--without-pip", env], check=True)
    site = env / "lib" / f"python{version}" / "site-packages"
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    return env


@pytest.fixture
def env(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in a working directory of its own."""
    target = tmp_path / ".venv"
    subprocess.run(["cp", "-a", made, target], check=True)
    monkeypatch.chdir(tmp_path)
    return target


def damage(env: Path, how: str) -> None:
    (site,) = env.glob("lib/python*/site-packages")
    match how:
        case "no libc10":
            (site / "torch/lib/libc10.so").unlink()
        case "no typing_extensions":
            (site / "typing_extensions.py").unlink()
        case "cut libtorch_cpu":
            library = site / "torch/lib/libtorch_cpu.so"
            library.write_bytes(library.read_bytes()[:5000])
        case "torch.py beside":
            (env.parent / "torch.py").write_text("raise ImportError('not this one')\n")
        case "no version.py":
            (site / "torch/version.py").unlink()
        case _:
            assert how == "none"


def run(env: Path) -> subprocess.CompletedProcess[str]:
    """Let its own Python import torch, in the environment that ours is judged in."""
    variables = {"HOME": os.environ.get("HOME", "/"), "PATH": f"{env}/bin:/usr/bin:/bin", "VIRTUAL_ENV": str(env)}
    words = [str(env / "bin" / "python"), "-c", "import torch; print(torch.__version__)"]
    return subprocess.run(words, capture_output=True, text=True, check=False, env=variables)


@pytest.mark.parametrize("how", DAMAGES)
def test_our_answer_is_that_of_its_python(how: str, env: Path) -> None:
    damage(env, how)
    done = run(env)
    torch = inspect(f"venv:{env}", cache=None).torch
    assert torch.importable == ("yes" if done.returncode == 0 else "no"), (done, torch)
    if done.returncode == 0:
        assert torch.version == done.stdout.strip()
    elif "cannot open shared object" in done.stderr or "file too short" in done.stderr:
        assert done.stderr.strip().splitlines()[-1].partition(": ")[2][:40] in " ".join(torch.reasons)


def test_nothing_of_it_is_changed(env: Path) -> None:
    def listed() -> dict[str, tuple[int, int]]:
        found = {str(path): path.lstat() for path in env.rglob("*")}
        return {path: (status.st_ctime_ns, status.st_size) for path, status in found.items()}

    before = listed()
    inspect(f"venv:{env}", cache=None, imports=["torch"])
    assert listed() == before
