"""The verdicts for a job summary or a comment, in GitHub's Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inspector.policy.model import Finding, Outcome, Report, Result
from inspector.policy.steps import readable
from inspector.report.escape import cut, escape
from inspector.report.text import (
    NOTHING,
    all_well,
    expected_torch,
    layer_name,
    notes,
    origin,
    run_told,
    seconds,
    shown_results,
    size,
    torch_build,
    torch_version,
)

MARKS: dict[Outcome, str] = {"pass": "✅", "warn": "⚠️", "unknown": "❔", "fail": "❌"}
_TITLES = ("Image", "Role", "From", "Torch", "Build", "Expected", "Verdict", "Size", "Time")
_ALIGNED = (":--", ":--", ":--", ":--", ":--", ":--", ":--", "--:", "--:")
_HARMLESS = frozenset(" ,;:()'/%+-.")
_CUT = "<!-- -->"
_LIVE = (("&#64;", ""), ("&#35;", ""), (":", "//"), ("www", "."))
_STEP = 400
"""Characters of a build step shown below a finding."""


def render_check(report: Report, *, only_failed: bool = False) -> str:
    """Return a table of all images, then the findings of those that don't pass.

    `only_failed` leaves out what is well.
    """
    return "".join(f"{line}\n" for line in _lines(report, shown_results(report, only_failed=only_failed)))


def literal(text: str) -> str:
    """Return `text` within a line so that it shows as it is and does nothing: no markup, link, mention or cell border.

    Mentions, references and bare addresses are made from the text that markup leaves, so an empty comment cuts them.
    """
    plain = "".join(char if char.isalnum() or char in _HARMLESS else f"&#{ord(char)};" for char in escape(cut(text)))
    for head, tail in _LIVE:
        plain = plain.replace(head + tail, head + _CUT + tail)
    return plain


def code(text: str) -> str:
    """Return `text` in the face of code; a code span could not hold every character."""
    return f"<code>{literal(text)}</code>"


def prose(text: str) -> str:
    """Return a sentence of ours, in which paired backticks mark code, with whatever an image put into it."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return literal(text)
    return "".join(code(piece) if at % 2 else literal(piece) for at, piece in enumerate(pieces))


def _lines(report: Report, results: tuple[Result, ...]) -> Iterator[str]:
    if results or not report.results:
        yield _row(_TITLES)
        yield _row(_ALIGNED)
    else:
        yield all_well(report)
    yield from (_row(_cells(result)) for result in results)
    for result in results:
        found = [finding for finding in result.findings if finding.outcome != "pass"]
        if found or result.error or run_told(result) or notes(result.facts):
            yield from _explained(result, found)
    if report.warnings:
        yield ""
        yield from _notes(report.warnings)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(result: Result) -> tuple[str, ...]:
    facts = result.facts
    return (
        code(result.image),
        literal(result.role or NOTHING),
        literal(origin(facts)),
        literal(torch_version(facts)),
        literal(torch_build(facts)),
        literal(expected_torch(result)),
        f"{MARKS[result.outcome]} {result.outcome.upper()}",
        size(facts.size.uncompressed) if facts else NOTHING,
        seconds(facts.evidence.seconds) if facts else NOTHING,
    )


def _explained(result: Result, found: list[Finding]) -> Iterator[str]:
    yield ""
    described = f": {literal(result.description)}" if result.description else ""
    yield f"### {MARKS[result.outcome]} {code(result.image)}{described}"
    yield ""
    for finding in found:
        category = f" ({literal(finding.category)})" if finding.category else ""
        yield f"- {MARKS[finding.outcome]} **{literal(finding.check)}**{category}: {prose(finding.message)}"
        yield from (f"  - {label}: {told}" for label, told in _details(finding, result))
    if result.error and not found:
        yield f"- {MARKS['unknown']} **{literal(result.error.kind)}**: {prose(result.error.message)}"
    if run_told(result):
        yield f"- run: {prose(run_told(result))}"
    yield from _notes(notes(result.facts))


def _details(finding: Finding, result: Result) -> Iterator[tuple[str, str]]:
    at = finding.evidence
    if finding.expected or finding.actual:
        yield "expected", f"{literal(finding.expected or NOTHING)}; actual: {literal(finding.actual or NOTHING)}"
    if at.path:
        yield "path", code(at.path)
    if at.layer is not None:
        of = len(result.facts.layers) if result.facts else None
        yield "layer", literal(layer_name(at.layer, of, at.diff_id, at.bytes))
    if at.created_by:
        yield "step", code(readable(at.created_by, _STEP))
    if finding.advice:
        yield "advice", prose(finding.advice)


def _notes(warnings: Iterable[str]) -> Iterator[str]:
    return (f"- note: {prose(text)}" for text in warnings)
