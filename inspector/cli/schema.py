"""`inspector schema`: what the JSON documents look like."""

from __future__ import annotations

from pathlib import Path

import click

from inspector.cli.command import Command
from inspector.cli.destinations import output_option


@click.command("schema", cls=Command, follows_file=False, short_help="Print the JSON Schema of the JSON documents.")
@output_option
def command(output: Path | None) -> None:
    """Print the JSON Schema (draft 2020-12) of what `--format json` prints, whichever the command.

    \b
      inspector schema -o inspector.schema.json
    """  # noqa: D301 - click's mark before lines that it must not wrap
    from inspector.cli.output import emit
    from inspector.report.schema import render_schema  # brings msgspec and all the facts

    emit(render_schema(), output)
