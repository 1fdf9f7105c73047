"""The role images as deploy/docker builds them, and what one wrong line in a Dockerfile does to the verdict.

These builds take torch from a source of stubs, so that each costs seconds; the lab's role images have the real one.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.lab import engine
from tests.lab.torch_source import served, write_source

PROJECT = Path(__file__).parents[2]
POLICY = PROJECT / "deploy" / "inspector.toml"
ROLES = ("backend", "dev", "worker-cpu", "worker-gpu")

REAL = {
    "ktrdr-backend:prod": "backend",
    "ktrdr-backend:dev": "dev",
    "ktrdr-worker-cpu:test": "worker-cpu",
    "ktrdr-worker-gpu:test": "worker-gpu",
}
"""The lab's own images, with the real torch, and their roles; the last is not in every lab."""

SYNC = "RUN uv sync --frozen --no-dev"
SYNC_ML = "RUN uv sync --frozen --no-dev --extra ml"
FROM_CPU = "RUN ./pytorch-source pytorch-cpu"
FROM_CUDA = "RUN ./pytorch-source pytorch-cu130"
NO_EXTRA = "take torch, and what requires it, out of the dependencies that `uv sync` installs"
EXTRA = "install torch: `uv add torch --index pytorch-"
CPU_SOURCE = "install the CPU build: `uv add torch --index pytorch-cpu="
CUDA_SOURCE = "install the CUDA build: `uv add torch --index pytorch-cu"


class Mutation(NamedTuple):
    """A line of a role's Dockerfile, what stands in its place, the check that must fail, and what its advice says."""

    role: str
    line: str
    instead: str
    check: str
    advice: str


MUTATIONS = {
    "backend-with-extra": Mutation("backend", SYNC, SYNC_ML, "torch", NO_EXTRA),
    "dev-without-extra": Mutation("dev", "RUN uv sync --frozen --extra ml", "RUN uv sync --frozen", "torch", EXTRA),
    "dev-from-cuda": Mutation("dev", FROM_CPU, FROM_CUDA, "torch-build", CPU_SOURCE),
    "worker-cpu-without-extra": Mutation("worker-cpu", SYNC_ML, SYNC, "torch", EXTRA),
    "worker-cpu-from-cuda": Mutation("worker-cpu", FROM_CPU, FROM_CUDA, "torch-build", CPU_SOURCE),
    "worker-gpu-without-extra": Mutation("worker-gpu", SYNC_ML, SYNC, "torch", EXTRA),
    "worker-gpu-from-cpu": Mutation("worker-gpu", FROM_CUDA, FROM_CPU, "torch-build", CUDA_SOURCE),
}


def image_of(name: str) -> str:
    """What the image of a role, or of a mutation, is called here."""
    return f"inspector-deploy/{name}:test"


def dockerfile(role: str) -> Path:
    """The role's Dockerfile."""
    return PROJECT / "deploy" / "docker" / f"Dockerfile.{role}"


def mutated(mutation: Mutation) -> str:
    """The Dockerfile with the one line changed."""
    text = dockerfile(mutation.role).read_text()
    assert text.count(f"\n{mutation.line}\n") == 1
    return text.replace(f"\n{mutation.line}\n", f"\n{mutation.instead}\n")


def build(name: str, text: str, context: Path, wheels: str) -> None:
    """Build the image `name` from a Dockerfile's text, as a user would, with torch from `wheels`."""
    file = context.parent / f"Dockerfile.{name}"
    file.write_text(text)
    source = ("--build-arg", f"PYTORCH_WHEELS={wheels}") if "\nARG PYTORCH_WHEELS" in text else ()
    words = ("--quiet", "--network", "host", "--file", str(file), "--tag", image_of(name), *source, str(context))
    engine.docker("build", *words)


def locked_to_stubs(context: Path, folder: Path) -> Path:
    """A context like `context`, its lock that of the CPU worker: in the true one, torch is PyPI's of some GB."""
    copied = Path(shutil.copytree(context, folder / "context"))
    for name in ("pyproject.toml", "uv.lock"):
        said = engine.docker("run", "--rm", "--network", "none", image_of("worker-cpu"), "cat", name)
        (copied / "deploy" / "service" / name).write_text(said)
    return copied


