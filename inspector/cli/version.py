"""`inspector version`: what `--version` prints."""

from __future__ import annotations

import click

from inspector.cli.command import Command


@click.command("version", cls=Command, follows_file=False, short_help="Show the version.")
@click.pass_context
def command(context: click.Context) -> None:
    """Show the version, as `inspector --version` does."""
    program = context.find_root()
    program.command.main(["--version"], prog_name=program.info_name, standalone_mode=False)
