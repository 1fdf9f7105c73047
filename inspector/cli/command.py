"""What every command has: its settings from the environment and the policy file, help in groups, `-v`, `--debug`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

_PREFIX = "INSPECTOR_"
_OLDER = {"insecure-registry": "INSECURE_REGISTRIES"}
"""Variables that had their names before every option had one."""
_BETWEEN = re.compile(r"[\s,]+(?![\s,<>=!~])")
"""What separates the values of a repeatable option: not the comma of `fastapi>=0.100,<1`."""
FILE_KEY = "inspector.settings-file"
"""The key of a context's `meta` under which the file lies that its settings come from."""


class Option(click.Option):
    """An option that the environment gives too, and whose errors name what gave the value."""

    def value_from_envvar(self, ctx: click.Context) -> Any:
        """See `click.Option`; several values are separated by spaces or commas."""
        given = self.resolve_envvar_value(ctx)
        if given is not None and self.multiple:
            return tuple(filter(None, _BETWEEN.split(given.strip(", \t\r\n"))))
        return super().value_from_envvar(ctx)

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """See `click.Option`."""
        source = ctx.get_parameter_source(self.name or "") if ctx is not None else None
        if source is ParameterSource.ENVIRONMENT:
            return str(self.envvar)
        if source is ParameterSource.DEFAULT_MAP and ctx is not None:
            return f"{option_key(self)!r} in the settings of {ctx.meta[FILE_KEY]}"
        return " / ".join(f"'{each}'" for each in self.opts)


class Command(click.Command):
    """A command with the options that all have. `follows_file` says that a policy file's `[settings]` count for it."""

    def __init__(self, *arguments: Any, follows_file: bool = True, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._follows_file = follows_file
        own = {each.name for each in self.params}
        added = [each for each in _common(follows_file=follows_file) if each.name not in own]
        self._added = [each.name or "" for each in added]
        self.params += added
        for each in self.params:
            if isinstance(each, click.Option):
                _take_from_environment(each)
            _complete(each)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See `click.Command`; what neither `args` nor the environment give is taken from the policy file."""
        if self._follows_file and not ctx.resilient_parsing:
            given, _, _ = self.make_parser(ctx).parse_args(list(args))
            asks = self.get_help_option(ctx)
            if asks is None or not given.get(asks.name or ""):
                from inspector.cli.settings import take_settings

                take_settings(ctx, given)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """See `click.Command`; events are shown meanwhile, if they are asked for."""
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


def _common(*, follows_file: bool) -> list[Option]:
    """Make the options that every command has."""
    told = "Tell on standard error what is tried and read; -vv also each request."
    common = [
        Option(["-v", "--verbose"], count=True, help=told),
        Option(["--debug"], is_flag=True, help="As -vv, with tracebacks of errors."),
        Option(["--log"], type=click.Path(path_type=Path), metavar="FILE", help="Append all events to FILE."),
    ]
    isolated = Option(["--isolated"], is_flag=True, help="Ignore the [settings] of policy files.")
    return [*common, isolated] if follows_file else common


def option_key(option: click.Option) -> str:
    """Return the long name of an option without its hyphens; empty for one that has none."""
    return next((each[2:] for each in option.opts if each.startswith("--")), "")


def _take_from_environment(option: click.Option) -> None:
    """Give an option its variable, one for all commands, which `--help` shows; unless click's switch forbids it."""
    if not (key := option_key(option)) or not option.allow_from_autoenv:
        return
    option.envvar = option.envvar or _PREFIX + _OLDER.get(key, key.replace("-", "_").upper())
    option.show_envvar = True
    if type(option) is click.Option:
        option.__class__ = Option  # so that commands declare their options in click's own way


def _complete(parameter: click.Parameter) -> None:
    """Have the values of a parameter completed in a shell, where they are known."""

    def values(ctx: click.Context, incomplete: str) -> Any:
        from inspector.cli.complete import completions

        known = completions(ctx, parameter, incomplete)
        return type(parameter).shell_complete(parameter, ctx, incomplete) if known is None else known

    vars(parameter)["shell_complete"] = values
