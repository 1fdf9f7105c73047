"""action.yml: its shape against the published schema, and its steps run as a runner would."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.deploy.steps import PROJECT, environment, shell, yaml

pytestmark = pytest.mark.thorough

STEP = PROJECT / "deploy" / "github" / "check.py"


@pytest.fixture(scope="module")
def check() -> ModuleType:
    """The step's program, as a module."""
    spec = importlib.util.spec_from_file_location("github_check", STEP)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
    place = f"::error file=deploy/docker/Dockerfile.worker-gpu,line={line},title=ktrdr-worker-gpu%3Atest (worker-gpu)::"
    assert command.startswith(place)
    assert "install the CUDA build" in command
    assert "❌ FAIL" in summary


def test_what_can_t_be_told_fails_the_step(project: Path) -> None:
    done, _, outputs = run(project, images="nowhere.tar")
    assert (done.returncode, outputs["outcome"]) == (3, "unknown")
    assert "::error title=nowhere.tar" in done.stdout


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


def finding(dockerfile: str | None = None, line: int | None = None, **more: Any) -> dict[str, Any]:
    """The document of one finding."""
    one = {"outcome": "fail", "category": "CODE_BUG", "message": "m", "advice": "a", "evidence": {}, **more}
    return {"results": [{"image": "i", "role": None, "dockerfile": dockerfile, "line": line, "findings": [one]}]}


def test_a_hostile_name_ends_no_command_and_begins_none(check: ModuleType, tmp_path: Path) -> None:
    document = finding(message="x\r\n::stop-commands::y\x1b[2J%0A", dockerfile="../nowhere", advice="no")
    (line,) = check.commands(document, tmp_path)
    assert line == "::error title=i::x%0D%0A::stop-commands::y\\x1b[2J%250A%0Ano"


@pytest.mark.parametrize(
    ("of_result", "evidence", "expected"),
    [
        (7, {"layer": 1, "line": 2}, "file=Dockerfile,line=2,"),
        (7, {"layer": 1}, "file=Dockerfile,title"),
        (7, {}, "file=Dockerfile,line=7,"),
        (None, {}, "file=Dockerfile,title"),
    ],
)
def test_the_line_is_the_build_step_s(
    check: ModuleType, of_result: int | None, evidence: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").touch()
    (line,) = check.commands(finding("Dockerfile", of_result, evidence=evidence), tmp_path)
    assert line.startswith(f"::error {expected}")
    (line,) = check.commands(finding("Dockerfile", of_result, evidence=evidence, category="ENVIRONMENT"), tmp_path)
    assert line.startswith("::error title=i::")


def test_a_warning_is_one_and_a_pass_says_nothing(check: ModuleType, tmp_path: Path) -> None:
    assert list(check.commands(finding(outcome="warn"), tmp_path)) == ["::warning title=i::m%0Aa"]
    assert list(check.commands(finding(outcome="pass"), tmp_path)) == []


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
