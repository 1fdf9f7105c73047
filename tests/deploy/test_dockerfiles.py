"""The Dockerfiles, the service's lock and the policy, compared with each other; tests/lab builds them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from inspector.policy.load import load_policy
from tests.deploy.steps import PROJECT

DEPLOY = PROJECT / "deploy"
ROLES = {path.name.removeprefix("Dockerfile."): path for path in sorted((DEPLOY / "docker").iterdir())}
SERVICE = [role for role in ROLES if role != "inspector"]
SOURCE = DEPLOY / "service" / "pytorch-source"


def steps(role: str) -> list[str]:
    """The instructions of a Dockerfile, without comments and blank lines."""
    text = ROLES[role].read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_policy_is_the_hand_run_procedure_s() -> None:
    policy = load_policy(DEPLOY / "inspector.toml")
    theirs = load_policy(PROJECT / "fixtures" / "roles.json")
    assert [image.reference for image in policy.images] == [image.reference for image in theirs.images]
    assert [(role.stated.get("torch"), role.dockerfile) for role in policy.roles] == [
        (role.stated.get("torch"), role.dockerfile) for role in theirs.roles
    ]
    assert all((PROJECT / str(role.dockerfile)).is_file() for role in policy.roles)


def test_the_role_images_begin_alike_so_that_they_share_layers() -> None:
    until = next(at for at, step in enumerate(steps("backend")) if step.startswith("COPY "))
    assert len({tuple(steps(role)[: until + 1]) for role in SERVICE}) == 1
    torch = next(at for at, step in enumerate(steps("worker-cpu")) if "--extra ml" in step)
    assert steps("dev")[: torch + 1] == steps("worker-cpu")[: torch + 1]


@pytest.mark.parametrize("role", ROLES)
def test_a_dockerfile_needs_no_buildkit_and_ends_as_no_root(role: str) -> None:
    assert "RUN --mount" not in ROLES[role].read_text()
    assert steps(role)[0] == "ARG BASE_IMAGE=python:3.11-slim"
    assert [step for step in steps(role) if step.startswith("USER ")] in (["USER ktrdr"], ["USER inspector"])


@pytest.mark.parametrize(
    ("role", "source", "extra"),
    [("backend", [], False), ("dev", ["cpu"], True), ("worker-cpu", ["cpu"], True), ("worker-gpu", ["cu130"], True)],
)
def test_what_the_advice_greps_for_is_there_or_not(role: str, source: list[str], extra: bool) -> None:  # noqa: FBT001
    text = "\n".join(steps(role))
    assert re.findall(r"pytorch-source pytorch-(\w+)", text) == source
    assert ("extra ml" in text) is extra
    assert "uv sync --frozen" in text


def test_the_lock_has_torch_for_the_extra_alone() -> None:
    lock = tomllib.loads((DEPLOY / "service" / "uv.lock").read_text())
    (service,) = (package for package in lock["package"] if package["name"] == "ktrdr")
    assert "torch" not in [item["name"] for item in service["dependencies"]]
    assert [item["name"] for item in service["optional-dependencies"]["ml"]] == ["torch"]


def source(folder: Path, *words: str, wheels: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run pytorch-source beside a pyproject.toml, with a `uv` that only says that it was asked."""
    (folder / "pyproject.toml").write_bytes((DEPLOY / "service" / "pyproject.toml").read_bytes())
    (folder / "uv").write_text('#!/bin/sh\necho "uv $*"\n')
    (folder / "uv").chmod(0o755)
    env = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"} | ({"PYTORCH_WHEELS": wheels} if wheels else {})
    return subprocess.run([SOURCE, *words], cwd=folder, env=env, check=False, capture_output=True, text=True)


@pytest.mark.parametrize("wheels", [None, "http://mirror.example/whl"])
def test_a_source_is_for_torch_alone(wheels: str | None, tmp_path: Path) -> None:
    assert source(tmp_path, "pytorch-cu130", wheels=wheels).stdout == "uv lock\n"
    uv = tomllib.loads((tmp_path / "pyproject.toml").read_text())["tool"]["uv"]
    assert uv["sources"] == {"torch": {"index": "pytorch-cu130"}}
    url = f"{wheels or 'https://download.pytorch.org/whl'}/cu130"
    assert uv["index"] == [{"name": "pytorch-cu130", "url": url, "explicit": True}]


@pytest.mark.parametrize("words", [(), ("pytorch",), ("cpu",), ('pytorch-cpu"\nurl = "x',)])
def test_a_source_that_is_none_is_refused(words: tuple[str, ...], tmp_path: Path) -> None:
    done = source(tmp_path, *words)
    assert (done.returncode, done.stdout) == (64, "")
    assert (tmp_path / "pyproject.toml").read_bytes() == (DEPLOY / "service" / "pyproject.toml").read_bytes()


def test_the_procedure_s_own_json_names_these_dockerfiles() -> None:
    images = json.loads((PROJECT / "fixtures" / "roles.json").read_text())["images"]
    assert {Path(image["dockerfile"]).name for image in images} == {ROLES[role].name for role in SERVICE}
