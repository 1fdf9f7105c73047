"""`inspector schema`: what the JSON documents and the policy file look like."""

from __future__ import annotations

from pathlib import Path

import click

from inspector.cli.command import Command
from inspector.cli.destinations import output_option
from inspector.cli.option import option


@click.command(
    "schema",
    cls=Command,
    follows_file=False,
    short_help="Print the JSON Schema of the JSON documents, or of the policy file.",
)
@click.argument("what", type=click.Choice(("documents", "policy")), default="documents", metavar="[policy]")
@option(
    "--format",
    "form",
    type=click.Choice(("json", "markdown")),
    default="json",
    show_default=True,
    help="markdown: the reference of the policy's keys as a page.",
)
@output_option
def command(what: str, form: str, output: Path | None) -> None:
    """Print the JSON Schema (draft 2020-12) of what `--format json` prints, whichever the command.

    With `policy`, that of the policy file: editors complete one that begins with the line
    `#:schema ./inspector.schema.json`.

    \b
      inspector schema -o inspector.output.schema.json
      inspector schema policy -o inspector.schema.json
    """  # noqa: D301 - click's mark before lines that it must not wrap
    from inspector.cli.output import emit

    emit(_rendered(what, form), output)


def _rendered(what: str, form: str) -> str:
    if what == "documents":
        if form != "json":
            raise click.UsageError("only the policy has a page: inspector schema policy --format markdown")
        from inspector.report.schema import render_schema  # brings msgspec and all the facts

        return render_schema()
    if form == "markdown":
        from inspector.policy.reference import render_reference

        return render_reference()
    from inspector.policy.schema import render_schema as render_policy

    return render_policy()
