"""The verdicts as a person reads them: a row for each image, then what is wrong with those that don't pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from inspector.facts import ImageFacts
from inspector.policy.model import WORST_FIRST, Finding, Outcome, Report, Result
from inspector.policy.steps import readable, shorten
from inspector.report.canvas import STYLES, draw, hanging, indented, labelled, symbol, words
from inspector.report.text import (
    NOTHING,
    SYMBOLS,
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

_GAP = 2
_LONG_NAME = 36
_COLUMNS = 9
"""Columns before that of the build step, which takes what width is left."""
_STEP = 400
"""Characters of a build step shown below a finding."""
_STEP_CELLS = 24
"""The narrowest column that still tells build steps apart."""
_STEP_STACKED = 44
"""Characters of a build step that shares a column."""


def render_check(
    report: Report, *, width: int = 120, color: bool = False, passed: bool = False, only_failed: bool = False
) -> str:
    """Return the summary, the findings of images that do not pass, and the warnings of all; `passed` adds what is well.

    `only_failed` leaves out the images that pass. `width` is in cells; where it is too small for the summary, two
    columns share one.
    """
    results = shown_results(report, only_failed=only_failed)
    return draw(_parts(report, results, width, passed=passed), width=width, color=color)


def _parts(report: Report, results: tuple[Result, ...], width: int, *, passed: bool) -> Iterator[RenderableType]:
    yield _summary(results, width) if results or not report.results else words(all_well(report))
    for result in results:
        found = [finding for finding in result.findings if passed or finding.outcome != "pass"]
        if found or result.error or (notes(result.facts) or run_told(result)):
            yield ""
            yield _title(result)
            yield from (indented(part, 2) for part in _explained(result, found))
    if report.warnings:
        yield ""
        yield from _notes(report.warnings)


def _summary(results: Iterable[Result], width: int) -> Table:
    """Return a line for each image; if that is too wide, long names in two lines; if it still is, two columns in one.

    The build step that brought torch takes what width is left, and is cut there.
    """
    titles: tuple[str, ...] = (
        "Image",
        "Role",
        "From",
        "Torch",
        "Build",
        "Expected",
        "Verdict",
        "Size",
        "Time",
        "Torch's build step",
    )
    whole = [_cells(result) for result in results]
    if all(step.plain == NOTHING for *_, step in whole):
        titles, whole = titles[:-1], [row[:-1] for row in whole]
    broken = [(_broken(name), *rest) for name, *rest in whole]
    for rows in (whole, broken):
        natural = [max(map(_widest, column)) for column in zip(map(Text, titles[:_COLUMNS]), *rows, strict=False)]
        left = width - sum(natural) - _GAP * len(natural)
        if left >= (_STEP_CELLS if len(titles) > len(natural) else -_GAP):
            return _table(titles, ((*row[:_COLUMNS], *(_cut(step, left) for step in row[_COLUMNS:])) for row in rows))
    told = "\n".join(["Expected", *titles[_COLUMNS:]])
    return _table(("Image\nRole, from", "Torch\nBuild", told, "Verdict\n", "Size\nTime"), map(_stacked, broken))


def _cut(step: Text, cells: int) -> Text:
    return Text(shorten(step.plain, cells), style=step.style, overflow="fold")


def _widest(cell: Text) -> int:
    return max(cell_len(line) for line in cell.plain.split("\n"))


def _stacked(row: tuple[Text, ...]) -> tuple[Text, ...]:
    image, role, source, torch, build, expected, outcome, whole, time, *step = row
    role = Text(", ".join(each.plain for each in (role, source) if each.plain != NOTHING) or NOTHING)
    told = _stack(expected, *(_cut(each, _STEP_STACKED) for each in step))
    return (_stack(image, role), _stack(torch, build), told, outcome, _stack(whole, time))


def _stack(upper: Text, *lower: Text) -> Text:
    return Text("\n").join([upper, *(Text(each.plain, style="dim") for each in lower if each.plain != NOTHING)])


def _table(titles: Iterable[str], rows: Iterable[tuple[Text, ...]]) -> Table:
    table = Table(
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, _GAP - 1, 0, 0),
        header_style="bold",
        border_style="dim",
    )
    for title in titles:
        number = title.startswith(("Size", "Time"))
        table.add_column(title, justify="right" if number else "left", overflow="fold", no_wrap=number)
    for row in rows:
        table.add_row(*row)
    return table


def _cells(result: Result) -> tuple[Text, ...]:
    facts = result.facts
    return (
        words(result.image, "bold"),
        words(result.role or NOTHING),
        words(origin(facts)),
        Text(torch_version(facts)),
        Text(torch_build(facts)),
        Text(expected_torch(result)),
        Text(f"{SYMBOLS[result.outcome]} {result.outcome.upper()}", style=f"bold {STYLES[result.outcome]}"),
        Text(size(facts.size.uncompressed) if facts else NOTHING),
        Text(seconds(facts.evidence.seconds) if facts else NOTHING),
        words(readable(facts.torch.created_by, _STEP) or NOTHING if facts else NOTHING),
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


def _explained(result: Result, found: list[Finding]) -> Iterator[RenderableType]:
    for finding in sorted(found, key=lambda finding: WORST_FIRST.index(finding.outcome)):
        yield _sentence(finding.outcome, finding.check, finding.message, finding.category)
        yield indented(labelled(_details(finding, result.facts)), 4)
    if result.error and not found:
        yield _sentence("unknown", result.error.kind, result.error.message, None)
    if run_told(result):
        yield hanging(Text("run:", style="bold dim"), words(run_told(result), "dim"))
    yield from _notes(notes(result.facts))


def _sentence(outcome: Outcome, check: str, message: str, category: str | None) -> Table:
    sentence = Text.assemble(words(check, f"bold {STYLES[outcome]}"), ": ", words(message), overflow="fold")
    if category:
        sentence.append(f"  [{category}]", style="dim")
    return hanging(symbol(outcome), sentence)


def _details(finding: Finding, facts: ImageFacts | None) -> Iterator[tuple[str, Text]]:
    if finding.outcome == "pass":
        return
    at = finding.evidence
    if finding.expected:
        yield "expected", words(finding.expected)
    if finding.actual:
        yield "actual", words(finding.actual)
    if at.path:
        yield "path", words(at.path)
    if at.layer is not None:
        yield "layer", words(layer_name(at.layer, len(facts.layers) if facts else None, at.diff_id, at.bytes))
    if at.created_by:
        yield "step", words(readable(at.created_by, _STEP))
    if finding.advice:
        yield "advice", words(finding.advice, "cyan")


def _notes(warnings: Iterable[str]) -> Iterator[RenderableType]:
    return (hanging(Text("note:", style="bold dim"), words(text, "dim")) for text in warnings)
