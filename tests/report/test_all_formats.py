"""What every report owes its reader, whatever the image says of itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len

from inspector.escape import escape
from inspector.policy.model import Finding, Report, Result
from inspector.report import (
    diff,
    diff_markdown,
    document,
    github,
    gitlab,
    junit,
    markdown,
    runtime,
    sarif,
    show,
    table,
)
from inspector.report.conditions import WORDS, judged, parse_condition
from inspector.report.difference import Difference, difference
from tests.effort import examples
from tests.report import samples
from tests.schemas import validate, validator

ANSI = re.compile(r"\x1b\[[0-9;]*m")
ANY = st.text(st.characters(codec=None, categories=None), max_size=40)


def _show(report: Report, width: int, *, color: bool = False) -> str:
    return show.render_show(samples.facts_of(report), width=width, color=color)


def _runtime(report: Report, width: int, *, color: bool = False) -> str:
    return runtime.render_runtime(samples.facts_of(report), width=width, color=color)


def _difference(report: Report) -> Difference:
    """What changed from the CPU worker to the report's first image, with all that may be asked of it."""
    facts = [*samples.facts_of(report), samples.no_python()]
    return judged(difference(samples.facts_of(samples.four_roles())[1], facts[0]), [*map(parse_condition, WORDS)])


TEXTS: dict[str, Callable[[Report], str]] = {
    "table": lambda report: table.render_check(report, width=100),
    "show": lambda report: _show(report, 100),
    "runtime": lambda report: _runtime(report, 100),
    "runtime-json": lambda report: document.render_runtime(samples.facts_of(report)),
    "markdown": markdown.render_check,
    "junit": junit.render_check,
    "json": document.encode,
    "diff": lambda report: diff.render_diff(_difference(report), width=100),
    "diff-markdown": lambda report: diff_markdown.render_diff(_difference(report)),
    "sarif": sarif.render_check,
    "github": github.render_check,
    "gitlab": gitlab.render_check,
}


@pytest.mark.parametrize("form", TEXTS)
@pytest.mark.parametrize("case", samples.CASES)
def test_nothing_but_ink_and_line_ends_is_printed(form: str, case: str) -> None:
    text = TEXTS[form](samples.CASES[case]())
    assert text.replace("\n", "").replace("\N{VARIATION SELECTOR-16}", "").isprintable()


@examples(25)
@given(name=ANY)
def test_no_name_breaks_a_report(name: str) -> None:
    report = samples.hostile(name)
    for form, text in (
        (form, render(each)) for form, render in TEXTS.items() for each in (report, samples.excused(name))
    ):
        assert text.replace("\n", "").replace("\N{VARIATION SELECTOR-16}", "").isprintable(), form
        assert form not in ("table", "show", "runtime", "diff") or max(map(cell_len, text.split("\n"))) <= 100
    ET.fromstring(junit.render_check(report))
    validate(json.loads(document.encode(report)))
    validate(json.loads(document.render_runtime(samples.facts_of(report))))
    validate(json.loads(document.encode(_difference(report))))


@pytest.mark.parametrize("width", [80, 120, 160, 200])
@pytest.mark.parametrize("case", samples.CASES)
def test_no_line_is_wider_than_asked(case: str, width: int) -> None:
    report = samples.CASES[case]()
    facts = samples.facts_of(report)
    texts = [table.render_check(report, width=width), table.render_check(report, width=width, passed=True)]
    texts += [_show(report, width), _runtime(report, width), table.render_check(report, width=width, only_failed=True)]
    texts += [diff.render_diff(difference(one, other), width=width) for one in facts for other in facts]
    assert max(cell_len(line) for text in texts for line in text.split("\n")) <= width


@pytest.mark.parametrize("case", samples.CASES)
def test_colour_changes_nothing_but_colour(case: str) -> None:
    report = samples.CASES[case]()
    for plain, colored in (
        (table.render_check(report, width=90), table.render_check(report, width=90, color=True)),
        (_show(report, 90), _show(report, 90, color=True)),
        (_runtime(report, 90), _runtime(report, 90, color=True)),
    ):
        assert "\x1b" not in plain
        assert [line.rstrip() for line in ANSI.sub("", colored).split("\n")] == plain.split("\n")


