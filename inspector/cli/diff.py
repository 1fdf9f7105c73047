"""`inspector diff`: what changed between two images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from inspector.cli.command import Command
from inspector.cli.destinations import Destination, emit_reports, report_options
from inspector.cli.options import reading, reading_options


@click.command("diff", cls=Command, short_help="Show what changed from one image to another.")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@report_options("diff")
@reading_options
def command(before: str, after: str, *, reports: Sequence[Destination], quiet: bool, **given: Any) -> int:
    """Tell what changed from A to B: torch, the interpreter, packages with their sizes, layers.

    A difference is no failure: the exit code is 0 whenever both images could be read.

    \b
      inspector diff api-1.4.tar api-1.5.tar
      inspector diff images.tar:api:1.4 images.tar:api:1.5
    """  # noqa: D301 - click's mark before lines that it must not wrap
    from inspector.cli.show import complain_of_failures
    from inspector.errors import UsageError
    from inspector.pipeline import survey  # all that reads images comes with it
    from inspector.report.difference import difference

    with reading(quiet=quiet, **given) as (options, progress):
        seen = survey([before, after], options, progress)
    code = complain_of_failures(seen)
    if code:
        return code
    facts = [each.facts for each in seen if each.facts is not None]
    if len(facts) != 2:
        raise UsageError(f"two images are compared, but {len(facts)} were named; name one of each archive")
    emit_reports("diff", difference(*facts), reports)
    return 0
