"""An audit as a person reads it: failures first, what is wrong told once, and what passes in a line."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from inspector.policy.audited import AuditReport
from inspector.policy.model import EXCUSED
from inspector.policy.steps import readable
from inspector.report.canvas import STYLES, draw, hanging, headed, indented, note, sentence, symbol, words
from inspector.report.overview import Overview, Part, Problem, Row, overview
from inspector.report.text import NOTHING, STEP, SYMBOLS, advice_of, excuse

_TITLES = ("Tags", "Platform", "Role", "Python", "Torch", "Build", "Verdict", "Size")


def render_audit(report: AuditReport, *, width: int = 120, color: bool = False, only_failed: bool = False) -> str:
    """Return it repository by repository; `only_failed` leaves out the images that pass. `width` is in cells."""
    return draw(_parts(overview(report, only_failed=only_failed)), width=width, color=color)


def _parts(told: Overview) -> Iterator[RenderableType]:
    if told.has_results and not (told.parts or told.without_role):
        yield words(told.headline)
    for part in told.parts:
        yield Text.assemble(words(part.repository, "bold underline"), f"  {part.totals}")
        if part.rows:
            yield _table(part)
        yield from (indented(_problem(each), 2) for each in part.problems)
        yield from (indented(hanging(symbol("pass"), words(each)), 2) for each in part.passed)
        if part.claimed:
            yield indented(note(part.claimed), 2)
        yield ""
    if told.without_role:
        yield hanging(symbol("unknown"), Text("\n").join([words(told.without_role), words(told.advice, "cyan")]))
        yield ""
    if told.left:
        yield note(told.left)


def _table(part: Part) -> Table:
    rows = part.rows
    left_out = {"Platform"} if len({row.platform for row in rows} - {""}) < 2 else set()
    left_out |= set() if part.is_judged else {"Role"}
    left_out |= set() if any(row.outcome for row in rows) else {"Verdict"}
    kept = [at for at, title in enumerate(_TITLES) if title not in left_out]
    cells = map(_cells, rows)
    return headed([_TITLES[at] for at in kept], ([row[at] for at in kept] for row in cells), ("Size", "Verdict"))


def _cells(row: Row) -> tuple[Text, ...]:
    style = f"bold {STYLES[row.outcome]}" if row.outcome else ""
    verdict = f"{SYMBOLS[row.outcome]} {row.outcome.upper()}" if row.outcome else NOTHING
    before = (row.tags, row.platform or NOTHING, row.role, row.python, row.version, row.build)
    return (*map(words, before), words(verdict, style), words(row.size))


def _problem(problem: Problem) -> Table:
    finding = problem.finding
    below = [words(f"{problem.images}: {problem.named}", "dim")]
    if finding.outcome in EXCUSED:
        below.append(words(f"{finding.outcome}: {excuse(finding)}"))
    else:
        step = finding.evidence.created_by
        below += [words(f"step: {readable(step, STEP)}", "dim")] if step else []
        below += [words(advice_of(finding), "cyan")] if finding.advice else []
    return sentence(finding.outcome, finding.check, finding.message, *below, category=finding.category)
