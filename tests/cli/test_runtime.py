"""`inspector runtime` against a fake engine whose containers do what the probe does with a stub of torch."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.roles import right_images
from inspector.testing import faults
from inspector.testing.engine import FakeEngine
from inspector.testing.image import Image
from tests.cli.program import run
from tests.runtime.acting import NVIDIA, act
from tests.runtime.stub import write_torch
from tests.schemas import validate

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stub is for Linux")


def named(role: str, *tags: str) -> Image:
    return replace(right_images()[role], tags=tags)


IMAGES = [named("backend-prod", "api:prod"), named("worker-cpu", "worker:cpu"), named("worker-gpu", "worker:gpu")]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    """An engine, the only one, with the role images."""
    with FakeEngine("graph", IMAGES) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.address)
        monkeypatch.setenv("CONTAINER_HOST", f"{engine.address}.none")
        yield engine
        assert engine.containers == {}


def test_an_api_image_without_torch_agrees(fake: FakeEngine) -> None:
    act(fake, None)
    done = run("runtime", "docker:api:prod")
    assert done.exit_code == 0, done.output
    assert "No module named 'torch'" in done.stdout
    assert "the run agrees" in done.stdout
    assert done.stderr == ""


def test_json_holds_both_sides_and_the_verdict(fake: FakeEngine) -> None:
    act(fake, None)
    done = run("runtime", "docker:api:prod", "--format", "json")
    document = json.loads(done.stdout)
    validate(document)
    (image,) = document["images"]
    assert (image["outcome"], image["torch"]["installed"], image["runtime"]["imported"]) == ("pass", False, False)


def test_torch_where_the_files_say_none_is_a_failure(fake: FakeEngine, tmp_path: Path) -> None:
    act(fake, write_torch(tmp_path), "cpu")
    done = run("runtime", "docker:api:prod", "--format", "json")
    (image,) = json.loads(done.stdout)["images"]
    assert (done.exit_code, image["outcome"]) == (1, "fail")
    assert [finding["check"] for finding in image["findings"] if finding["outcome"] == "fail"] == ["static-vs-runtime"]


def test_cuda_without_a_gpu_is_not_verified(fake: FakeEngine, tmp_path: Path) -> None:
    act(fake, _as_the_files_say(tmp_path))
    done = run("runtime", "docker:worker:gpu", "--gpu", "never")
    assert done.exit_code == 3, done.output
    assert "not verified here" in done.stdout
    assert "the run agrees" in done.stdout


def test_cuda_that_computes_is_a_pass(fake: FakeEngine, tmp_path: Path) -> None:
    fake.info = NVIDIA
    act(fake, _as_the_files_say(tmp_path), "gpus=1")
    done = run("runtime", "docker:worker:gpu", "--gpu", "always")
    assert done.exit_code == 0, done.output
    assert "Stub GPU 0" in done.stdout


def test_cuda_that_fails_on_a_gpu_is_a_failure(fake: FakeEngine, tmp_path: Path) -> None:
    act(fake, _as_the_files_say(tmp_path), "gpus=1 no-kernel")
    done = run("runtime", "docker:worker:gpu", "--gpu", "always")
    assert done.exit_code == 1, done.output
    assert "no kernel image is available" in done.stdout


def test_a_failure_outweighs_what_can_t_be_told(fake: FakeEngine, tmp_path: Path) -> None:
    act(fake, write_torch(tmp_path), "cpu")
    done = run("runtime", "docker:nosuch:1", "docker:api:prod")
    assert done.exit_code == 1
    assert done.stderr.startswith("inspector: error: ")
    assert "nosuch:1" in done.stderr
    assert run("runtime", "docker:nosuch:1").exit_code == 3


def test_an_engine_that_can_t_start_it_leaves_it_undecided(fake: FakeEngine) -> None:
    fake.misbehave("POST", "/containers/[^/]+/start", faults.status(400, "exec format error"))
    done = run("runtime", "docker:api:prod")
    assert done.exit_code == 3
    assert "exec format error" in " ".join(done.stdout.split())


def test_limits_are_as_asked(fake: FakeEngine) -> None:
    act(fake, None)
    assert run("runtime", "docker:api:prod", "--memory", "1 GiB", "--timeout", "5").exit_code == 0
    host = fake.asked("POST", "/containers/create")[-1].body["HostConfig"]
    assert (host["Memory"], host["MemorySwap"]) == (1 << 30, 1 << 30)
    assert {"Name": "cpu", "Soft": 80, "Hard": 80} in host["Ulimits"]


@pytest.mark.parametrize(
    "words", [["--memory", "1 MB"], ["--memory", "lots"], ["--timeout", "0"], ["--timeout", "1e9"], ["--gpu", "some"]]
)
def test_limits_that_are_none_are_wrong_usage(words: list[str]) -> None:
    done = run("runtime", "docker:api:prod", *words)
    assert (done.exit_code, done.stdout) == (2, "")


@pytest.mark.parametrize(
    ("reference", "advice"),
    [
        ("backend-prod.tar", "docker load --input "),
        ("docker-archive:{}/backend-prod.tar", "docker load --input "),
        ("docker://example.org/api:prod", "docker pull example.org/api:prod"),
        ("containerd:api:prod", "nerdctl save api:prod | docker load"),
        ("-", "docker load"),
    ],
)
def test_only_engines_run_images(reference: str, advice: str, images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(images)
    done = run("runtime", reference.format(images))
    assert (done.exit_code, done.stdout) == (2, "")
    assert advice in done.stderr
    assert done.stderr.count("\n") == 1


def _as_the_files_say(folder: Path) -> Path:
    """A stub that gives itself out for the torch of the GPU worker."""
    path = write_torch(folder)
    module = path / "torch" / "__init__.py"
    text = module.read_text().replace('"2.6.0+cu124"', '"2.14.1+cu130"').replace('"12.4")', '"13.0")')
    module.write_text(text.replace('else "12.4"', 'else "13.0"'))
    return path
