"""What CI services are told: SARIF, GitHub's annotations and summary, GitLab's Code Quality."""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from inspector.errors import UsageError
from inspector.policy.audited import Left
from inspector.policy.identity import identified
from inspector.policy.model import Finding, Outcome, Pointer, Report, Result
from inspector.report import github, gitlab, sarif
from inspector.report.conditions import judged, parse_condition
from inspector.report.context import Context, DockerfileLines, Span
from inspector.report.difference import difference
from inspector.report.formats import View, render
from inspector.report.issues import issues_of, merged
from tests.report import samples
from tests.report.test_audit import audit_of, audited

STEP = Span("deploy/D", 3, 4, 8)
BASE = Span("deploy/D", 1, 1, 7)
ROLE = Span("deploy/inspector.toml", 5, 5, 12)
RUN = Context(
    version="9.9.9",
    policy="deploy/inspector.toml",
    roles=MappingProxyType({"api": ROLE}),
    dockerfiles=MappingProxyType({"D": DockerfileLines("deploy/D", {3: STEP, 1: BASE}, BASE)}),
)
CODE_QUALITY = Draft202012Validator(
    {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["description", "check_name", "fingerprint", "severity", "location"],
            "properties": {
                "description": {"type": "string", "minLength": 1},
                "check_name": {"type": "string", "minLength": 1},
                "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
                "location": {
                    "type": "object",
                    "required": ["path", "lines"],
                    "properties": {
                        "path": {"type": "string", "pattern": "^[^/]"},
                        "lines": {"type": "object", "required": ["begin"], "properties": {"begin": {"minimum": 1}}},
                    },
                },
            },
        },
    }
)
"""What GitLab's documentation of the report format asks for."""


def finding(check: str = "torch", outcome: Outcome = "fail", line: int | None = None, **more: Any) -> Finding:
    """Return a fault of the image build at a line of its Dockerfile."""
    told: dict[str, Any] = {"message": f"{check} is wrong", "category": "CODE_BUG", "evidence": Pointer(line=line)}
    return Finding(check=check, outcome=outcome, **{**told, **more})


def result(image: str, *findings: Finding, role: str = "api") -> Result:
    """Return a verdict on an image of a role with a Dockerfile."""
    found = identified(findings, role, image)
    return Result(image=image, role=role, outcome="fail", findings=found, facts=None, dockerfile="D")


def report(*results: Result) -> Report:
    """Return a report that fails."""
    return Report(outcome="fail", results=results)


def sarif_of(found: Report, context: Context = RUN) -> dict[str, Any]:
    """Return the one run of a SARIF document."""
    document = json.loads(sarif.render_check(found, context=context))
    (run,) = document["runs"]
    whole: dict[str, Any] = run
    return whole


def test_what_passed_or_is_covered_is_left_out() -> None:
    covered: list[Any] = ["pass", "waived", "known"]
    found = report(result("api:1", *(finding(f"c{at}", outcome) for at, outcome in enumerate(covered))))
    assert issues_of(found, RUN) == []
    assert sarif_of(found)["results"] == []
    assert json.loads(gitlab.render_check(found, context=RUN)) == []
    assert github.render_check(found, context=RUN) == ""


def test_one_finding_of_two_tags_is_one_issue_and_the_worst_come_first() -> None:
    found = issues_of(report(result("api:1", finding("size", "warn")), result("api:2", finding("size"))), RUN)
    assert [(each.finding.outcome, each.images) for each in found] == [("fail", ("api:1", "api:2"))]
    outcomes: list[Outcome] = ["warn", "unknown", "fail"]
    mixed = issues_of(report(result("api:1", *(finding(each, each) for each in outcomes))), RUN)
    assert [each.finding.outcome for each in mixed] == ["fail", "unknown", "warn"]


def test_sarif_merges_what_github_takes_for_one_alert() -> None:
    found = report(result("api:1", finding(line=3)), result("web:1", finding(line=3, message="web is wrong")))
    (one,) = sarif_of(found)["results"]
    assert "api:1" in one["message"]["text"]
    assert "images: " in one["message"]["text"]
    assert "web is wrong" in one["message"]["text"]
    assert len(merged(issues_of(found, RUN))) == 1
    assert len(json.loads(gitlab.render_check(found, context=RUN))) == 2


