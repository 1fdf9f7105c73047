"""The program as an image: built from this checkout, and run beside the engine and on an archive."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inspector import __version__
from tests.lab import engine
from tests.lab.others import DOCKER

PROJECT = Path(__file__).parents[2]
IMAGE = "inspector-deploy/inspector:test"
RUN = ("docker", "run", "--rm", "--network", "none")


@pytest.fixture(scope="module")
def built(docker: None) -> None:
    """Build it as a user would."""
    del docker
    file = PROJECT / "deploy" / "docker" / "Dockerfile.inspector"
    engine.docker("build", "--quiet", "--network", "host", "--file", str(file), "--tag", IMAGE, str(PROJECT))


def socket() -> Path:
    """Where the engine listens."""
    return Path(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://"))


def beside_the_engine() -> tuple[str, ...]:
    """What lets a container without rights of its own talk to the engine."""
    return ("--volume", f"{socket()}:/var/run/docker.sock", "--group-add", str(socket().stat().st_gid))


def document(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    """What it printed as JSON."""
    assert done.stdout, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_it_is_small_runs_as_nobody_and_says_its_version(built: None) -> None:
    del built
    config = engine.inspect(IMAGE)["Config"]
    assert (config["User"], config["Entrypoint"]) == ("inspector", ["inspector"])
    assert engine.inspect(IMAGE)["Size"] - engine.inspect("python:3.11-slim")["Size"] < 50_000_000
    assert engine.docker(*RUN[1:], IMAGE, "--version").startswith(f"torch-image-inspector {__version__}, ")


def test_beside_the_engine_it_checks_the_engine_s_images(built: None, roles: None) -> None:
    del built, roles
    words = ["check", "deploy/inspector.toml", "docker:ktrdr-backend:prod"]
    folder = ("--volume", f"{PROJECT}:/work:ro")
    command = [*RUN, *beside_the_engine(), *folder, IMAGE, *words, "--format", "json"]
    inside = document(subprocess.run(command, check=False, capture_output=True))
    assert [result["outcome"] for result in inside["results"]] == ["pass"], inside


@pytest.mark.parametrize("name", ["ktrdr-backend:prod", "inspector-lab/worker-without-torch:1"])
def test_given_the_engine_s_folder_it_reads_the_storage_as_the_program_does_beside_it(
    built: None, roles: None, name: str
) -> None:
    del built, roles
    root = DOCKER.root
    words = ["check", "--torch", "absent", f"docker:{name}", "--no-cache", "--format", "json"]
    beside = [*RUN, *beside_the_engine(), "--user", "0"]
    with DOCKER.untouched():
        given = document(
            subprocess.run([*beside, "--volume", f"{root}:{root}:ro", IMAGE, *words], check=False, capture_output=True)
        )
        without = document(subprocess.run([*beside, IMAGE, *words], check=False, capture_output=True))
    native = document(
        subprocess.run([sys.executable, "-m", "inspector", *words], check=False, capture_output=True, cwd=PROJECT)
    )
    facts, wanted = (each["results"][0]["facts"] for each in (given, native))
    assert (facts["evidence"]["access"], wanted["evidence"]["access"]) == ("storage", "storage")
    for each in (facts, wanted):
        del each["evidence"]
    assert facts == wanted
    assert given["results"][0]["findings"][1:] == native["results"][0]["findings"][1:]
    evidence = without["results"][0]["facts"]["evidence"]
    assert evidence["access"] == "files"
    assert f"-v {root}:{root}:ro" in evidence["passed_over"][0]


def test_an_archive_on_standard_input_is_checked(built: None, roles: None) -> None:
    del built, roles
    command = [*RUN, "--interactive", "--volume", f"{PROJECT / 'deploy'}:/work:ro", IMAGE]
    command += ["check", "inspector.toml", "--format", "json", "--role", "worker-cpu", "-"]
    with subprocess.Popen(["docker", "save", "ktrdr-backend:prod"], stdout=subprocess.PIPE) as save:
        done = subprocess.run(command, check=False, capture_output=True, stdin=save.stdout)
    (result,) = document(done)["results"]
    assert (done.returncode, result["outcome"]) == (1, "fail")
    assert [item["check"] for item in result["findings"] if item["outcome"] == "fail"] == ["torch"]
