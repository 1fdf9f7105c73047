"""`inspector explain`, the page of checks, and the links that lead there."""

from __future__ import annotations

import json
import re
from pathlib import Path

from inspector.policy.explained import explained
from inspector.policy.rules import RULES
from inspector.report.explain import render_markdown
from tests.cli.program import run
from tests.schemas import validate


def test_the_list_has_a_line_for_each_check() -> None:
    lines = run("explain").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(explained())
    assert max(map(len, lines)) <= 130


def test_one_check_is_explained_whole() -> None:
    done = run("explain", "torch-build")
    one = explained()["torch-build"]
    shown = " ".join(done.stdout.split())
    assert all(text in shown for text in (one.proves, one.unknown, one.mend, "`torch`"))
    assert max(map(len, done.stdout.splitlines())) <= 88


def test_an_unknown_check_is_offered_the_nearest() -> None:
    done = run("explain", "torch-biuld")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "did you mean 'torch-build'?" in done.stderr


def test_every_rule_is_explained_in_sentences() -> None:
    assert {rule.check for rule in RULES} <= explained().keys()
    for one in explained().values():
        for text in (one.proves, one.unknown, one.mend):
            assert text[0].isupper() or text.startswith(("`", "torch")), one.check
            assert text.endswith("."), one.check


def test_the_json_fits_the_schema() -> None:
    document = json.loads(run("explain", "size", "--format", "json").stdout)
    validate(document)
    assert document["checks"][0]["keys"] == ["warn-size", "max-size"]


def test_every_finding_leads_to_its_heading(images: Path) -> None:
    headings = re.findall(r"^## (.+)$", render_markdown(), re.MULTILINE)
    names = [*sorted(images.glob("*.tar")), *sorted(images.glob("wrong/*.tar")), images / "none.tar"]
    document = json.loads(run("check", images / "roles.toml", *names, "--format", "json").stdout)
    findings = [each for result in document["results"] for each in result["findings"]]
    assert len({each["check"] for each in findings}) > 10
    for each in findings:
        page, _, anchor = each["page"].partition("#")
        assert (page, anchor) == ("docs/reference/checks.md", each["check"])
        assert anchor in headings


def test_the_page_is_what_the_command_prints(tmp_path: Path) -> None:
    assert run("explain", "--format", "markdown", "-o", tmp_path / "checks.md").exit_code == 0
    assert (tmp_path / "checks.md").read_text() == render_markdown()
