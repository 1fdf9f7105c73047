"""Options as all commands have them: one variable for each, whatever the command."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

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


class _Told(click.Option):
    """What options of all classes do: the environment gives them too, and their errors name what gave the value."""

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


def take_from_environment(option: click.Option) -> None:
    """Give an option its variable, one for all commands, which `--help` shows."""
    key = option_key(option)
    if not key or (key == "format" and not option.multiple):  # of what is no report, and has formats of its own
        return
    option.envvar = option.envvar or _PREFIX + _OLDER.get(key, key.replace("-", "_").upper())
    option.show_envvar = True
    if not isinstance(option, _Told):
        option.__class__ = _told(type(option))  # so that commands declare their options in click's own way


@cache
def _told(kind: type[click.Option]) -> type[click.Option]:
    return type(kind.__name__, (_Told, kind), {})


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