@pytest.mark.parametrize("case", samples.CASES)
def test_documents_fit_the_schema(case: str) -> None:
    report = samples.CASES[case]()
    facts = [*samples.facts_of(report), samples.no_python()]
    validate(json.loads(document.encode(report)))
    validate(json.loads(document.render_show(facts)))
    validate(json.loads(document.render_runtime(facts)))
    for one in facts:
        validate(json.loads(document.encode(difference(one, facts[-1]))))


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    before = table.render_check(samples.mixed(), width=100)
    for name, value in {"COLUMNS": "40", "FORCE_COLOR": "1", "TERM": "dumb", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    assert table.render_check(samples.mixed(), width=100) == before
    assert "\x1b[" in table.render_check(samples.mixed(), width=100, color=True)


@examples(50)
@given(ANY)
def test_markdown_shows_any_text_as_it_is(text: str) -> None:
    for shown in (f"x{markdown.literal(text)}x", f"x{markdown.code(text)}x"):
        html = MarkdownIt("commonmark").enable("table").render(shown)
        plain = re.sub(r"<!-- -->|</?code>", "", html).strip()
        assert ET.fromstring(plain).text == f"x{escape(text)}x"


@pytest.mark.parametrize(
    "text", ["@team", "#12", "https://example.com", "www.example.com", "<b>", "a|b", "`x`", "[a](b)", "**", "~~a~~"]
)
def test_markdown_keeps_live_text_still(text: str) -> None:
    html = MarkdownIt("gfm-like", {"linkify": False}).render(f"| {markdown.literal(text)} | b |\n| - | - |\n")
    assert re.sub(r"<!-- -->", "", html).count("<th>") == 2
    assert not re.search(r"<(?!/?(?:table|thead|tr|th)>|!-- -->)", html)
    assert not re.search(r"@\w|#\d|://|www\.", html)


def test_markdown_cells_and_findings_stand_in_their_places() -> None:
    html = MarkdownIt("commonmark").enable("table").render(markdown.render_check(samples.mixed()))
    assert html.count("<tr>") == 5
    assert '<th style="text-align:right">Size</th>' in html
    assert "use <code>uv sync --frozen --no-dev</code> without <code>--extra ml</code>" in html
    assert "<h2>inspector: 1 of 4 images fails</h2>" in html
    assert html.count("<details open><summary>") == html.count("</details>") == 3


def test_a_role_called_as_its_image_is_told_once_in_the_title() -> None:
    wrong = Finding(check="torch", outcome="fail", message="no")
    alike = Result(image="api:prod", role="api:prod", outcome="fail", findings=(wrong,), facts=None, description="API")
    text = table.render_check(Report(outcome="fail", results=(alike,)), width=100)
    assert "\napi:prod  API\n" in text


def test_junit_cases_have_names_of_their_own() -> None:
    twice = (
        Finding(check="forbid", outcome="fail", message="one"),
        Finding(check="forbid", outcome="pass", message="two"),
    )
    result = Result(image="api:prod", role="api", outcome="fail", findings=twice, facts=None)
    root = ET.fromstring(junit.render_check(Report(outcome="fail", results=(result,))))
    assert [case.get("name") for case in root.iter("testcase")] == ["api:prod: forbid", "api:prod: forbid 2"]


def test_junit_skips_what_is_waived_for_its_reason() -> None:
    root = ET.fromstring(junit.render_check(samples.excused()))
    assert root.attrib == {"name": "inspector", "tests": "7", "failures": "1", "errors": "0", "skipped": "1"}
    (skipped,) = root.iter("skipped")
    assert skipped.get("message") == "waived until 2027-01-31: needed by the smoke test until #123"
    assert [case.get("name") for case in root.iter("testcase") if case.find("system-out") is not None] == [
        "ktrdr-backend:a: forbid",
        "ktrdr-backend:a: size",
        "ktrdr-backend:b: forbid",
    ]


def test_junit_counts_agree_with_its_cases() -> None:
    root = ET.fromstring(junit.render_check(samples.mixed()))
    assert root.attrib == {"name": "inspector", "tests": "8", "failures": "1", "errors": "2"}
    assert [suite.get("errors") for suite in root] == ["0", "0", "1", "1"]
    assert len(root.findall(".//testcase/failure")) == 1
    assert len(root.findall(".//testcase/error")) == 2
    assert len(root.findall(".//testcase/system-out")) == 1


def test_an_unknown_interpreter_is_encoded_with_its_reason() -> None:
    found = json.loads(document.render_show([samples.no_python()]))["images"][0]["interpreter"]
    assert found == {"unknown": "no `python` on PATH (/usr/bin:/bin)", "absent": True}


def test_json_gives_the_very_text_back() -> None:
    text = "a\x1b\u202e\u00e9\U0001f600\u2028\x7f"
    report = samples.report(warnings=(text, "lone \udcff"))
    assert json.loads(document.encode(report))["warnings"] == [text, r"lone \udcff"]


@pytest.mark.parametrize("field", ["outcome", "results", "schema"])
def test_the_schema_refuses_what_is_no_document(field: str) -> None:
    report = json.loads(document.encode(samples.mixed()))
    validate(report)
    assert not validator().is_valid({**report, "extra": 1})
    assert not validator().is_valid({name: value for name, value in report.items() if name != field})
    assert not validator().is_valid({**report, field: "other"})


def test_the_schema_is_closed_within() -> None:
    report = json.loads(document.encode(samples.mixed()))
    report["results"][0]["facts"]["torch"]["colour"] = "red"
    assert not validator().is_valid(report)
    report = json.loads(document.encode(samples.mixed()))
    report["results"][0]["facts"]["interpreter"] = {"unknown": "why", "version": "3"}
    assert not validator().is_valid(report)
