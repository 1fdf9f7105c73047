"""`[settings]` of a policy file: which options it may give, and why it may not give the others."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from inspector.cli.option import FILE_KEY, is_policy, option_key
from inspector.cli.root import COMMANDS, cli

ALLOWED = frozenset(
    (
        *("access", "exclude", "fail-on", "format", "image-timeout", "import", "include", "jobs", "max-bytes"),
        *("max-requests", "namespace", "newest", "no-cache", "offline", "only-failed", "platform", "quiet", "semver"),
        *("verbose", "verify"),
    )
)
"""The options that a policy file may give: none of them sends, writes, runs or believes more than without."""
_REASONS = {
    "cache-dir": "a cache that comes with the file could hold other facts than the image",
    "cluster": "tokens of registries are lent to a cluster",
    "cluster-logins": "tokens of registries are lent to a cluster",
    "exit-zero": "failures would go unseen; write it where the command is written",
    "insecure-registry": "passwords would be sent without TLS",
    "log": "it would write to files",
    "output": "it would overwrite files",
    "python": "an image could bring an innocent one beside its own; state it in a role, as python-command",
    "runtime": "it would run images",
    "trust-toc": "state it for one registry: trust-toc = true under [registries.'HOST']",
    "watch": "it would open a port",
    "watch-token-file": "it would open a port",
}
"""A policy file may come with a repository that nobody looked at yet."""
_SECTION = rb"""(?mx)^(?:\xef\xbb\xbf)?[ \t]*(?:
    \[.*inspector                     # [tool.inspector], or a table below it
    |\[[ \t]*["']?tool["']?[ \t]*\]  # [tool], which may have the key
    |["']?tool["']?[ \t]*[.=]         # tool.inspector.images = [], or tool = {}
)"""
"""The lines of a `pyproject.toml` that may begin `[tool.inspector]`; without one, nothing needs to be parsed."""
_MAX_FILE = 1 << 20
_MAX_JOBS = 64
_MAX_SHOWN = 60


def take_settings(context: click.Context, given: Mapping[str, Any]) -> None:
    """Make the settings of the policy file the defaults of a command whose line gives `given`. Raises `PolicyError`.

    That is the file which the line names, else the nearest; none with `--isolated`.
    """
    if given.get("isolated") or click.BOOL.convert(os.environ.get("INSPECTOR_ISOLATED") or "0", None, context):
        return
    path = _named(given) or nearest()
    if path is None or not _mentions(path, rb"settings"):
        return
    from inspector.policy.load import load_settings  # brings all rules

    stated = load_settings(path)
    if stated:
        context.default_map = defaults(stated, context.command, str(path))
        context.meta[FILE_KEY] = path


def defaults(stated: Mapping[str, Any], command: click.Command, origin: str) -> dict[str, Any]:
    """Return by parameter what a table of settings gives a command. Raises `PolicyError`.

    A table in it, named after a command, is for that command alone, and beats the rest.
    """
    tables = {name: value for name, value in stated.items() if name in COMMANDS and isinstance(value, dict)}
    for key in (*(stated.keys() - tables.keys()), *(key for table in tables.values() for key in table)):
        _check(key, origin)
    own = tables.get(command.name or "", {})
    options = {option_key(each): each for each in command.params if isinstance(each, click.Option)}
    merged = {key: value for key, value in {**stated, **own}.items() if key in options}
    return {options[key].name or "": _value(options[key], key, value, origin) for key, value in merged.items()}


def _check(key: str, origin: str) -> None:
    """Refuse what no command knows, and what a file may not give."""
    if key in ALLOWED:
        return
    if key in _REASONS:
        raise _error(origin, key, f"a policy file may not set it: {_REASONS[key]}")
    from inspector.policy.values import did_you_mean

    if key in COMMANDS:
        raise _error(origin, key, f"write the settings of one command as a table [settings.{key}]")
    if key in _all_options():
        variable = f"INSPECTOR_{key.replace('-', '_').upper()}"
        raise _error(origin, key, f"a policy file may not set it; use --{key} or {variable}")
    raise _error(origin, key, f"no option of inspector has this name; {did_you_mean(key, ALLOWED)}")


def _all_options() -> set[str]:
    """Return the long names of all options of all commands."""
    context = click.Context(cli)
    commands = [cli.get_command(context, name) for name in COMMANDS]
    return {option_key(each) for one in commands if one for each in one.params if isinstance(each, click.Option)}


def _value(option: click.Option, key: str, value: Any, origin: str) -> Any:
    """Return a value of TOML as the option takes it; its own type checks the rest."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise _error(origin, key, "true or false")
        return value
    if key == "format" and "=" in str(value):
        raise _error(origin, key, "the name of a format alone: a policy file may not write to files")
    if option.multiple:
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str) for each in values):
            raise _error(origin, key, "a text, or a list of texts")
        return values
    if key == "jobs" and isinstance(value, int) and value > _MAX_JOBS:
        raise _error(origin, key, f"at most {_MAX_JOBS}: each is a thread of the machine that runs this")
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise _error(origin, key, "a text or a number")
    return value if option.count else str(value)


def _error(origin: str, key: str, sentence: str) -> Exception:
    from inspector.errors import PolicyError

    shown = key if len(key) <= _MAX_SHOWN else f"{key[:_MAX_SHOWN]}…"
    return PolicyError(f"{origin}: settings: {shown!a}: {sentence}")


def _named(given: Mapping[str, Any]) -> Path | None:
    """Return the policy that a command line names, be it by option, by variable, or as its first argument."""
    named, arguments = given.get("policy") or os.environ.get("INSPECTOR_POLICY"), given.get("arguments")
    if isinstance(arguments, (tuple, list)) and arguments and is_policy(arguments[0]):
        named = arguments[0]
    return Path(named) if named else None


def nearest() -> Path | None:
    """Find the nearest policy file as `check` does, mostly without parsing one. Raises `PolicyError`."""
    try:
        here = Path.cwd()
    except OSError:  # a folder that is gone
        return None
    for folder in (here, *here.parents):
        if _mentions(folder / "inspector.toml"):
            return folder / "inspector.toml"
        if _mentions(folder / "pyproject.toml", _SECTION):
            from inspector.policy.load import find_policy

            if (found := find_policy(folder)) is not None:
                return found
    return None


def _mentions(path: Path, pattern: bytes = b"") -> bool:
    """Tell whether a file holds what the pattern fits; one that can't be read holds none, and its reader says why."""
    try:
        with path.open("rb") as file:
            return re.search(pattern, file.read(_MAX_FILE)) is not None
    except OSError:
        return False
