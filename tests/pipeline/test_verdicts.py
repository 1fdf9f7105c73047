"""What is said of each fixture image, word for word: message, category, advice and evidence of all that is no pass."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.forms import FORMS
from fixtures.roles import right_images
from fixtures.wrong import wrong_images
from inspector.pipeline import check
from inspector.policy.load import load_policy
from inspector.policy.model import Finding, Result
from inspector.testing.image import Image
from tests.expected import FOLDER, cases, compare

IMAGES: dict[str, Image] = {**right_images(), **{name: wrong.image for name, wrong in wrong_images().items()}}
POLICY = load_policy(Path(__file__).parents[2] / "fixtures" / "roles.toml")


def told(result: Result) -> str:
    """The result as lines of text."""
    lines = [f"{result.image} as {result.role}: {result.outcome}"]
    passed = [finding.check for finding in result.findings if finding.outcome == "pass"]
    lines.append(f"passed: {', '.join(passed)}")
    for finding in result.findings:
        if finding.outcome != "pass":
            lines += ["", *_told(finding)]
    return "\n".join(lines) + "\n"


def _told(finding: Finding) -> Iterator[str]:
    yield f"{finding.outcome} {finding.check} {finding.category}"
    at = finding.evidence
    evidence = {"path": at.path, "layer": at.layer, "created_by": at.created_by, "bytes": at.bytes}
    told = {
        "message": finding.message,
        "expected": finding.expected,
        "actual": finding.actual,
        "advice": finding.advice,
    }
    for name, value in {**told, **evidence}.items():
        if value not in (None, ""):
            yield f"  {name}: {value}"


def verdict(name: str, folder: Path) -> str:
    FORMS["docker-24"](folder / "image.tar", [IMAGES[name]])
    (result,) = check([str(folder / "image.tar")], POLICY).results
    return told(result)


@pytest.mark.parametrize("path", cases("verdicts"), ids=lambda path: path.stem)
def test_what_is_said_of_an_image(path: Path, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    compare(path, verdict(path.stem, tmp_path), pytestconfig)


def test_every_image_has_its_text(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("update_golden"):
        for name in IMAGES:
            compare(FOLDER / "verdicts" / f"{name}.txt", verdict(name, tmp_path), pytestconfig)
    assert {path.stem for path in cases("verdicts")} == set(IMAGES)