@pytest.fixture(scope="module")
def built(docker: None, space: Path) -> Iterator[Path]:
    """The folder of the builds, once every image of this module is built."""
    del docker
    folder = space / "deploy"
    context = folder / "context"
    shutil.copytree(PROJECT / "deploy" / "service", context / "deploy" / "service")
    write_source(folder / "wheels")
    with served(folder / "wheels") as wheels:
        for role in ROLES:
            build(role, dockerfile(role).read_text(), context, wheels)
        stubs = locked_to_stubs(context, folder / "stubs")
        for name, mutation in MUTATIONS.items():
            build(name, mutated(mutation), stubs if mutation.role == "backend" else context, wheels)
    yield folder
    shutil.rmtree(folder)


def check(*words: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code and the results of `inspector check` against the deployment's own policy."""
    command = [sys.executable, "-m", "inspector", "check", str(POLICY), "--format", "json", *words]
    done = subprocess.run(command, cwd=PROJECT, check=False, capture_output=True, text=True)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["results"]


@pytest.mark.parametrize("role", ROLES)
def test_an_image_of_each_dockerfile_passes(role: str, built: Path) -> None:
    del built
    code, (result,) = check("--role", role, f"docker:{image_of(role)}")
    assert (code, result["outcome"]) == (0, "pass"), result["findings"]


@pytest.mark.parametrize("name", MUTATIONS)
def test_one_wrong_line_fails_with_the_advice_that_names_it(name: str, built: Path) -> None:
    del built
    mutation = MUTATIONS[name]
    code, (result,) = check("--role", mutation.role, f"docker:{image_of(name)}")
    failed = {item["check"]: item for item in result["findings"] if item["outcome"] == "fail"}
    assert (code, result["outcome"], mutation.check in failed) == (1, "fail", True), result["findings"]
    finding = failed[mutation.check]
    assert finding["category"] == "CODE_BUG"
    assert finding["advice"].startswith(f"deploy/docker/Dockerfile.{mutation.role}: {mutation.advice}")
    if "created_by" in finding["evidence"]:
        assert f"`{SYNC_ML}`" in finding["advice"]
        assert f"\n{SYNC_ML}\n" in mutated(mutation)


def test_the_lab_s_role_images_suit_their_roles(roles: None) -> None:
    del roles
    names = [name for name in REAL if engine.has_image(name)]
    code, results = check(*names)
    assert (code, [result["outcome"] for result in results]) == (0, ["pass"] * len(names)), results
    assert [result["role"] for result in results] == [REAL[name] for name in names]


def test_the_service_s_own_tests_pass_in_the_development_image(roles: None) -> None:
    del roles
    said = engine.docker("run", "--rm", "--network", "none", "ktrdr-backend:dev", "pytest", "-q")
    assert " passed" in said


def test_a_job_goes_from_the_api_image_to_the_worker_image_and_back(roles: None) -> None:
    del roles
    put = "from ktrdr.queue import Queue; print(Queue().put([1, 3, 5]))"
    get = "import json, sys; from ktrdr.queue import Queue; print(json.dumps(Queue().result(sys.argv[1])))"
    api = engine.docker("run", "--detach", "--network", "none", "ktrdr-backend:prod").strip()
    try:
        job = engine.docker("exec", api, "python", "-c", put).strip()
        worker = ("run", "--rm", "--network", "none", "--volumes-from", api, "ktrdr-worker-cpu:test")
        engine.docker(*worker, "python", "-m", "ktrdr.worker", "--once")
        done = json.loads(engine.docker("exec", api, "python", "-c", get, job))
        assert done == {"slope": pytest.approx(2.0), "intercept": pytest.approx(1.0)}
    finally:
        engine.docker("rm", "--force", "--volumes", api)


@pytest.mark.parametrize("role", ROLES)
def test_a_container_is_nobody_and_needs_no_shell_to_start(role: str, built: Path) -> None:
    del built
    config = engine.inspect(image_of(role))["Config"]
    assert (config["User"], config["WorkingDir"]) == ("ktrdr", "/app")
    assert config["Cmd"][0] in ("uvicorn", "python")
    assert config["Env"][0].startswith("PATH=/app/.venv/bin:")


def test_dev_shares_the_worker_s_layer_of_torch(built: Path) -> None:
    del built
    dev, worker = (engine.inspect(image_of(role))["RootFS"]["Layers"] for role in ("dev", "worker-cpu"))
    shared = [layer for layer in worker if layer in dev]
    (torch,) = (at for at, (_, step) in enumerate(engine.steps(image_of("worker-cpu"))) if "--extra ml" in step)
    assert len(shared) > torch
