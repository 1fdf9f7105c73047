"""`inspector show`: the facts, without a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from inspector.cli.command import Command
from inspector.cli.destinations import Destination, emit_reports, report_options
from inspector.cli.options import import_option, reading, reading_options
from inspector.report.formats import formats

if TYPE_CHECKING:
    from inspector.pipeline import Seen


@click.command("show", cls=Command, short_help="Show what images hold: torch, Python, packages, layers.")
@click.argument("references", nargs=-1, required=True, metavar="REF...")
@report_options("show")
@import_option
@reading_options
def command(references: tuple[str, ...], *, reports: Sequence[Destination], quiet: bool, **given: Any) -> int:
    """Tell what images hold: torch first, then the interpreter, the biggest packages, and the layers.

    \b
      inspector show api.tar
      inspector show --python /opt/conda/bin/python worker.tar
      inspector show --format json images/*.tar | jq '.images[].torch.version'
    """  # noqa: D301 - click's mark before lines that it must not wrap
    from inspector.cli.check import refuse_policies
    from inspector.pipeline import survey  # all that reads images comes with it

    refuse_policies(references, "`inspector check` takes policies")
    with reading(quiet=quiet, guess_registry=True, **given) as (options, progress):
        seen = survey(references, options, progress)
    facts = [each.facts for each in seen if each.facts is not None]
    emit_reports("show", facts, [each for each in reports if facts or formats("show")[each.form].whole])
    return max(complain_of_failures(seen), _complain_of_python(seen, options.python))


def complain_of_failures(seen: Iterable[Seen]) -> int:
    """Complain of every image that could not be read, once for all with the same cause; return the exit code."""
    from inspector.cli.output import complain

    by_cause: dict[str, list[tuple[str, str]]] = {}
    codes = set()
    for each in seen:
        if each.error is not None:
            by_cause.setdefault(_cause(each.name, each.error.message), []).append((each.name, each.error.message))
            codes.add(getattr(each.cause, "exit_code", 3))
    for cause, images in by_cause.items():
        name, message = images[0]
        if len(images) > 1:
            complain(f"{', '.join(name for name, _ in images)}: {cause}")
        else:
            complain(message if name in message else f"{name}: {message}")
    return max(codes, default=0)


def _cause(name: str, message: str) -> str:
    """Return an error's message as it is of any image."""
    return message.removeprefix(f"{name}: ").replace(f"//{name}", "//NAME")


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
