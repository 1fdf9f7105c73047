"""What Podman and Buildah are set up to do: where they keep images, and what a short name stands for in their store.

containers-storage.conf(5), and containers-registries.conf(5), `[aliases]`: an alias goes first, then an image built
here, then the registries that are searched for names without a host.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inspector.home import home_directory
from inspector.names import canonical, readings, repository_in, states_host
from inspector.sources.engine.disk import read_toml

MAX_REGISTRIES = 4 << 20
"""Bytes of one file of names; the list of well-known aliases that distributions ship has 5,000."""

_STORAGE = (Path("/etc/containers/storage.conf"), Path("/usr/share/containers/storage.conf"))
_MACHINE = Path("/etc/containers")


def roots(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """List the store's root, there or not, and after it the further stores that the configuration names."""
    rootless = os.geteuid() != 0 or environment.get("_CONTAINERS_USERNS_CONFIGURED", "") != ""
    data_home = Path(environment.get("XDG_DATA_HOME") or _home(environment) / ".local" / "share")
    root = data_home / "containers" / "storage" if rootless else Path("/var/lib/containers/storage")
    further: list[Path] = []
    for path in _storage_files(environment, rootless=rootless):
        said = read_toml(path)
        if said is not None:
            conf = _table(said.get("storage"))
            key = "rootless_storage_path" if rootless and path in _STORAGE else "graphroot"
            root = _path(conf.get(key), environment) or root
            listed = _table(conf.get("options")).get("additionalimagestores")
            further = [store for text in _texts(listed) if (store := _path(text, environment))]
            break
    return [root, *further]


def _storage_files(environment: Mapping[str, str], *, rootless: bool) -> list[Path]:
    """List the files that may configure the store; the first that is there counts."""
    named = environment.get("CONTAINERS_STORAGE_CONF")
    own = [_config_home(environment) / "storage.conf"] if rootless else []
    return [Path(named)] if named else [*own, *_STORAGE]


def _path(text: Any, environment: Mapping[str, str]) -> Path | None:
    """Return an absolute path with the user's own put in, as the file may name it."""
    if not isinstance(text, str) or not text or "\0" in text:
        return None
    user = environment.get("USER", "")
    for name, value in (("HOME", str(_home(environment))), ("UID", str(os.getuid())), ("USER", user)):
        text = text.replace(f"${name}", value).replace(f"${{{name}}}", value)
    path = Path(text)
    return path if path.is_absolute() else None


def stands_for(name: str, environment: Mapping[str, str] = os.environ) -> list[str]:
    """List the full names, with their tags, that Podman looks for in its store, in its order."""
    usual = readings(name)
    if states_host(name) or not name:
        return list(usual)
    aliases, registries = _registries(environment)
    repository = repository_in(name)
    alias = aliases.get(repository)
    first = [canonical(alias + name[len(repository) :])] if alias else []
    searched = [canonical(f"{registry}/{name}") for registry in registries]
    return list(dict.fromkeys([*first, *usual[:-1], *searched, *usual[-1:]]))


def _registries(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the aliases, and the registries searched; a later file's go before those of an earlier one."""
    aliases: dict[str, str] = {}
    registries: list[str] = []
    for path in _registries_files(environment):
        said = read_toml(path, MAX_REGISTRIES) or {}  # of one that can't be read, names stay what they are
        aliases |= {name: value for name, value in _table(said.get("aliases")).items() if isinstance(value, str)}
        listed = said.get("unqualified-search-registries")
        registries = list(filter(None, _texts(listed))) if isinstance(listed, list) else registries
    return {name: value for name, value in aliases.items() if value}, registries  # an empty one takes an alias away


def _registries_files(environment: Mapping[str, str]) -> Iterator[Path]:
    """Yield the files in the order in which each adds to those before it; last, aliases that were chosen."""
    own, named = _config_home(environment), environment.get("CONTAINERS_REGISTRIES_CONF")
    mains = [path for folder in (own, _MACHINE) if (path := folder / "registries.conf").is_file()]
    yield from [Path(named)] if named else mains[:1]
    for folder in () if named else (_MACHINE / "registries.conf.d", own / "registries.conf.d"):
        with contextlib.suppress(OSError):
            yield from sorted(folder.glob("*.conf"))
    cache = Path(environment.get("XDG_CACHE_HOME") or _home(environment) / ".cache")
    yield (cache if os.geteuid() != 0 else Path("/var/cache")) / "containers" / "short-name-aliases.conf"


def _home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("HOME") or home_directory() or "/")


def _config_home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("XDG_CONFIG_HOME") or _home(environment) / ".config") / "containers"


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
