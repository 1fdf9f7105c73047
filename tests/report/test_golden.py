"""Reports as they were agreed to look; after a wanted change, run with --update-golden and read the difference."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from inspector.facts import ImageFacts
from inspector.policy.model import Report
from inspector.report import diff, document, junit, markdown, runtime, schema, show, table
from inspector.report.difference import difference
from tests.expected import FOLDER, cases, compare
from tests.report.samples import CASES


def _shown(report: Report, *, width: int, color: bool = False) -> str:
    return show.render_show(_facts(report), width=width, color=color)


def _facts(report: Report) -> list[ImageFacts]:
    return [each.facts for each in report.results if each.facts]


def _diff(report: Report) -> str:
    facts = _facts(report)
    return diff.render_diff(difference(facts[0], facts[-1]), width=80) if facts else ""


RENDERINGS: dict[str, Callable[[Report], str]] = {
    "check-80.txt": lambda report: table.render_check(report, width=80),
    "check-160.txt": lambda report: table.render_check(report, width=160),
    "check-passed.txt": lambda report: table.render_check(report, width=120, passed=True),
    "check-color.ansi": lambda report: table.render_check(report, width=100, color=True),
    "check.json": document.encode,
    "check.md": markdown.render_check,
    "check.xml": junit.render_check,
    "show-80.txt": lambda report: _shown(report, width=80),
    "show-120.txt": lambda report: _shown(report, width=120),
    "show-color.ansi": lambda report: _shown(report, width=100, color=True),
    "check-failed.txt": lambda report: table.render_check(report, width=120, only_failed=True),
    "check-failed.md": lambda report: markdown.render_check(report, only_failed=True),
    "runtime.txt": lambda report: runtime.render_runtime(_facts(report), width=100),
    "runtime.json": lambda report: document.render_runtime(_facts(report)),
    "diff.txt": _diff,
}


@pytest.mark.parametrize("path", cases("reports"), ids=lambda path: path.name)
def test_a_report_looks_as_it_did(path: Path, pytestconfig: pytest.Config) -> None:
    case, _, rendering = path.name.partition(".")
    compare(path, RENDERINGS[rendering](CASES[case]()), pytestconfig)


def test_every_sample_has_its_texts(pytestconfig: pytest.Config) -> None:
    wanted = {f"{case}.{rendering}" for case in CASES for rendering in RENDERINGS}
    if pytestconfig.getoption("update_golden"):
        for name in wanted:
            case, _, rendering = name.partition(".")
            compare(FOLDER / "reports" / name, RENDERINGS[rendering](CASES[case]()), pytestconfig)
    assert {path.name for path in cases("reports")} == wanted


def test_no_field_of_the_documents_went_or_changed_its_name(pytestconfig: pytest.Config) -> None:
    kinds = json.loads(schema.render_schema())["$defs"]
    fields = {name: sorted(kind.get("properties", ())) for name, kind in sorted(kinds.items())}
    compare(FOLDER / "fields.json", json.dumps(fields, indent=2) + "\n", pytestconfig)
