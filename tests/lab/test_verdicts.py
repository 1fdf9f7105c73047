"""`inspector check` on real images: the right ones pass, and those made wrong fail for the right reason."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.lab import engine
from tests.lab.conftest import ROLES
from tests.lab.wrong import NAMES

POLICY = """
[roles.api]
match = ["ktrdr-backend:prod", "inspector-lab/api-*:*"]
torch = "absent"
warn-size = "1 GB"
max-size = "1.5 GB"

[roles.worker-cpu]
match = ["ktrdr-backend:dev", "ktrdr-worker-cpu:*", "inspector-lab/worker-*:*", "inspector-lab/cpu-worker-*:*"]
torch = "cpu"

[roles.worker-gpu]
torch = "cuda"
"""


def check(folder: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the document of one `inspector check`."""
    policy = folder / "inspector.toml"
    policy.write_text(POLICY)
    done = subprocess.run(
        [sys.executable, "-m", "inspector", "check", str(policy), *words, "--format", "json"],
        cwd=Path(__file__).parents[2],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.stdout, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, document


def failures(document: dict[str, Any]) -> list[tuple[str, str]]:
    """The category and check of each finding that failed, in the one result."""
    (result,) = document["results"]
    return [(item["category"], item["check"]) for item in result["findings"] if item["outcome"] == "fail"]


def test_the_role_images_pass_together(saved: Path, tmp_path: Path) -> None:
    code, document = check(tmp_path, *(f"docker-archive:{saved}:{name}" for name in ROLES))
    assert [(result["outcome"], result["role"]) for result in document["results"]] == [
        ("pass", "api"),
        ("pass", "worker-cpu"),
        ("pass", "worker-cpu"),
    ]
    assert (code, document["outcome"]) == (0, "pass")


@pytest.mark.parametrize("form", ["oci", "oci-archive", "docker-archive", "dir"])
def test_the_api_image_passes_in_every_form(form: str, copies: dict[str, str], tmp_path: Path) -> None:
    code, document = check(tmp_path, copies[form], "--role", "api")
    assert (code, document["outcome"]) == (0, "pass")


@pytest.mark.parametrize(("name", "broken"), list(zip(NAMES, ("torch", "torch", "torch-build"), strict=True)))
def test_an_image_made_wrong_fails_with_the_code_at_fault(name: str, broken: str, saved: Path, tmp_path: Path) -> None:
    code, document = check(tmp_path, f"docker-archive:{saved}:{name}")
    assert (code, document["outcome"]) == (1, "fail")
    assert ("CODE_BUG", broken) in failures(document)


def test_an_api_image_with_torch_names_the_step_that_brought_it(saved: Path, tmp_path: Path) -> None:
    image = "inspector-lab/api-with-torch:1"
    _, document = check(tmp_path, f"docker-archive:{saved}:{image}")
    (finding,) = (item for item in document["results"][0]["findings"] if item["check"] == "torch")
    _, biggest = max(engine.steps(image))
    assert finding["evidence"]["created_by"] == biggest
    assert finding["evidence"]["path"] == "/app/.venv/lib/python3.11/site-packages/torch"
    assert finding["advice"]


def test_a_cpu_build_in_the_gpu_worker_fails(saved: Path, tmp_path: Path) -> None:
    reference = f"docker-archive:{saved}:ktrdr-worker-cpu:test"
    code, document = check(tmp_path, reference, "--role", "worker-gpu")
    assert (code, document["outcome"]) == (1, "fail")
    assert failures(document) == [("CODE_BUG", "torch-build")]


def test_the_hand_run_procedure_s_own_file_is_understood(saved: Path, tmp_path: Path) -> None:
    images = [
        {"name": f"docker-archive:{saved}:{name}", "torch_expected": torch, "cuda_expected": cuda, "description": name}
        for name, torch, cuda in zip(ROLES, (False, True, True), (None, False, False), strict=True)
    ]
    images = [{"dockerfile": "deploy/docker/Dockerfile.backend", **image} for image in images]
    policy = tmp_path / "roles.json"
    policy.write_text(json.dumps({"images": images}))
    words = [sys.executable, "-m", "inspector", "check", str(policy), "--format", "json"]
    root = Path(__file__).parents[2]
    done = subprocess.run(words, cwd=root, check=False, capture_output=True, text=True)
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (0, "pass"), done.stderr
