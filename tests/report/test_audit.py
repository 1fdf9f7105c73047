"""What an audit prints, whatever the images say of themselves."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest
from rich.cells import cell_len

from inspector.facts import Evidence
from inspector.oci import Platform
from inspector.policy.audited import Audited, AuditReport, Ended, Left, Planned, python_of
from inspector.policy.findings import role_finding
from inspector.policy.model import ErrorFact, Finding, Outcome, Report
from inspector.report.audit import (
    ended_told,
    left_told,
    plan_told,
    row_of,
)
from inspector.report.formats import View, formats, render
from tests.factories import digest
from tests.report import samples
from tests.schemas import validate

LEFT = Left(why="--max-bytes", tags=1, images=20, layers=3, bytes=3 * 10**9)
ENDED = Ended(layers_fetched=7, bytes_fetched=5 * 10**9, requests=1234, left=LEFT)


def audited(sample: Report, repository: str = "registry.example.com/team/api") -> list[Audited]:
    """The results of a sample as an audit has them, with the sample's names for tags."""
    return [
        Audited(
            image=f"{repository}:{result.image}",
            repository=repository,
            tags=(result.image, "1.0"),
            digest=digest(1),
            platform=Platform("linux", "amd64"),
            role=result.role,
            outcome=result.outcome,
            findings=result.findings,
            torch=result.facts.torch if result.facts else None,
            python=python_of(result.facts) if result.facts else None,
            size=result.facts.size if result.facts else None,
            error=result.error,
        )
        for result in sample.results
    ]


def audit_of(results: list[Audited], left: Left = LEFT) -> AuditReport:
    """The results as a whole audit."""
    ended = msgspec.structs.replace(ENDED, left=left)
    return AuditReport(outcome="fail", plan=Planned(tags=3), results=tuple(results), ended=ended)


def text(form: str, results: list[Audited], left: Left = LEFT, **shown: Any) -> str:
    """The results as `audit --format` prints them."""
    declared = formats("audit")[form]
    if declared.line is not None:
        return "".join(declared.line.render(each, View()) for each in results)
    kept = results if declared.whole else [row_of(each) for each in results]
    return render("audit", audit_of(kept, left), form, View(**{"width": 100, **shown}))


def texts(results: list[Audited]) -> dict[str, str]:
    """The results in every format."""
    return {"narrow": text("table", results, width=50), **{form: text(form, results) for form in formats("audit")}}


@pytest.mark.parametrize("case", samples.CASES)
def test_nothing_but_ink_and_line_ends_is_printed(case: str) -> None:
    for form, shown in texts(audited(samples.CASES[case](), samples.HOSTILE)).items():
        assert shown.replace("\n", "").replace("\N{VARIATION SELECTOR-16}", "").isprintable(), form


@pytest.mark.parametrize("case", samples.CASES)
def test_every_form_is_what_it_claims_to_be(case: str) -> None:
    results = audited(samples.CASES[case]())
    shown = texts(results)
    validate(json.loads(shown["json"]))
    for line in shown["jsonl"].splitlines():
        validate(json.loads(line))
    assert len(ET.fromstring(shown["junit"])) == len(results) + 1
    assert max(cell_len(line) for line in shown["table"].splitlines()) <= 100
    assert "<script" not in shown["markdown"]


def test_what_is_wrong_with_many_is_told_once() -> None:
    (result,) = [each for each in audited(samples.mixed()) if each.outcome == "fail"][:1]
    many = [
        Audited(**{**{name: getattr(result, name) for name in result.__struct_fields__}, "tags": (f"1.{number}",)})
        for number in range(20)
    ]
    shown = text("table", many, Left(), width=120)
    failed = [one for one in result.findings if one.outcome == "fail"]
    assert shown.count(failed[0].message[:40]) == 1
    assert "20 images: 1.0, 1.1, 1.2" in shown
    assert "and 12 more" in shown


def test_only_failed_leaves_out_what_passes_and_nothing_else() -> None:
    results = audited(samples.mixed())
    shown = text("table", results, Left(), width=160, only_failed=True)
    assert "PASS" not in shown
    assert shown.count("FAIL") == sum(each.outcome == "fail" for each in results)


def test_an_error_without_a_policy_is_told() -> None:
    lost = Audited(
        image="a.io/b:1", repository="a.io/b", outcome=None, error=ErrorFact("denied", "a.io/b: log in first")
    )
    for form in ("table", "markdown"):
        shown = text(form, [lost])
        assert "log in first" in shown
        assert "UNKNOWN" in shown
        assert "PASS" not in shown
    assert ET.fromstring(text("junit", [lost], Left())).get("errors") == "1"


