"""The verdicts in the XML that CI services read as test results."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from inspector.escape import escape
from inspector.policy.audited import AuditReport, Left, as_result
from inspector.policy.model import EXCUSED, ErrorFact, Finding, Report, Result
from inspector.report.audit import left_told
from inspector.report.text import as_finding, details, excuse, notes, origin, run_told


def render_check(report: Report | AuditReport) -> str:
    """Write a suite an image and a case a check: a failure fails, not knowing is an error, a warning is output.

    What is waived is skipped, with the reason. What an audit left undone is an error of its own. Escaped text holds
    no character that XML 1.0 forbids. Times are in seconds.
    """
    suites = ET.Element("testsuites", name="inspector")
    suites.extend(_suite(result, told) for result, told in _results(report))
    _count(suites, [case for suite in suites for case in suite.iter("testcase")])
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _results(report: Report | AuditReport) -> Iterator[tuple[Result, Sequence[str]]]:
    """Yield each result with what is to be known besides."""
    if isinstance(report, Report):
        yield from ((each, notes(each.facts)) for each in report.results)
        return
    left = report.ended.left if report.ended else Left()
    yield from ((as_result(each), each.warnings) for each in report.results)
    if left.why:
        yield _of_the_run(ErrorFact("left", left_told(left))), ()
    elif not report.results:
        yield _of_the_run(ErrorFact("nothing-audited", "no tag was asked for, or none is an image")), ()


def _of_the_run(error: ErrorFact) -> Result:
    return Result(image="audit", role=None, outcome="unknown", findings=(), facts=None, error=error)


def _suite(result: Result, told: Sequence[str]) -> ET.Element:
    suite = ET.Element("testsuite", name=escape(result.image))
    if result.facts:
        suite.set("time", f"{result.facts.evidence.seconds:.3f}")
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", name="role", value=escape(result.role or ""))
    ET.SubElement(properties, "property", name="outcome", value=result.outcome)
    if result.facts:
        ET.SubElement(properties, "property", name="from", value=origin(result.facts))
    if run_told(result):
        ET.SubElement(properties, "property", name="run", value=escape(run_told(result)))
    met: Counter[str] = Counter()
    for finding in result.findings:
        met[finding.check] += 1
        suite.append(_case(result, finding, met[finding.check]))
    if result.error and all(finding.outcome == "pass" for finding in result.findings):
        suite.append(_case(result, as_finding(result.error)))
    if told:
        ET.SubElement(suite, "system-err").text = "\n".join(map(escape, told))
    _count(suite, list(suite.iter("testcase")))
    return suite


def _case(result: Result, finding: Finding, number: int = 1) -> ET.Element:
    """Return the `number`th case of its check, named by image and check.

    Each has its own name: services keep one result for a name, and some show nothing else.
    """
    name = f"{result.image}: {finding.check}" + (f" {number}" if number > 1 else "")
    case = ET.Element("testcase", classname=escape(result.image), name=escape(name))
    if result.dockerfile:
        case.set("file", escape(result.dockerfile))
    told = "\n".join(_told(finding))
    match finding.outcome:
        case "pass":
            pass
        case "warn" | "known":
            ET.SubElement(case, "system-out").text = told
        case "waived":
            ET.SubElement(case, "skipped", message=escape(f"waived {excuse(finding)}")).text = told
        case "unknown":
            ET.SubElement(case, "error", message=escape(finding.message), type=finding.category or "").text = told
        case "fail":
            ET.SubElement(case, "failure", message=escape(finding.message), type=finding.category or "").text = told
    return case


def _told(finding: Finding) -> Iterable[str]:
    yield f"{finding.outcome}: {escape(finding.message)}"
    yield from (f"{label}: {escape(text)}" for label, text in details(finding))
    if finding.outcome in EXCUSED:
        yield f"why: {escape(excuse(finding))}"


def _count(suite: ET.Element, cases: list[ET.Element]) -> None:
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    suite.set("errors", str(sum(case.find("error") is not None for case in cases)))
    if skipped := sum(case.find("skipped") is not None for case in cases):
        suite.set("skipped", str(skipped))
