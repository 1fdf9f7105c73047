"""Options as all commands have them: one variable for each, whatever the command."""

from __future__ import annotations

import re
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


def option_key(option: click.Option) -> str:
    """Return the long name of an option without its hyphens; empty for one that has none."""
    return next((each[2:] for each in option.opts if each.startswith("--")), "")


def take_from_environment(option: click.Option) -> None:
    """Give an option its variable, one for all commands, which `--help` shows; unless click's switch forbids it."""
    if not (key := option_key(option)) or not option.allow_from_autoenv:
        return
    option.envvar = option.envvar or _PREFIX + _OLDER.get(key, key.replace("-", "_").upper())
    option.show_envvar = True
    if type(option) is click.Option:
        option.__class__ = Option  # so that commands declare their options in click's own way
