"""`inspector diff`: what changed between two images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from inspector.cli.command import Command
from inspector.cli.destinations import Destination, emit_reports, report_options
from inspector.cli.option import option
from inspector.cli.options import config_option, reading, reading_options

if TYPE_CHECKING:
    from inspector.report.conditions import Condition

_OUTCOMES = ("warn", "unknown")
"""What `--fail-on` takes in other commands, for which one variable or setting may be; a difference has no `warn`."""


def _conditions(
    context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> tuple[list[Condition], list[str]]:
    """Part the conditions from the outcomes."""
    if not value:
        return [], []
    from inspector.report.conditions import parse_condition  # most runs have none

    try:
        conditions = [parse_condition(each) for each in value if each not in _OUTCOMES]
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None
    return conditions, [each for each in value if each in _OUTCOMES]


@click.command("diff", cls=Command, short_help="Show what changed from one image to another.")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@report_options("diff")
@option(
    "--fail-on",
    multiple=True,
    metavar="CONDITION",
    callback=_conditions,
    help="Exit with 1 on growth (of more than 1 %, else growth=5% or growth=100MB), another build or python, packages "
    "added, removed or in another version, or any difference; may be repeated. With unknown, on what can't be told.",
)
@config_option
@reading_options
def command(
    before: str,
    after: str,
    *,
    reports: Sequence[Destination],
    fail_on: tuple[Sequence[Condition], Sequence[str]],
    quiet: bool,
    **given: Any,
) -> int:
    """Show what changed from A to B: torch, the interpreter, packages with their sizes, layers.

    A difference is not a failure, unless --fail-on says so: the exit code is 0 whenever both images could be read.

    \b
      inspector diff api-1.4.tar api-1.5.tar
      inspector diff images.tar:api:1.4 images.tar:api:1.5
      inspector diff --fail-on growth=5% --fail-on build api-1.4.tar api-1.5.tar
    """  # noqa: D301 - click's mark before lines that it must not wrap
    from inspector.cli.show import complain_of_failures
    from inspector.errors import UsageError
    from inspector.pipeline import survey  # all that reads images comes with it
    from inspector.policy.model import exit_code
    from inspector.report.conditions import judged, outcome_of
    from inspector.report.difference import difference

    with reading(quiet=quiet, **given) as (options, progress):
        seen = survey([before, after], options, progress)
    code = complain_of_failures(seen)
    if code:
        return code
    facts = [each.facts for each in seen if each.facts is not None]
    if len(facts) != 2:
        raise UsageError(f"two images are compared, but {len(facts)} were named; name one of each archive")
    conditions, outcomes = fail_on
    found = judged(difference(*facts), conditions)
    emit_reports("diff", found, reports)
    return exit_code(outcome_of(found), fail_on=outcomes)
