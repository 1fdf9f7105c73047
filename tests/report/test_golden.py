"""One text for each layout of a report; after a wanted change, run with --update-golden and read the difference.

What the values in a report are is asserted by the other tests: these texts show where they stand.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from inspector.facts import ImageFacts
from inspector.policy.audited import Left
from inspector.policy.model import Report
from inspector.report import schema
from inspector.report.difference import difference
from inspector.report.formats import Command, View, render
from tests.expected import FOLDER, cases, compare
from tests.report.samples import CASES, facts_of
from tests.report.test_audit import audit_of, audited

LAYOUTS = {
    "mixed.check-160.txt": "a row for each image, its build step cut, and findings of each outcome below",
    "mixed.check-80.txt": "two columns in one",
    "mixed.check-color.ansi": "colours",
    "mixed.check.json": "the document",
    "mixed.check.md": "a table, then the findings",
    "mixed.check.xml": "suites and cases",
    "mixed.audit-120.txt": "a table for each repository, then each finding once",
    "mixed.audit.md": "the same in Markdown",
    "mixed.show.md": "a table, and each image folded",
    "mixed.show-120.txt": "all sections of an image that was read",
    "mixed.show-color.ansi": "colours",
    "four-roles.check-passed.txt": "the checks that pass too",
    "four-roles.check-failed.txt": "all images left out",
    "four-roles.diff.txt": "fields, packages and layers",
    "four-roles.diff.md": "the same in Markdown",
    "excused.check-80.txt": "what is waived, what is known, and how many",
    "excused.check.md": "the same in Markdown",
    "excused.check.xml": "the same as skipped and as output",
    "excused.audit-120.txt": "the same of a repository",
    "engine.show-80.txt": "what nobody looked at, and what a run showed",
    "engine.diff.txt": "what could not be compared",
    "engine.runtime.txt": "files, run and verdict",
    "hostile.check-80.txt": "long names, and an error without a finding",
    "hostile.show-80.txt": "doubts, torch elsewhere, and access methods passed over",
    "nothing.check-80.txt": "no image",
}
"""Each file by its sample and rendering, and the layout that it alone shows."""


def _rendered(command: Command, form: str, **shown: Any) -> Callable[[Report], str]:
    return lambda report: render(command, _subject(command, report), form, View(**shown))


def _subject(command: Command, report: Report) -> Any:
    """Turn a sample into what the command reports."""
    facts: list[ImageFacts] = facts_of(report)
    match command:
        case "check":
            return report
        case "audit":
            return audit_of(audited(report), Left())  # what was left undone is told by a test of its own
        case "diff":
            return difference(facts[0], facts[-1])
        case _:
            return facts


RENDERINGS: dict[str, Callable[[Report], str]] = {
    "check-80.txt": _rendered("check", "table", width=80),
    "check-160.txt": _rendered("check", "table", width=160),
    "check-passed.txt": _rendered("check", "table", width=120, passed=True),
    "check-failed.txt": _rendered("check", "table", width=120, only_failed=True),
    "check-color.ansi": _rendered("check", "table", width=100, color=True),
    "check.json": _rendered("check", "json"),
    "check.md": _rendered("check", "markdown"),
    "check.xml": _rendered("check", "junit"),
    "audit-120.txt": _rendered("audit", "table", width=120),
    "audit.md": _rendered("audit", "markdown"),
    "show-80.txt": _rendered("show", "table", width=80),
    "show-120.txt": _rendered("show", "table", width=120),
    "show.md": _rendered("show", "markdown"),
    "show-color.ansi": _rendered("show", "table", width=100, color=True),
    "runtime.txt": _rendered("runtime", "table", width=100),
    "diff.txt": _rendered("diff", "table", width=80),
    "diff.md": _rendered("diff", "markdown"),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_report_looks_as_it_did(name: str, pytestconfig: pytest.Config) -> None:
    case, _, rendering = name.partition(".")
    compare(FOLDER / "reports" / name, RENDERINGS[rendering](CASES[case]()), pytestconfig)


def test_no_other_text_is_kept() -> None:
    assert {path.name for path in cases("reports")} == set(LAYOUTS)


@pytest.mark.parametrize(("command", "form"), [("show", "table"), ("runtime", "table")])
def test_no_image_makes_no_text(command: Command, form: str) -> None:
    assert _rendered(command, form)(CASES["nothing"]()) == ""


def test_markdown_of_images_that_all_pass_is_one_line() -> None:
    assert _rendered("check", "markdown", only_failed=True)(CASES["four-roles"]()) == "## inspector: 4 images pass\n"


def test_no_image_makes_a_whole_document() -> None:
    nothing = CASES["nothing"]()
    assert _rendered("check", "markdown")(nothing) == "## inspector: nothing checked\n"
    assert 'tests="0" failures="0" errors="0"' in _rendered("check", "junit")(nothing)
    assert json.loads(_rendered("check", "json")(nothing))["results"] == []


def test_no_field_of_the_documents_went_or_changed_its_name(pytestconfig: pytest.Config) -> None:
    kinds = json.loads(schema.render_schema())["$defs"]
    fields = {name: sorted(kind.get("properties", ())) for name, kind in sorted(kinds.items())}
    compare(FOLDER / "fields.json", json.dumps(fields, indent=2) + "\n", pytestconfig)
