"""What `inspector doctor` looks at of settings: variables, and `[settings]` of the nearest policy file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from inspector.cli.option import FILE_KEY
from inspector.cli.settings import defaults, nearest
from inspector.errors import InspectorError
from inspector.policy.load import load_settings
from inspector.policy.values import did_you_mean
from inspector.report.doctor import Probed
from inspector.work.budget import stated_bounds

PREFIX = "INSPECTOR_"
OTHERS = frozenset(
    f"{PREFIX}{name}"
    for name in (
        *("CACHE_SIZE", "LIMITS", "WATCH_TOKEN", "INSECURE_REGISTRIES"),
        *("REGISTRY_USER", "REGISTRY_PASSWORD", "REGISTRY_TOKEN", "REGISTRY_HOST"),
    )
)
"""Variables that stand for no option."""


def probe_settings(environment: Mapping[str, str]) -> Iterator[Probed]:
    """Look at every variable that begins as ours do, and at the nearest policy file's settings."""
    commands = list(all_commands())
    yield from _variables(commands, environment)
    yield _file(commands)


def all_commands() -> Iterator[click.Command]:
    """Yield every command, those of groups too."""
    from inspector.cli.root import cli

    todo: list[click.Command] = [cli]
    while todo:
        one = todo.pop()
        if isinstance(one, click.Group):
            context = click.Context(one)
            todo += [each for name in one.list_commands(context) if (each := one.get_command(context, name))]
        else:
            yield one


def _variables(commands: Iterable[click.Command], environment: Mapping[str, str]) -> Iterator[Probed]:
    options = [(one, each) for one in commands for each in one.params if isinstance(each, click.Option)]
    known = {str(option.envvar) for _, option in options} | OTHERS
    given = sorted(name for name in environment if name.startswith(PREFIX))
    for name in given:
        if name not in known:
            message = f"{name}: no option has this variable; {did_you_mean(name, known)}"
            yield Probed(topic="environment", state="warn", message=message, advice="Correct or unset it")
    for name in (each for each in given if each in known and environment[each]):
        wrong = _wrong([(one, option) for one, option in options if option.envvar == name])
        if wrong:
            yield Probed(topic="environment", state="fail", message=wrong, advice=f"Correct or unset {name}")
    try:
        stated_bounds(environment)
    except InspectorError as error:
        yield Probed(topic="environment", state="fail", message=str(error), advice="Correct the variable")
    taken = ", ".join(name for name in given if name in known)
    if taken:
        yield Probed(topic="environment", state="ok", message=f"set: {taken}")


def _wrong(options: Iterable[tuple[click.Command, click.Option]]) -> str:
    """Say what is wrong with the value of a variable for the options that take it; empty where nothing is."""
    for command, option in options:
        context = click.Context(command, info_name=command.name)
        try:
            option.handle_parse_result(context, {}, [])
        except click.ClickException as error:
            return f"{command.name}: {error.format_message()}"
    return ""


def _file(commands: Iterable[click.Command]) -> Probed:
    """Check the settings of the nearest policy file for every command."""
    try:
        path = nearest()
        stated = load_settings(path) if path is not None else {}
        if path is None or not stated:
            where = "no policy file here or above" if path is None else f"{path}: no [settings]"
            return Probed(topic="settings", state="ok", message=where)
        for one in commands:
            _apply(one, stated, path)
    except InspectorError as error:
        return Probed(topic="settings", state="fail", message=str(error), advice="Correct the file")
    except click.ClickException as error:
        return Probed(topic="settings", state="fail", message=error.format_message(), advice="Correct the file")
    return Probed(topic="settings", state="ok", message=f"{path}: {', '.join(stated)}")


def _apply(command: click.Command, stated: Mapping[str, Any], path: Path) -> None:
    """Give a command its settings as a run would. Raises `PolicyError`, `BadParameter`."""
    context = click.Context(command, info_name=command.name)
    context.default_map = defaults(stated, command, str(path))
    context.meta[FILE_KEY] = path
    for each in command.params:
        if each.name in context.default_map:
            context.set_parameter_source(each.name, ParameterSource.DEFAULT_MAP)  # so that errors name the file
            each.process_value(context, context.default_map[each.name])
