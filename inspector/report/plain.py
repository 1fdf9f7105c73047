"""The summary as plain text where there is nothing else to say and nothing to fit in, without the library of tables."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.escape import cut, escape
from inspector.policy.model import Report, Result
from inspector.report.text import TITLES, cells_of, excused_told, notes, run_told, shown_results

_GAP = "  "
_RIGHT = "Size"
_MARKS = str.maketrans("", "", "✔▲✘…")
"""Characters beside those of ASCII that take one cell."""


def render_check(
    report: Report, *, width: int = 120, color: bool = False, passed: bool = False, only_failed: bool = False
) -> str:
    """Return what `inspector.report.table.render_check` does; what that alone can draw is left to it."""
    results = shown_results(report, only_failed=only_failed)
    if (
        not color
        and results
        and not report.warnings
        and not any(_is_explained(each, passed=passed) for each in results)
        and not excused_told(finding for result in report.results for finding in result.findings)
    ):
        text = _table([tuple(escape(cut(cell)) for cell in cells_of(each)) for each in results], width)
        if text is not None:
            return text
    from inspector.report import table

    return table.render_check(report, width=width, color=color, passed=passed, only_failed=only_failed)


def _is_explained(result: Result, *, passed: bool) -> bool:
    """Tell whether more is to be said of a result than its line in the summary."""
    told = passed or result.error is not None or any(finding.outcome != "pass" for finding in result.findings)
    return told or bool(notes(result.facts) or run_told(result))


def _table(rows: Sequence[tuple[str, ...]], width: int) -> str | None:
    """Return the rows below the titles; None where they are too wide, or hold characters of another width."""
    lines = [TITLES, *rows]
    if not all(cell.translate(_MARKS).isascii() and cell.isprintable() for row in rows for cell in row):
        return None
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    whole = sum(widths) + len(_GAP) * (len(widths) - 1)
    if whole > width:
        return None
    drawn = [_line(row, widths) for row in lines]
    drawn.insert(1, "─" * whole)
    return "".join(f"{line}\n" for line in drawn)


def _line(row: tuple[str, ...], widths: Sequence[int]) -> str:
    cells = zip(row, widths, TITLES, strict=True)
    return _GAP.join(cell.rjust(of) if title == _RIGHT else cell.ljust(of) for cell, of, title in cells).rstrip()
