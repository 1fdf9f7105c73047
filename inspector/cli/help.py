"""`inspector help`: the help of a command, as `--help` prints it."""

from __future__ import annotations

import click

from inspector.cli.command import Command


@click.command("help", cls=Command, follows_file=False, short_help="Show the help of a command.")
@click.argument("names", nargs=-1, metavar="[COMMAND]...")
@click.pass_context
def command(context: click.Context, names: tuple[str, ...]) -> None:
    """Show the help of a command, as `inspector COMMAND --help` does; without COMMAND, of the program."""
    program = context.find_root()
    assert isinstance(program.command, click.Group)
    program.command.main([*names, "--help"], prog_name=program.info_name, standalone_mode=False)
