"""Diffs, comparisons, baselines and waivers on the lab's own images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import start

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("roles")]
API, DEV, WORKER = ("docker:ktrdr-backend:prod", "docker:ktrdr-backend:dev", "docker:ktrdr-worker-cpu:test")
POLICY = """
[roles.worker]
match = ["ktrdr-worker-cpu:*"]
torch = "cpu"

[roles.backend]
match = ["ktrdr-backend:*"]
torch = "absent"
"""
WAIVER = '\n[[waivers]]\ncheck = "torch"\nroles = ["backend"]\nreason = "dev"\nexpires = 2027-01-31\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the policy."""
    (tmp_path / "inspector.toml").write_text(POLICY, encoding="utf-8")
    return tmp_path


def test_what_the_development_image_has_more(folder: Path) -> None:
    done = start("diff", API, DEV, "--fail-on", "growth=5%", "--fail-on", "build", "--format", "json", cwd=folder)
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert {each["check"]: each["outcome"] for each in found["findings"]} == {"growth=5%": "fail", "build": "fail"}
    assert {"torch", "pytest"} <= {each["name"] for each in found["packages"] if each["change"] == "added"}
    shown = start("diff", API, DEV, "--format", "markdown", cwd=folder).stdout.decode()
    assert "| torch.build | absent | CPU | +" in shown


def test_a_release_is_compared_with_the_one_before(folder: Path) -> None:
    assert start("check", WORKER, "--against", WORKER, cwd=folder).returncode == 0
    done = start("check", DEV, "--role", "worker", "--against", API, "--format", "json", cwd=folder)
    assert done.returncode == 1
    (result,) = json.loads(done.stdout)["results"]
    outcomes = {(each["check"], each["subject"]): each["outcome"] for each in result["findings"]}
    assert outcomes["growth", "size"] == outcomes["growth", "torch stack"] == "fail"
    assert outcomes["added-packages", "httpx"] == "warn"


def test_what_is_known_or_waived_warns(folder: Path) -> None:
    assert start("check", DEV, cwd=folder).returncode == 1
    assert start("baseline", DEV, WORKER, cwd=folder).returncode == 0
    baseline = ("--baseline", "inspector-baseline.json")
    assert start("check", DEV, WORKER, *baseline, cwd=folder).returncode == 0
    (folder / "inspector.toml").write_text(POLICY + WAIVER, encoding="utf-8")
    assert start("check", DEV, "--today", "2027-01-31", cwd=folder).returncode == 0
    assert start("check", DEV, "--today", "2027-02-01", cwd=folder).returncode == 1


def test_single_files_are_not_enough_for_a_baseline(folder: Path) -> None:
    """What a partial inspection leaves open is read whole, or is unknown where that is forbidden."""
    assert start("baseline", WORKER, cwd=folder).returncode == 0
    forced = start("check", WORKER, "--baseline", "inspector-baseline.json", "--access", "files", cwd=folder)
    assert forced.returncode == 3, forced.stdout
