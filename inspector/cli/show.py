"""`inspector show`: the facts, without a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector.cli.options import format_option, import_option, output_option, reading, reading_options
from inspector.report.formats import formats

if TYPE_CHECKING:
    from inspector.pipeline import Seen
    from inspector.report.document import ShowError


@click.command("show", short_help="Show what images hold: torch, Python, packages, layers.")
@click.argument("references", nargs=-1, required=True, metavar="REF...")
@format_option("show")
@output_option
@import_option
@reading_options
def command(references: tuple[str, ...], *, form: str, output: Path | None, quiet: bool, **given: Any) -> int:
    """Tell what images hold: torch first, then the interpreter, the biggest packages, and the layers.

    \b
      inspector show api.tar
      inspector show --python /opt/conda/bin/python worker.tar
      inspector show --format json images/*.tar | jq '.images[].torch.version'
    """  # noqa: D301 - click's mark before lines that it must not wrap
    from inspector.cli.output import emit, rendered
    from inspector.pipeline import survey  # all that reads images comes with it

    with reading(output=output, quiet=quiet, guess_registry=True, **given) as (options, progress):
        seen = survey(references, options, progress)
    facts = [each.facts for each in seen if each.facts is not None]
    declared = formats("show")[form]
    if facts or declared.whole or "errors" in declared.renderers["show"].takes:
        emit(rendered("show", facts, form, output, errors=_errors(seen)), output)
    return complain_of_failures(seen)


def _errors(seen: Iterable[Seen]) -> tuple[ShowError, ...]:
    from inspector.report.document import ShowError

    return tuple(
        ShowError(reference=each.name, kind=each.error.kind, message=each.error.message, near=each.error.near)
        for each in seen
        if each.error is not None
    )


def complain_of_failures(seen: Iterable[Seen]) -> int:
    """Complain of the images that could not be read, once where it is the same; return the exit code for that."""
    from inspector.cli.output import complain
    from inspector.report.text import listed

    codes = set()
    by_message: dict[str, list[tuple[str, str]]] = {}
    for each in seen:
        if each.error is not None:
            message = each.error.message.removeprefix(f"{each.name}: ")
            by_message.setdefault(message.replace(each.name, "NAME"), []).append((each.name, message))
            codes.add(getattr(each.cause, "exit_code", 3))
    for shared, failed in by_message.items():
        named = listed([name for name, _ in failed])
        complain(f"{named}: {failed[0][1] if len(failed) == 1 else shared}")
    return max(codes, default=0)
