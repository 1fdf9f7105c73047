"""`inspector show`: the facts, without a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector.cli.options import format_option, output_option, reading, reading_options

if TYPE_CHECKING:
    from inspector.audit import Seen
    from inspector.facts import ImageFacts


@click.command("show", short_help="Tell what images hold: torch, Python, packages, layers.")
@click.argument("references", nargs=-1, required=True, metavar="REF...")
@format_option("table", "json")
@output_option
@reading_options
def command(references: tuple[str, ...], *, form: str, output: Path | None, quiet: bool, **given: Any) -> int:
    """Tell what images hold: torch first, then the interpreter, the biggest packages, and the layers.

    \b
      inspector show api.tar
      inspector show --python /opt/conda/bin/python worker.tar
      inspector show --format json images/*.tar | jq '.images[].torch.version'
    """  # noqa: D301 - click's mark before lines that it must not wrap
    from inspector.audit import survey  # noqa: PLC0415 - all that reads images comes with it
    from inspector.cli.output import emit, ensure_writable  # noqa: PLC0415 - only where needed
    from inspector.cli.progress import display  # noqa: PLC0415 - as above
    from inspector.reference import parse_reference  # noqa: PLC0415 - as above

    ensure_writable(output)
    asked = [parse_reference(reference) for reference in references]
    with reading(quiet=quiet, **given) as options, display(quiet=quiet) as progress:
        seen = survey(asked, options, progress)
    facts = [each.facts for each in seen if each.facts is not None]
    if facts or form == "json":
        emit(_rendered(facts, form, output), output)
    return complain_of_failures(seen)


def _rendered(facts: Iterable[ImageFacts], form: str, output: Path | None) -> str:
    if form == "json":
        from inspector.report.document import render_show  # noqa: PLC0415 - one format, one import

        return render_show(facts)
    from inspector.cli.output import table_color, table_width  # noqa: PLC0415 - as above
    from inspector.report.show import render_show as render_table  # noqa: PLC0415 - as above

    return render_table(facts, width=table_width(output), color=table_color(output))


def complain_of_failures(seen: Iterable[Seen]) -> int:
    """Complain of every image that could not be read; the exit code that this comes to."""
    from inspector.cli.output import complain  # noqa: PLC0415 - only where needed

    codes = set()
    for each in seen:
        if each.error is not None:
            named = each.name in each.error.message
            complain(each.error.message if named else f"{each.name}: {each.error.message}")
            codes.add(getattr(each.cause, "exit_code", 3))
    return max(codes, default=0)
