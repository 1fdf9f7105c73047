"""Waste and pages by the command line: found out only where a flag, a format or a role asks for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.forms import FORMS
from inspector.testing.image import Image, Step
from tests.cli.program import run
from tests.report.html.reading import read
from tests.schemas import validate


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An image that deletes later what it brought."""
    path = tmp_path / "image.tar"
    steps = [
        Step("COPY big.whl /wheels/", {"wheels/big.whl": bytes(300_000)}),
        Step("RUN rm -rf /wheels", {".wh.wheels": b""}),
    ]
    FORMS["docker-24"](path, [Image(steps=steps, tags=["api:prod"])])
    return path


def test_waste_is_shown_with_the_step_and_what_to_change(archive: Path) -> None:
    shown = run("show", "--waste", archive).stdout
    assert "Waste, 300 kB" in shown
    assert "removed by: RUN rm -rf /wheels" in shown
    assert "--mount=type=bind" in shown
    assert "Waste" not in run("show", archive).stdout
    assert (
        "| 300 kB | deleted by a later layer, 1 file: layer 1"
        in run("show", "--waste", archive, "-f", "markdown").stdout
    )


def test_waste_in_json_fits_the_schema_and_is_null_where_nobody_asked(archive: Path) -> None:
    asked, plain = (json.loads(run("show", archive, "-f", "json", *more).stdout) for more in (["--waste"], []))
    validate(asked)
    validate(plain)
    (item,) = asked["images"][0]["waste"]["items"]
    assert (item["category"], item["bytes"], item["layer"], item["removed_by"]) == ("deleted", 300_000, 0, 1)
    assert asked["images"][0]["sizes"]["image"]["size"] == 300_000
    assert plain["images"][0]["waste"] is plain["images"][0]["sizes"] is None


def test_a_role_limits_waste(archive: Path, tmp_path: Path) -> None:
    policy = tmp_path / "inspector.toml"
    policy.write_text('[roles.api]\nmatch = ["api:*"]\nmax-waste = "200 kB"\n')
    done = run("check", policy, archive, "--select", "waste", "-f", "json")
    assert done.exit_code == 1
    (finding,) = [each for each in json.loads(done.stdout)["results"][0]["findings"] if each["check"] == "waste"]
    assert finding["evidence"]["created_by"] == "COPY big.whl /wheels/"


@pytest.mark.parametrize("command", [("show",), ("check", "--torch", "absent")])
def test_the_ending_chooses_a_page_with_a_map(command: tuple[str, ...], archive: Path, tmp_path: Path) -> None:
    run(*command, archive, "-o", tmp_path / "page.html")
    found = read((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "removed later: 300 kB, 1 file" in found.words
