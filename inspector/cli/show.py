"""`inspector show`: the facts, without a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from inspector.cli.command import Command
from inspector.cli.destinations import Destination, emit_reports, loading, report_options, want_sizes
from inspector.cli.option import option
from inspector.cli.options import config_option, import_option, reading, reading_options
from inspector.report.formats import formats

if TYPE_CHECKING:
    from inspector.pipeline import Seen
    from inspector.report.document import ShowError


@click.command("show", cls=Command, short_help="Show what images hold: torch, Python, packages, layers.")
@click.argument("references", nargs=-1, required=True, metavar="REF...")
@report_options("show")
@import_option
@option("--waste", is_flag=True, help="Show which bytes need not be there: deleted later, caches, tests, bytecode.")
@config_option
@reading_options
def command(
    references: tuple[str, ...], *, reports: Sequence[Destination], waste: bool, quiet: bool, **given: Any
) -> int:
    """Show what images hold: torch first, then the interpreter, the biggest packages, and the layers.

    \b
      inspector show api.tar
      inspector show --python /opt/conda/bin/python worker.tar
      inspector show --waste worker.tar
      inspector show --format json images/*.tar | jq '.images[].torch.version'
    """  # noqa: D301 - click's mark before lines that it must not wrap
    from inspector.cli.check import refuse_policies
    from inspector.pipeline import survey  # all that reads images comes with it

    refuse_policies(references, "`inspector check` takes policies")
    sizes = waste or want_sizes("show", reports)
    given |= {"sizes": sizes, "meanwhile": loading("show", reports)}
    with reading(quiet=quiet, guess_registry=True, **given) as (options, progress):
        seen = survey(references, options, progress)
    facts = [each.facts for each in seen if each.facts is not None]
    declared = formats("show")
    useful = [
        each
        for each in reports
        if facts or declared[each.form].whole or "errors" in declared[each.form].renderers["show"].takes
    ]
    emit_reports("show", facts, useful, errors=errors_of(seen))
    return max(complain_of_failures(seen), _complain_of_python(seen, options.python))


def errors_of(seen: Iterable[Seen]) -> tuple[ShowError, ...]:
    """Return why images could not be read, as documents tell it."""
    from inspector.report.document import ShowError

    return tuple(
        ShowError(reference=each.name, kind=each.error.kind, message=each.error.message, near=each.error.near)
        for each in seen
        if each.error is not None
    )


def complain_of_failures(seen: Iterable[Seen]) -> int:
    """Complain of the images that could not be read, once where it is the same; return the exit code for that."""
    from inspector.cli.output import complain
    from inspector.words import first_few

    codes = set()
    by_message: dict[str, list[tuple[str, str]]] = {}
    for each in seen:
        if each.error is not None:
            message = each.error.message.removeprefix(f"{each.name}: ")
            by_message.setdefault(message.replace(each.name, "NAME"), []).append((each.name, message))
            codes.add(getattr(each.cause, "exit_code", 3))
    for shared, failed in by_message.items():
        named = first_few([name for name, _ in failed])
        complain(f"{named}: {failed[0][1] if len(failed) == 1 else shared}")
    return max(codes, default=0)


def _complain_of_python(seen: Iterable[Seen], command: str | None) -> int:
    """Complain of every image without the interpreter that was asked for: what it would import nobody can tell."""
    from inspector.cli.output import complain
    from inspector.unknown import Absent

    code = 0
    for each in seen if command is not None else ():
        if each.facts is not None and isinstance(each.facts.interpreter, Absent):
            complain(f"{each.name}: --python {command}: {each.facts.interpreter.unknown}")
            code = 3
    return code
