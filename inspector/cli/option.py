"""Options as all commands have them: one variable for each, whatever the command."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

Decorator = Callable[[Any], Any]
CATEGORY = "inspector.sarif-category"
"""Where a command's context keeps what `--sarif-category` says."""

_PREFIX = "INSPECTOR_"
_OLDER = {"insecure-registry": "INSECURE_REGISTRIES"}
"""Variables that had their names before every option had one."""
_BETWEEN = r"[\s,]+(?![\s,<>=!~])"
"""What separates the values of a repeatable option: not the comma of `fastapi>=0.100,<1`."""
_ROLE = ("torch", "cuda", "max_size", "require", "forbid")
_EXCLUSIVE: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("policy",), (*_ROLE, "no_policy", "arguments")),
    (("no_policy",), ("policy",)),
    (_ROLE, ("policy", "role", "arguments")),
    (("role",), _ROLE),
)
"""Parameters, and those that can't be given together with them."""
_POLICY_SUFFIXES = (".toml", ".json")
FILE_KEY = "inspector.settings-file"
"""The key of a context's `meta` under which the file lies that its settings come from."""


class Plain(click.Option):
    """An option whose help is taken as it is written: click folds it by `inspect`, which takes 5 ms to import."""

    def __init__(self, *arguments: Any, help: str | None = None, **more: Any) -> None:  # noqa: A002 - click's own word
        super().__init__(*arguments, **more)
        self.help = help


class Option(Plain):
    """An option that the environment gives too, by one variable for all commands; errors name what gave its value."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        key = option_key(self)
        if key and (key != "format" or self.multiple):  # what prints no report has formats of its own
            self.envvar = self.envvar or _PREFIX + _OLDER.get(key, key.replace("-", "_").upper())
            self.show_envvar = True

    def value_from_envvar(self, ctx: click.Context) -> Any:
        """See `click.Option`; several values are separated by spaces or commas."""
        given = self.resolve_envvar_value(ctx)
        if given is not None and self.multiple:
            return tuple(filter(None, re.split(_BETWEEN, given.strip(", \t\r\n"))))
        return super().value_from_envvar(ctx)

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """See `click.Option`."""
        source = ctx.get_parameter_source(self.name or "") if ctx is not None else None
        if source is ParameterSource.ENVIRONMENT:
            return str(self.envvar)
        if source is ParameterSource.DEFAULT_MAP and ctx is not None:
            return f"{option_key(self)!r} in the settings of {ctx.meta[FILE_KEY]}"
        return " / ".join(f"'{each}'" for each in self.opts)


def option_key(option: click.Option) -> str:
    """Return the long name of an option without its hyphens; empty for one that has none."""
    return next((each[2:] for each in option.opts if each.startswith("--")), "")


def option(*names: str, **more: Any) -> Decorator:
    """Add an `Option` to a command, as `click.option` does."""
    return click.option(*names, cls=Option, **more)


def together(*options: Decorator) -> Decorator:
    """Make one decorator of several, whose options come in that order in the help."""

    def add(command: Any) -> Any:
        for each in reversed(options):
            command = each(command)
        return command

    return add


class Helped(click.Command):
    """A command whose `-h` and `--help` need no `inspect` either."""

    _helping: click.Option | None = None

    def get_help_option(self, ctx: click.Context) -> click.Option:  # noqa: ARG002 - click's signature
        """See `click.Command`."""
        if self._helping is None:
            self._helping = Plain(
                ["-h", "--help", "_help"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_show_help,
                help="Show this message and exit.",
            )
        return self._helping


def _show_help(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:  # noqa: FBT001 - click's
    if asked and not context.resilient_parsing:
        click.echo(context.get_help(), color=context.color)
        context.exit()


def give_way(context: click.Context) -> None:
    """Forget what the environment gives where the command line gives what excludes it, which beats the environment."""
    line = {name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    if not any(map(is_policy, (context.params.get("arguments") or ())[:1])):
        line.discard("arguments")
    for parameter in context.command.params:
        name = parameter.name or ""
        others = {other for names, excluded in _EXCLUSIVE if name in names for other in excluded}
        if context.get_parameter_source(name) is ParameterSource.ENVIRONMENT and line & others:
            flag = isinstance(parameter, click.Option) and parameter.is_flag
            context.params[name] = () if parameter.multiple else False if flag else None


def is_policy(argument: str) -> bool:
    """Tell a policy by its ending, also one that doesn't exist: a typing error must not pass for an image."""
    path = Path(argument)
    if path.suffix.lower() not in _POLICY_SUFFIXES:
        return False
    try:
        return path.is_file() or not (":" in argument or path.exists())
    except OSError:  # longer than a name may be
        return False
