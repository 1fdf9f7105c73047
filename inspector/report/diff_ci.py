"""The conditions of `diff --fail-on` as CI services read them: findings about the later image."""

from __future__ import annotations

from inspector.policy.match import shown_name
from inspector.policy.model import Report, Result
from inspector.report import github, junit
from inspector.report.conditions import outcome_of
from inspector.report.context import NO_CONTEXT, Context
from inspector.report.difference import Difference


def render_junit(difference: Difference) -> str:
    """Write a suite with a case for each condition; see `junit.render_check`."""
    return junit.render_check(_as_report(difference))


def render_github(difference: Difference, *, context: Context = NO_CONTEXT) -> str:
    """Render an annotation for each condition that is not met."""
    return github.render_check(_as_report(difference), context=context)


def _as_report(difference: Difference) -> Report:
    before, after = (shown_name(side.reference, side.tags) for side in (difference.before, difference.after))
    outcome = outcome_of(difference)
    told = f"what changed since {before}"
    result = Result(image=after, role=None, outcome=outcome, findings=difference.findings, facts=None, description=told)
    return Report(outcome=outcome, results=(result,))
