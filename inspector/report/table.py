"""The verdicts as a person reads them: a row for each image, then what is wrong with those that don't pass."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from inspector.escape import cut, escape
from inspector.facts import ImageFacts
from inspector.policy.model import EXCUSED, FINDINGS_WORST_FIRST, Finding, Report, Result
from inspector.policy.steps import readable
from inspector.report.canvas import STYLES, draw, headed, indented, labelled, note, sentence, words
from inspector.report.text import (
    NOTHING,
    STEP,
    TITLES,
    alike,
    all_well,
    cells_of,
    details,
    excuse,
    excused_told,
    known_told,
    layer_told,
    notes,
    run_told,
    seconds,
    shown_results,
    unnamed,
)
from inspector.words import count, first_few

_GAP = 2
_LONG_NAME = 36
ONE_LINE = 100
"""Cells of width from which each image has one line; its name wraps in its own column."""
_EXPECTED = TITLES.index("Expected")
_FOLDED = ("Image", "Role", "Expected")


def render_check(
    report: Report, *, width: int = 120, color: bool = False, passed: bool = False, only_failed: bool = False
) -> str:
    """Return the summary, the findings of images that do not pass, and the warnings of all; `passed` adds what is well.

    `only_failed` leaves out the images that pass. `width` is in cells; below `ONE_LINE`, two columns may share one.
    """
    results = shown_results(report, only_failed=only_failed)
    return draw(_parts(report, results, width, passed=passed), width=width, color=color)


def _parts(report: Report, results: tuple[Result, ...], width: int, *, passed: bool) -> Iterator[RenderableType]:
    yield _summary(results, width) if results or not report.results else words(all_well(report))
    for first, *others in alike(results):
        if others:
            yield from ("", *_together((first, *others)))
            continue
        found = [finding for finding in first.findings if passed or finding.outcome != "pass"]
        if found or first.error or notes(first.facts) or run_told(first):
            yield ""
            yield _title(first)
            yield from (indented(part, 2) for part in _explained(first, found, passed=passed))
    excused = excused_told(finding for result in report.results for finding in result.findings)
    if report.warnings or excused:
        yield ""
        yield from map(note, [*([excused] if excused else []), *report.warnings])


def _together(results: Sequence[Result]) -> Iterator[RenderableType]:
    """Yield one error of several images, once."""
    first = results[0]
    assert first.error is not None
    yield words(count(len(results), "image"), "bold underline")
    finding = next(iter(first.findings), None)
    check, category = (finding.check, finding.category) if finding else (first.error.kind, None)
    yield indented(sentence("unknown", check, unnamed(first, first.error.message), category=category), 2)
    pairs = [("images", words(first_few([each.image for each in results])))]
    pairs += [("advice", words(unnamed(first, finding.advice), "cyan"))] if finding and finding.advice else []
    yield indented(labelled(pairs), 6)


def _summary(results: Iterable[Result], width: int) -> Table:
    """Return a line for each image: as it is, else with what is expected in few words, else with long names in two.

    Where that is too wide for less than `ONE_LINE` cells, two columns are in one; else names wrap.
    """
    whole = [_cells(result) for result in results]
    brief = [(*row[:_EXPECTED], _brief(row[_EXPECTED]), *row[_EXPECTED + 1 :]) for row in whole]
    broken = [(_broken(name), *rest) for name, *rest in brief]
    for rows in (whole, brief, broken):
        widths = [max(map(_widest, column)) for column in zip(map(Text, TITLES), *rows, strict=True)]
        if sum(widths) + _GAP * (len(widths) - 1) <= width:
            return _table(TITLES, rows)
    if width >= ONE_LINE:
        return _table(TITLES, brief)
    stacked = ((_broken(name), *rest) for name, *rest in whole)
    return _table(("Image\nRole, from", "Torch\nBuild", "Expected", "Verdict", "Size"), map(_stacked, stacked))


def _brief(expected: Text) -> Text:
    """Return what is expected in fewer words: `CUDA >=12.4` for `torch, CUDA build >=12.4`."""
    return Text(expected.plain.removeprefix("torch, ").replace(" build", "", 1), style=expected.style)


def _widest(cell: Text) -> int:
    return max(cell_len(line) for line in cell.plain.split("\n"))


def _stacked(row: tuple[Text, ...]) -> tuple[Text, ...]:
    image, role, source, torch, build, expected, outcome, size = row
    role = Text(", ".join(each.plain for each in (role, source) if each.plain != NOTHING) or NOTHING)
    return (_stack(image, role), _stack(torch, build), expected, outcome, size)


def _stack(upper: Text, *lower: Text) -> Text:
    return Text("\n").join([upper, *(Text(each.plain, style="dim") for each in lower if each.plain != NOTHING)])


def _table(titles: Collection[str], rows: Iterable[Iterable[Text]]) -> Table:
    return headed(titles, rows, [title for title in TITLES if title not in _FOLDED])


def _cells(result: Result) -> tuple[Text, ...]:
    styles = {"Image": "bold", "Verdict": f"bold {STYLES[result.outcome]}"}
    folded = ("Image", "Role", "From")
    return tuple(
        Text(escape(cut(cell)), style=styles.get(title, ""), overflow="fold" if title in folded else None)
        for title, cell in zip(TITLES, cells_of(result), strict=True)
    )


def _broken(name: Text) -> Text:
    """Return a long name in two lines, its last part the second, so that one does not widen the column for all."""
    head, slash, tail = name.plain.rpartition("/")
    if not slash or name.cell_len <= _LONG_NAME:
        return name
    return Text(f"{head}{slash}\n{tail}", style=name.style, overflow="fold")


def _title(result: Result) -> Text:
    role = None if result.role == result.image else result.role
    told = [": ".join(part for part in (role, result.description) if part)]
    if result.facts and result.facts.reference != result.image:
        told.append(f"from {result.facts.reference}")
    return Text.assemble(words(result.image, "bold underline"), *(words(f"  {part}", "dim") for part in told if part))


def _explained(result: Result, found: list[Finding], *, passed: bool) -> Iterator[RenderableType]:
    if not passed and any(finding.outcome == "known" for finding in found):
        yield sentence("known", "known", known_told(found))
        found = [finding for finding in found if finding.outcome != "known"]
    for finding in sorted(found, key=lambda finding: FINDINGS_WORST_FIRST.index(finding.outcome)):
        yield sentence(finding.outcome, finding.check, finding.message, category=finding.category)
        yield indented(labelled(_details(finding, result.facts)), 4)
    if result.error and not found:
        yield sentence("unknown", result.error.kind, result.error.message)
    if run_told(result):
        yield note(run_told(result), "run:")
    if passed and result.facts:
        yield labelled(_how(result.facts, found))
    yield from map(note, notes(result.facts))


def _how(facts: ImageFacts, found: Iterable[Finding]) -> Iterator[tuple[str, Text]]:
    """Yield the build step that brought torch, where no finding tells it, and how long the image took."""
    step = facts.torch.created_by
    if step and all(finding.outcome == "pass" or finding.evidence.created_by != step for finding in found):
        yield "step", words(f"torch came with {readable(step, STEP)}", "dim")
    access = f" by access method {facts.evidence.access}" if facts.evidence.access else ""
    yield "time", words(f"{seconds(facts.evidence.seconds)}{access}", "dim")


def _details(finding: Finding, facts: ImageFacts | None) -> Iterator[tuple[str, Text]]:
    if finding.outcome in EXCUSED:
        yield finding.outcome, words(excuse(finding))
    elif finding.outcome != "pass":
        told = details(finding, layer_told(finding, facts))
        yield from ((label, words(text, "cyan" if label == "advice" else "")) for label, text in told)
