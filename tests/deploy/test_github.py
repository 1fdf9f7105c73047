"""action.yml: its shape against the published schema, and its steps run as a runner would."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.steps import PROJECT, environment, shell, yaml

pytestmark = pytest.mark.thorough


def run(project: Path, **inputs: str) -> tuple[subprocess.CompletedProcess[str], str, dict[str, str]]:
    """What the step `check` does with these inputs: how it ended, the summary, the outputs."""
    (step,) = (step for step in yaml("action.yml")["runs"]["steps"] if step.get("id") == "check")
    given = {name: value["default"] for name, value in yaml("action.yml")["inputs"].items()} | inputs
    runner = project.parent / "runner"
    runner.mkdir()
    files = {name: runner / name for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    for path in files.values():
        path.touch()
    env = environment(runner, {name: str(path) for name, path in files.items()})
    env |= {"RUNNER_TEMP": str(runner), "GITHUB_ACTION_PATH": str(PROJECT), "CI": "true", "GITHUB_ACTIONS": "true"}
    env |= {name: _expanded(value, given, runner) for name, value in step["env"].items()}
    (runner / "inspector").mkdir()
    (runner / "inspector" / "bin").symlink_to(runner / "commands")
    done = shell(step["run"], project, env)
    outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
    return done, files["GITHUB_STEP_SUMMARY"].read_text(), outputs


def _expanded(value: str, inputs: dict[str, str], runner: Path) -> str:
    for name, given in inputs.items():
        value = value.replace(f"${{{{ inputs.{name} }}}}", given)
    value = value.replace("${{ runner.temp }}", str(runner))
    assert "${{" not in value
    return value


def test_right_images_pass_and_their_layers_are_kept(project: Path) -> None:
    done, summary, outputs = run(project)
    assert done.returncode == 0, done.stderr
    assert outputs["outcome"] == "pass"
    assert json.loads(Path(outputs["report"]).read_text())["outcome"] == "pass"
    assert summary.count("✅ PASS") == 4
    assert "::error" not in done.stdout
    assert any((project.parent / "runner" / "inspector-layers").iterdir())


def test_a_wrong_image_is_marked_at_its_dockerfile(project: Path) -> None:
    done, summary, outputs = run(project, images="wrong/worker-gpu-with-cpu.tar worker-cpu.tar", policy="wrong.toml")
    assert (done.returncode, outputs["outcome"]) == (1, "fail"), done.stderr
    dockerfile = (project / "deploy" / "docker" / "Dockerfile.worker-gpu").read_text().splitlines()
    line = dockerfile.index("RUN uv sync --frozen --no-dev --extra ml") + 1
    (command,) = (line for line in done.stdout.splitlines() if line.startswith("::"))
    place = f"::error file=deploy/docker/Dockerfile.worker-gpu,line={line},"
    assert command.startswith(place)
    assert "title=ktrdr-worker-gpu%3Atest (worker-gpu)%3A torch-build::" in command
    assert "install the CUDA build" in command
    assert "❌ FAIL" in summary


def test_what_can_t_be_told_fails_the_step(project: Path) -> None:
    done, _, outputs = run(project, images="nowhere.tar")
    assert (done.returncode, outputs["outcome"]) == (3, "unknown")
    assert "title=nowhere.tar" in done.stdout


def test_annotations_and_options_are_as_asked(project: Path) -> None:
    done, _, outputs = run(project, args="--role worker-gpu", images="worker-cpu.tar", annotations="false")
    assert (done.returncode, outputs["outcome"]) == (1, "fail")
    assert "::error" not in done.stdout


def test_a_policy_that_is_none_is_told(project: Path) -> None:
    done, summary, outputs = run(project, policy="nowhere.toml")
    assert (done.returncode, summary, outputs) == (2, "", {})
    assert "::error title=inspector::" in done.stdout
    assert "nowhere.toml" in done.stderr


def test_inputs_are_words_and_never_run(project: Path) -> None:
    done, _, _ = run(project, images="$(touch owned) `touch owned` ;touch${IFS}owned")
    assert done.returncode == 3
    assert not (project / "owned").exists()


@pytest.mark.parametrize(
    ("schema", "name"),
    [("github-actions", "action.yml"), ("gitlab-ci", "deploy/gitlab/inspector.gitlab-ci.yml")],
)
def test_the_file_is_valid_by_the_published_schema(schema: str, name: str) -> None:
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(PROJECT / name)]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_expression_is_of_an_input_or_the_runner() -> None:
    for step in yaml("action.yml")["runs"]["steps"]:
        assert "${{" not in step.get("run", ""), "an input within a script would be run"