def test_the_lines_for_people() -> None:
    plan = Planned(
        repositories=1, tags=1200, images=412, layers=200, layers_known=12, bytes_known=10**9, bytes_to_fetch=2 * 10**9
    )
    assert plan_told(plan) == (
        "plan: 1 repository, 1,200 tags, 412 images; 200 layers, 12 known (1.00 GB); 2.00 GB to fetch"
    )
    assert left_told(LEFT) == (
        "stopped by --max-bytes; left: 1 tag or list, 20 images, 3 layers of 3.00 GB; "
        "the same command goes on from here"
    )
    outcomes: Counter[Outcome | None] = Counter({"pass": 400, "fail": 12})
    assert ended_told(outcomes, ENDED, 185.0) == (
        "412 images: 400 passed, 12 failed, 20 images left in 3 min 05 s; 7 layers, 5.00 GB fetched with 1,234 requests"
    )


@pytest.mark.parametrize(
    ("how", "read", "verified", "told"),
    [
        ("toc", 2, False, True),
        ("stream", 2, True, False),
        ("manifest", 0, False, False),
    ],
)
def test_that_an_answer_rests_on_tables_of_contents_is_told(how: str, read: int, *, verified: bool, told: bool) -> None:
    """Whoever pushed the image wrote these: a pass by them is not as good as another."""
    evidence = Evidence(bytes_read=9, layers_read=read, layers_cached=0, digests_verified=verified, how=how)
    note = "layer 1 of 2: known by its table of contents" if told else ""
    (passed, *_) = [each for each in audited(samples.mixed()) if each.outcome == "pass"]
    passed = msgspec.structs.replace(passed, evidence=evidence, warnings=(note,) if note else ())
    shown = texts([passed])
    for form in ("table", "markdown"):
        assert ("--verify reads them" in shown[form]) is told
    assert ("known by its table of contents" in shown["junit"]) is told


def test_an_audit_of_nothing_is_an_error_in_junit() -> None:
    root = ET.fromstring(text("junit", [], Left()))
    assert root.get("errors") == "1"


def test_one_is_no_plural() -> None:
    assert plan_told(Planned(filtered=1, no_images=1, unread=2)).endswith(
        "1 tag not selected; 1 tag not an image; 2 images decided without reading layers, or in no role"
    )


def told_of(tag: str, outcome: Outcome = "pass", repository: str = "a.io/api", **changes: Any) -> Audited:
    """One image of a repository, without torch."""
    values: dict[str, Any] = {
        "image": f"{repository}:{tag}",
        "tags": (tag,),
        "role": "api",
        "torch": samples.ABSENT,
        "findings": (Finding(check="torch", outcome=outcome, message="torch is what it is"),),
    }
    return Audited(repository=repository, outcome=outcome, **{**values, **changes})


def test_images_that_pass_are_one_line_in_the_order_of_their_versions() -> None:
    tags = ("1.10.0", "1.9.0", "2.0.0rc1", "2.0.0", "1.2.0", "latest")
    shown = text("table", [*map(told_of, tags), told_of("3.0", "fail")], Left(), width=120)
    assert "6 images pass: 1.2.0 … 2.0.0, latest (api, torch absent)" in shown
    assert "a.io/api  7 images: 6 pass, 1 fail" in shown
    assert shown.index("FAIL") < shown.index("6 images pass")


def test_images_that_fail_alike_share_a_row_and_repositories_that_fail_come_first() -> None:
    results = [told_of("1", repository="a.io/a"), *(told_of(tag, "fail", "a.io/z") for tag in ("1.0", "1.2", "1.1"))]
    shown = text("table", results, Left(), width=120)
    assert shown.index("a.io/z") < shown.index("a.io/a")
    assert "3 images: 1.0, 1.1, 1.2  " in shown
    assert shown.count("FAIL") == 1


def test_repositories_without_a_role_are_one_line() -> None:
    lost = role_finding("no-role", "no role's `match` fits any of its names")
    near = role_finding("no-role", "no role's `match` fits any of its names; did you mean 'a.io/api'?")
    others = [told_of("1", "unknown", f"a.io/{name}", role=None, findings=(lost,)) for name in ("redis", "nginx")]
    odd = told_of("1", "unknown", "a.io/apy", role=None, findings=(near,))
    for form in ("table", "markdown"):
        shown = text(form, [*others, odd, told_of("1")], Left(), width=120)
        assert "2 repositories with 2 images have no role: a.io" in shown
        assert "did you mean" in shown


def test_what_was_left_is_told_in_every_document() -> None:
    interrupted = Left(why="the interruption", images=3)
    for form, shown in ((form, text(form, [told_of("1")], interrupted)) for form in ("table", "markdown", "junit")):
        assert "stopped by the interruption; left: 3 images" in " ".join(shown.split()), form


def test_a_case_is_named_by_its_image_and_points_at_its_dockerfile() -> None:
    cases = list(ET.fromstring(text("junit", [told_of("1", dockerfile="Dockerfile.api")], Left())).iter("testcase"))
    assert [(each.get("name"), each.get("file")) for each in cases] == [("a.io/api:1: torch", "Dockerfile.api")]
