"""An audit as a person reads it: failures first, what is wrong told once, and what passes in a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from inspector.policy.advice import ADVICE
from inspector.policy.audited import Audited, AuditReport
from inspector.policy.model import EXCUSED, FINDINGS_WORST_FIRST, Finding
from inspector.policy.steps import readable
from inspector.report.audit import (
    claimed_told,
    left_of,
    left_told,
    named,
    outcome_of,
    parts_of,
    passed_told,
    span_told,
    torch_told,
    without_role_told,
)
from inspector.report.canvas import STYLES, draw, hanging, indented, symbol, words
from inspector.report.text import CATEGORIES, NOTHING, SYMBOLS, advice_of, count, excuse, headline, size

_STEP = 400
"""Characters of a build step shown below a finding."""


def render_audit(report: AuditReport, *, width: int = 120, color: bool = False, only_failed: bool = False) -> str:
    """Repository by repository; `only_failed` leaves out the images that pass. `width` is in cells."""
    return draw(_parts(report, only_failed=only_failed), width=width, color=color)


def problems(results: Iterable[Audited]) -> list[tuple[Finding, list[Audited]]]:
    """Return everything that is not well, worst first, with the images of which it is said in the same words."""
    found: dict[tuple[str, str, str], tuple[Finding, list[Audited]]] = {}
    for each in results:
        for finding in _told_of(each):
            key = (finding.outcome, finding.check, finding.message)
            found.setdefault(key, (finding, []))[1].append(each)
    return sorted(found.values(), key=lambda pair: FINDINGS_WORST_FIRST.index(pair[0].outcome))


def _told_of(audited: Audited) -> Iterator[Finding]:
    yield from (finding for finding in audited.findings if finding.outcome != "pass")
    if audited.error is not None and not audited.findings:
        yield Finding(check=audited.error.kind, outcome="unknown", message=audited.error.message)


def _parts(report: AuditReport, *, only_failed: bool) -> Iterator[RenderableType]:
    parts, without_role = parts_of(report, only_failed=only_failed)
    if report.results and not (parts or without_role):
        yield words(headline([outcome_of(each) for each in report.results]))
    for part in parts:
        yield Text.assemble(words(part.repository, "bold underline"), f"  {part.totals}")
        if part.rows:
            yield _table(part.rows)
        for finding, images in problems(part.results):
            yield indented(_problem(finding, images), 2)
        for group in part.passed:
            yield indented(hanging(symbol("pass"), words(passed_told(group))), 2)
        if claimed := claimed_told(part.results):
            yield indented(hanging(Text("note:", style="bold dim"), words(claimed, "dim")), 2)
        yield ""
    if without_role:
        advice = words(ADVICE["no-role"].text, "cyan")
        told = Text("\n").join([words(without_role_told(without_role)), advice])
        yield hanging(symbol("unknown"), told)
        yield ""
    if (left := left_of(report)).why:
        yield hanging(Text("note:", style="bold dim"), words(left_told(left), "dim"))


def _table(rows: Sequence[Sequence[Audited]]) -> Table:
    titles = ["Tags", "Platform", "Role", "Python", "Torch", "Build", "Verdict", "Size"]
    cells = [_cells(row) for row in rows]
    results = [each for row in rows for each in row]
    platforms = {str(each.platform) for each in results if each.platform}
    left_out = {"Platform"} if len(platforms) < 2 else set()
    judged = any(each.outcome is not None for each in results)
    left_out |= set() if judged else {"Role"}
    left_out |= set() if judged or any(each.error for each in results) else {"Verdict"}
    kept = [at for at, title in enumerate(titles) if title not in left_out]
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for at in kept:
        justify = "right" if titles[at] == "Size" else "left"
        table.add_column(titles[at], justify=justify, overflow="fold", no_wrap=titles[at] in ("Size", "Verdict"))  # type: ignore[arg-type]  # one of rich's words
    for row in cells:
        table.add_row(*(row[at] for at in kept))
    return table


def _cells(alike: Sequence[Audited]) -> tuple[Text, ...]:
    first = alike[0]
    version, build = torch_told(first.torch)
    outcome = outcome_of(first)
    verdict = Text(NOTHING)
    if outcome is not None:
        verdict = Text(f"{SYMBOLS[outcome]} {outcome.upper()}", style=f"bold {STYLES[outcome]}")
    many = f"{count(len(alike), 'image')}: " if len(alike) > 1 else ""
    largest = max((each.size.uncompressed or 0 for each in alike if each.size), default=None)
    return (
        words(f"{many}{span_told(alike)}"),
        words(str(first.platform or NOTHING)),
        words(first.role or NOTHING),
        words(first.python or NOTHING),
        words(version),
        words(build),
        verdict,
        Text(NOTHING if largest is None else size(largest)),
    )


def _problem(finding: Finding, images: Sequence[Audited]) -> Table:
    sentence = Text.assemble(
        words(finding.check, f"bold {STYLES[finding.outcome]}"), ": ", words(finding.message), overflow="fold"
    )
    if finding.category:
        sentence.append(f"  [{CATEGORIES[finding.category]}]", style="dim")
    sentence.append("\n")
    sentence.append_text(words(f"{count(len(images), 'image')}: {named(images)}", "dim"))
    if finding.outcome in EXCUSED:
        sentence.append("\n")
        sentence.append_text(words(f"{finding.outcome}: {excuse(finding)}"))
        return hanging(symbol(finding.outcome), sentence)
    if finding.evidence.created_by:
        sentence.append("\n")
        sentence.append_text(words(f"step: {readable(finding.evidence.created_by, _STEP)}", "dim"))
    if finding.advice:
        sentence.append("\n")
        sentence.append_text(words(advice_of(finding), "cyan"))
    return hanging(symbol(finding.outcome), sentence)
