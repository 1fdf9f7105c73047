"""`inspector diff --fail-on`: its exit codes by the contract."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import run
from tests.schemas import validate


@pytest.mark.parametrize(
    ("conditions", "code"),
    [
        ([], 0),
        (["growth=1B"], 1),
        (["growth=900GB"], 0),
        (["build"], 1),
        (["growth=900GB", "build"], 1),
        (["python"], 0),
        (["removed"], 0),
        (["added"], 1),
        (["unknown"], 0),
        (["warn"], 0),
    ],
)
def test_exit_codes(images: Path, conditions: list[str], code: int) -> None:
    asked = [word for each in conditions for word in ("--fail-on", each)]
    done = run("diff", *asked, images / "backend-prod.tar", images / "worker-cpu.tar")
    assert done.exit_code == code, done.output


def test_what_failed_is_in_every_format(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    asked = ("diff", "--fail-on", "build", images / "backend-prod.tar", images / "worker-cpu.tar")
    for form in ("table", "markdown", "junit", "github"):
        assert "torch's build changed: absent" in run(*asked, "--format", form).stdout
    assert "torch's build changed: absent" in (tmp_path / "summary.md").read_text()
    document = json.loads(run(*asked, "--format", "json").stdout)
    validate(document)
    assert [(each["check"], each["outcome"]) for each in document["findings"]] == [("build", "fail")]


def test_a_wrong_condition_is_wrong_usage(images: Path) -> None:
    done = run("diff", "--fail-on", "grwth", images / "backend-prod.tar", images / "worker-cpu.tar")
    assert done.exit_code == 2
    assert "'grwth' is not a condition" in done.stderr
