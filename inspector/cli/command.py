"""What every command has: its settings from the policy file, help in groups, `-v`, `--debug`, completion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from inspector.cli.libraries import import_msgspec
from inspector.cli.option import Helped, Option, give_way


class Command(Helped):
    """A command with the options that all have. `follows_file` says that a policy file's `[settings]` count for it."""

    def __init__(self, *arguments: Any, follows_file: bool = True, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._follows_file = follows_file
        own = {each.name for each in self.params}
        added = [each for each in _common(follows_file=follows_file) if each.name not in own]
        self._added = [each.name or "" for each in added]
        self.params += added
        for each in self.params:
            _complete(each)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See `click.Command`; what neither `args` nor the environment give is taken from the policy file."""
        if self._follows_file and not ctx.resilient_parsing:
            given, _, _ = self.make_parser(ctx).parse_args(list(args))
            if not given.get(self.get_help_option(ctx).name or ""):
                from inspector.cli.settings import take_settings  # for the commands that follow a file

                take_settings(ctx, given)
        left = super().parse_args(ctx, args)
        give_way(ctx)
        return left

    def invoke(self, ctx: click.Context) -> Any:
        """See `click.Command`; events are shown meanwhile, if they are asked for."""
        import_msgspec()
        given = {name: ctx.params.pop(name) for name in self._added}
        verbose = int(given.get("verbose", ctx.params.get("verbose")) or 0)
        if not (verbose or given.get("debug") or given.get("log")):
            return super().invoke(ctx)
        from inspector.cli.logs import shown  # brings `logging`

        with shown(verbose, given.get("log"), debug=bool(given.get("debug"))):
            return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See `click.Command`; the options come in groups."""
        from inspector.cli.groups import grouped

        for title, options in grouped(self.get_params(ctx)):
            records = [record for each in options if (record := each.get_help_record(ctx)) is not None]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def _common(*, follows_file: bool) -> list[click.Option]:
    """Make the options that every command has."""
    told = "Write to standard error what is tried and read; -vv also each request."
    common: list[click.Option] = [
        Option(["-v", "--verbose"], count=True, help=told),
        Option(["--debug"], is_flag=True, help="As -vv, with tracebacks of errors."),
        Option(["--log"], type=click.Path(path_type=Path), metavar="FILE", help="Append all events to FILE."),
    ]
    isolated = Option(["--isolated"], is_flag=True, help="Ignore the [settings] of policy files.")
    return [*common, isolated] if follows_file else common


def _complete(parameter: click.Parameter) -> None:
    """Have the values of a parameter completed in a shell, where they are known."""

    def values(ctx: click.Context, incomplete: str) -> Any:
        from inspector.cli.complete import completions

        known = completions(ctx, parameter, incomplete)
        return type(parameter).shell_complete(parameter, ctx, incomplete) if known is None else known

    vars(parameter)["shell_complete"] = values
