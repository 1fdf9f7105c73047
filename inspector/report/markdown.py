"""The verdicts for a job summary or a comment, in GitHub's Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from inspector.policy.model import EXCUSED, Finding, FindingOutcome, Report, Result
from inspector.policy.steps import readable
from inspector.report.escape import cut, escape
from inspector.report.text import (
    CATEGORIES,
    MAX_LISTED,
    NOTHING,
    advice_of,
    alike,
    count,
    excuse,
    excused_told,
    expected_torch,
    headline,
    known_told,
    layer_name,
    notes,
    origin,
    run_told,
    shown_results,
    size,
    tally,
    torch_build,
    torch_version,
    unnamed,
)

MARKS: dict[FindingOutcome, str] = {
    "pass": "✅",
    "warn": "⚠️",
    "unknown": "❔",
    "fail": "❌",
    "waived": "🕓",
    "known": "📌",
}
_TITLES = ("Image", "Role", "From", "Torch", "Build", "Expected", "Verdict", "Size")
_ALIGNED = (":--", ":--", ":--", ":--", ":--", ":--", ":--", "--:")
_HARMLESS = frozenset(" ,;:()'/%+-.")
_CUT = "<!-- -->"
_LIVE = (("&#64;", ""), ("&#35;", ""), (":", "//"), ("www", "."))
_STEP = 400
"""Characters of a build step shown below a finding."""


def render_check(report: Report, *, only_failed: bool = False) -> str:
    """Return how many fail, a table of all images, then the findings of those that don't pass, folded.

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
    outcomes = [result.outcome for result in report.results]
    yield f"## inspector: {headline(outcomes)}"
    if len(set(outcomes)) > 1:
        yield from ("", tally(outcomes))
    if excused := excused_told(finding for result in report.results for finding in result.findings):
        yield from ("", excused)
    if results:
        yield from ("", _row(_TITLES), _row(_ALIGNED), *(_row(_cells(result)) for result in results))
    for first, *others in alike(results):
        found = [finding for finding in first.findings if finding.outcome != "pass"]
        if others:
            yield from folded(_summary((first, *others)), _together((first, *others)), is_open=True)
        elif found or first.error or run_told(first) or notes(first.facts):
            is_open = first.outcome in ("fail", "unknown")
            yield from folded(_summary((first,)), _explained(first, found), is_open=is_open)
    if report.warnings:
        yield ""
        yield from _notes(report.warnings)


def folded(summary: str, lines: Iterable[str], *, is_open: bool = False) -> Iterator[str]:
    """Yield lines that a reader folds away, below their summary."""
    yield from ("", f"<details{' open' if is_open else ''}><summary>{summary}</summary>", "")
    yield from lines
    yield from ("", "</details>")


def _summary(results: Sequence[Result]) -> str:
    first = results[0]
    if len(results) > 1:
        return f"{MARKS[first.outcome]} {count(len(results), 'image')}"
    described = f": {literal(first.description)}" if first.description else ""
    return f"{MARKS[first.outcome]} {code(first.image)}{described}"


def _together(results: Sequence[Result]) -> Iterator[str]:
    """Yield one error of several images, once."""
    first = results[0]
    assert first.error is not None
    finding = next(iter(first.findings), None)
    check = finding.check if finding else first.error.kind
    yield f"- {MARKS['unknown']} **{literal(check)}**: {prose(unnamed(first, first.error.message))}"
    yield f"  - images: {', '.join(code(each.image) for each in results[:MAX_LISTED])}{_more(results)}"
    if finding and finding.advice:
        yield f"  - advice: {prose(unnamed(first, finding.advice))}"


def _more(results: Sequence[Result]) -> str:
    more = len(results) - MAX_LISTED
    return f" and {more:,} more" if more > 0 else ""


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
    )


def _explained(result: Result, found: list[Finding]) -> Iterator[str]:
    if any(finding.outcome == "known" for finding in found):
        yield f"- {MARKS['known']} **known**: {prose(known_told(found))}"
    for finding in found:
        if finding.outcome == "known":
            continue
        category = f" ({CATEGORIES[finding.category]})" if finding.category else ""
        yield f"- {MARKS[finding.outcome]} **{literal(finding.check)}**{category}: {prose(finding.message)}"
        yield from (f"  - {label}: {told}" for label, told in _details(finding, result))
    if result.error and not found:
        yield f"- {MARKS['unknown']} **{literal(result.error.kind)}**: {prose(result.error.message)}"
    if run_told(result):
        yield f"- run: {prose(run_told(result))}"
    yield from _notes(notes(result.facts))


def _details(finding: Finding, result: Result) -> Iterator[tuple[str, str]]:
    at = finding.evidence
    if finding.outcome in EXCUSED:
        yield finding.outcome, prose(excuse(finding))
        return
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
        yield "advice", prose(advice_of(finding))


def _notes(warnings: Iterable[str]) -> Iterator[str]:
    return (f"- note: {prose(text)}" for text in warnings)
