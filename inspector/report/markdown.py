"""The verdicts for a job summary or a comment, in GitHub's Markdown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from inspector.escape import cut, escape
from inspector.policy.model import EXCUSED, Category, Finding, FindingOutcome, Outcome, Report, Result
from inspector.report.document import ShowError
from inspector.report.text import (
    CATEGORIES,
    NOTHING,
    TITLES,
    alike,
    cells_of,
    details,
    excuse,
    excused_told,
    headline,
    known_told,
    layer_told,
    notes,
    run_told,
    shown_results,
    tally,
    unnamed,
)
from inspector.words import count, first_few

MARKS: dict[FindingOutcome, str] = {
    "pass": "✅",
    "warn": "⚠️",
    "unknown": "❔",
    "fail": "❌",
    "waived": "🕓",
    "known": "📌",
}
_HARMLESS = frozenset(" ,;:()'/%+-.")
_CUT = "<!-- -->"
_LIVE = (("&#64;", ""), ("&#35;", ""), (":", "//"), ("www", "."))


def render_check(report: Report, *, only_failed: bool = False) -> str:
    """Return how many fail, a table of all images, then the findings of those that don't pass, folded.

    `only_failed` leaves out what is well.
    """
    return joined(_lines(report, shown_results(report, only_failed=only_failed)))


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
        yield from ("", *table(TITLES, map(_cells, results), right=(7,)))
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


def joined(lines: Iterable[str]) -> str:
    """Return the whole text of lines."""
    return "".join(f"{line}\n" for line in lines)


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[int] = ()) -> Iterator[str]:
    """Yield a table of cells that are Markdown already; the columns at `right` hold numbers."""
    aligned = ["--:" if at in right else ":--" for at in range(len(titles))]
    yield f"|{'|'.join(f' {title} ' if title else ' ' for title in titles)}|"
    yield from (f"| {' | '.join(cells)} |" for cells in (aligned, *rows))


def bullet(outcome: FindingOutcome, check: str, message: str, category: Category | None = None) -> str:
    """Return what a check says as an item of a list."""
    told = f" ({CATEGORIES[category]})" if category else ""
    return f"- {MARKS[outcome]} **{literal(check)}**{told}: {prose(message)}"


def verdict(outcome: Outcome | None) -> str:
    """Return an outcome with its mark."""
    return f"{MARKS[outcome]} {outcome.upper()}" if outcome else NOTHING


def unread(errors: Sequence[ShowError]) -> Iterator[str]:
    """Yield why images could not be read, behind what was told of the others."""
    yield from [""] if errors else []
    yield from (f"- {MARKS['unknown']} {code(one.reference)}: {prose(one.message)}" for one in errors)


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
    yield bullet("unknown", check, unnamed(first, first.error.message))
    yield f"  - images: {first_few([code(each.image) for each in results])}"
    if finding and finding.advice:
        yield f"  - advice: {prose(unnamed(first, finding.advice))}"


def _cells(result: Result) -> tuple[str, ...]:
    image, *told, outcome, size = cells_of(result, MARKS)
    return (code(image), *map(literal, told), outcome, size)


def _explained(result: Result, found: list[Finding]) -> Iterator[str]:
    if any(finding.outcome == "known" for finding in found):
        yield bullet("known", "known", known_told(found))
    for finding in found:
        if finding.outcome == "known":
            continue
        yield bullet(finding.outcome, finding.check, finding.message, finding.category)
        yield from (f"  - {label}: {told}" for label, told in _details(finding, result))
    if result.error and not found:
        yield bullet("unknown", result.error.kind, result.error.message)
    if run_told(result):
        yield f"- run: {prose(run_told(result))}"
    yield from _notes(notes(result.facts))


def _details(finding: Finding, result: Result) -> Iterator[tuple[str, str]]:
    if finding.outcome in EXCUSED:
        yield finding.outcome, prose(excuse(finding))
        return
    told = dict(details(finding, layer_told(finding, result.facts)))
    if finding.expected or finding.actual:
        expected, actual = (literal(told.pop(each, NOTHING)) for each in ("expected", "actual"))
        yield "expected", f"{expected}; actual: {actual}"
    shown = {"path": code, "step": code, "advice": prose}
    yield from ((label, shown.get(label, literal)(text)) for label, text in told.items())


def _notes(warnings: Iterable[str]) -> Iterator[str]:
    return (f"- note: {prose(text)}" for text in warnings)
