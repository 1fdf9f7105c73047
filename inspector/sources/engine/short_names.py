"""What a short name stands for in the store of Podman (containers-registries.conf(5), `[aliases]`).

An alias goes first, then an image built here, then the registries that are searched for names without a host.
"""

from __future__ import annotations

import contextlib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inspector.home import home_directory
from inspector.names import canonical, readings, repository_in, states_host

MAX_CONF = 4 << 20
"""Bytes of one file; the list of well-known aliases that distributions ship has 5,000."""
_MACHINE = Path("/etc/containers")


def stands_for(name: str, environment: Mapping[str, str] = os.environ) -> list[str]:
    """List the full names, with their tags, that Podman looks for in its store, in its order."""
    usual = readings(name)
    if states_host(name) or not name:
        return list(usual)
    aliases, registries = _settings(environment)
    repository = repository_in(name)
    alias = aliases.get(repository)
    first = [canonical(alias + name[len(repository) :])] if alias else []
    searched = [canonical(f"{registry}/{name}") for registry in registries]
    return list(dict.fromkeys([*first, *usual[:-1], *searched, *usual[-1:]]))


def _settings(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the aliases, and the registries searched; a later file's go before those of an earlier one."""
    aliases: dict[str, str] = {}
    registries: list[str] = []
    for path in _files(environment):
        said = _read(path)
        found = said.get("aliases")
        texts = found.items() if isinstance(found, dict) else ()
        aliases |= {name: value for name, value in texts if isinstance(value, str)}
        listed = said.get("unqualified-search-registries")
        if isinstance(listed, list):
            registries = [each for each in listed if isinstance(each, str) and each]
    return {name: value for name, value in aliases.items() if value}, registries  # an empty one takes an alias away


def _files(environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield the files in the order in which each adds to those before it; last, aliases that were chosen."""
    home = Path(environment.get("HOME") or home_directory() or "/")
    own = Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "containers"
    named = environment.get("CONTAINERS_REGISTRIES_CONF")
    mains = [path for folder in (own, _MACHINE) if (path := folder / "registries.conf").is_file()]
    yield from [Path(named)] if named else mains[:1]
    for folder in () if named else (_MACHINE / "registries.conf.d", own / "registries.conf.d"):
        with contextlib.suppress(OSError):
            yield from sorted(folder.glob("*.conf"))
    cache = Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / "containers" / "short-name-aliases.conf"
    yield cache if os.geteuid() != 0 else Path("/var/cache/containers/short-name-aliases.conf")


def _read(path: Path) -> dict[str, Any]:
    """Return what a file says; nothing of one that can't be read, for its names then stay what they are."""
    with contextlib.suppress(OSError, ValueError, RecursionError), path.open("rb") as file:
        return tomllib.loads(file.read(MAX_CONF).decode())
    return {}