def test_sarif_places_a_finding_at_its_step_and_links_its_role() -> None:
    (one,) = sarif_of(report(result("api:1", finding(line=3))))["results"]
    at = one["locations"][0]["physicalLocation"]
    assert at["artifactLocation"] == {"uri": "deploy/D", "uriBaseId": "%SRCROOT%"}
    assert at["region"] == {"startLine": 3, "startColumn": 1, "endLine": 4, "endColumn": 8}
    assert one["message"]["text"].startswith("api:1 (api): torch is wrong. See [the role](1).")
    assert one["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] == 5
    assert set(one["partialFingerprints"]) == {"inspectorFinding/v1"}


def test_sarif_without_a_file_has_a_place_all_the_same_and_a_hash_of_its_own() -> None:
    at = Pointer(path="/app/../a b/~/torch")
    found = report(result("registry.example.com:5000/team/api:1", finding(evidence=at)))
    run = sarif_of(found, Context())
    (one,) = run["results"]
    location = one["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "api/app/a%20b/%7E/torch"
    assert set(location["region"]) == {"startLine", "startColumn", "endLine", "endColumn"}
    assert (
        one["partialFingerprints"]["primaryLocationLineHash"]
        == f"{one['partialFingerprints']['inspectorFinding/v1']}:1"
    )
    assert run["automationDetails"]["id"] == "inspector/"


def test_sarif_has_one_run_one_rule_a_check_and_a_stable_category() -> None:
    found = report(result("api:1", finding(line=3), finding("size"), finding("size", subject="x")))
    run = sarif_of(found)
    assert run["automationDetails"]["id"] == "inspector/deploy/inspector.toml/"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["size", "torch"]
    assert all(
        rule["help"]["text"] and "security-severity" not in rule["properties"]
        for rule in run["tool"]["driver"]["rules"]
    )
    assert [run["tool"]["driver"]["rules"][each["ruleIndex"]]["id"] for each in run["results"]] == [
        each["ruleId"] for each in run["results"]
    ]


def test_sarif_keeps_the_worst_of_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MAX_RESULTS", 3)
    found = report(
        *(result(f"a{at}:1", finding("size", "warn"), role="r") for at in range(5)), result("b:1", finding())
    )
    results = sarif_of(found, Context())["results"]
    assert [each["ruleId"] for each in results] == ["torch", "size", "too-many"]
    assert "4 more results" in results[-1]["message"]["text"]


def test_names_make_no_links_in_sarif() -> None:
    (one,) = sarif_of(report(result("api:1", finding(message="[x](javascript:1)"))))["results"]
    assert re.findall(r"\]\((.*?)\)", one["message"]["text"]) == ["1"]


def test_annotations_keep_to_githubs_limits_and_say_how_many_are_left() -> None:
    found = report(result("api:1", *(finding(f"c{at:02}") for at in range(12)), finding("size", "warn")))
    lines = github.render_check(found, context=RUN).splitlines()
    assert sum(line.startswith("::error ") for line in lines) == github.MAX_OF_KIND
    assert lines[9] == "::error title=inspector::3 more in the job's summary"
    assert lines[10].startswith("::warning file=deploy/D,line=1,endLine=1,title=api%3A1 (api)%3A size::")


def test_nothing_in_a_name_ends_a_command_or_begins_another() -> None:
    name = "a::error::x\n::set-output name=y::z\r,%0A\x1b[31m"
    (line,) = github.render_check(report(result(name, finding(message=name))), context=RUN).splitlines()
    assert line.count("::error ") == 1
    assert line.isprintable()
    properties = line.partition(" ")[2].partition("::")[0]
    assert "title=a%3A%3Aerror%3A%3Ax" in properties


def test_a_summary_is_cut_at_a_row() -> None:
    rows = "".join(f"| {at} |\n" for at in range(10_000))
    text = github.cut_at_row(f"<details><summary>x</summary>\n{rows}</details>\n", 5_000)
    assert len(text.encode()) <= 5_000
    assert text.count("<details") == text.count("</details")
    assert "lines are left out here" in text
    assert all(re.fullmatch(r"\| \d+ \|", line) for line in text.splitlines() if line.startswith("|"))
    assert github.cut_at_row("short\n", 5_000) == "short\n"


def test_conditions_of_a_difference_are_cases_and_annotations() -> None:
    before, after = samples.facts_of(samples.four_roles())[:2]
    found = judged(difference(before, after), [parse_condition("build"), parse_condition("python")])
    suite = ET.fromstring(render("diff", found, "junit", View()))[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [case.get("name") for case in suite.iter("testcase")] == [
        "ktrdr-backend:dev: build",
        "ktrdr-backend:dev: python",
    ]
    (line,) = render("diff", found, "github", View()).splitlines()
    assert line.startswith("::error title=ktrdr-backend%3Adev%3A build::torch's build changed")


def test_code_quality_fits_gitlabs_form() -> None:
    for case in samples.CASES.values():
        CODE_QUALITY.validate(json.loads(gitlab.render_check(case())))
    (one,) = json.loads(gitlab.render_check(report(result("api:1", finding(line=3))), context=RUN))
    assert one["location"] == {"path": "deploy/D", "lines": {"begin": 3}}
    assert one["severity"] == "critical"


def test_an_audit_that_was_cut_short_says_so_and_a_plan_is_refused() -> None:
    cut = audit_of(audited(samples.mixed()), Left(why="--max-bytes", images=3))
    assert any("stopped by --max-bytes" in each.finding.message for each in issues_of(cut, RUN))
    plan = replace(cut, ended=None)
    with pytest.raises(UsageError, match="--plan checks nothing"):
        issues_of(plan, RUN)
