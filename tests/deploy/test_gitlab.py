"""The GitLab template: its script run as the runner would, its report read."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.deploy.steps import environment, shell, yaml

pytestmark = pytest.mark.thorough

TEMPLATE = "deploy/gitlab/inspector.gitlab-ci.yml"


def run(project: Path, **variables: str) -> tuple[subprocess.CompletedProcess[str], ET.Element]:
    """The job's script with its variables, and the report that GitLab would collect."""
    document = yaml(TEMPLATE)
    job = document["inspector"]
    given = {**document["variables"], **job["variables"], **variables}
    given = {name: value.replace("$CI_PROJECT_DIR", str(project)) for name, value in given.items()}
    done = shell("\n".join(job["script"]), project, environment(project.parent, given))
    return done, ET.parse(project / job["artifacts"]["reports"]["junit"]).getroot()


def test_right_images_pass(project: Path) -> None:
    done, report = run(project)
    assert done.returncode == 0, done.stderr
    assert (report.get("failures"), report.get("errors")) == ("0", "0")
    assert done.stdout.count("✔ PASS") == 4
    (cached,) = yaml(TEMPLATE)["inspector"]["cache"]["paths"]
    assert any((project / cached).iterdir())


def test_a_wrong_image_fails_the_job_and_is_in_the_report(project: Path) -> None:
    done, report = run(project, INSPECTOR_POLICY="wrong.toml", INSPECTOR_IMAGES="wrong/worker-gpu-with-cpu.tar")
    assert done.returncode == 1
    assert int(report.get("failures", 0)) > 0


def test_an_image_that_is_not_there_is_no_pass(project: Path) -> None:
    done, report = run(project, INSPECTOR_IMAGES="nowhere.tar")
    assert done.returncode == 3
    assert int(report.get("errors", 0)) > 0


def test_options_are_passed_on(project: Path) -> None:
    done, _ = run(project, INSPECTOR_ARGS="--role worker-gpu --verify", INSPECTOR_IMAGES="worker-cpu.tar")
    assert done.returncode == 1
