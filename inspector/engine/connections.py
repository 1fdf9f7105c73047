"""Podman's connections: named addresses of its services, as `podman system connection add` keeps them.

    $XDG_CONFIG_HOME/containers/podman-connections.json   those that `podman system connection` writes, from Podman 5 on
    containers.conf                                       [engine.service_destinations.NAME], and `active_service`

(containers.conf(5), podman-system-connection(1).) On Linux Podman goes to its own store unless a connection is named;
elsewhere it goes to the default one.
"""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from inspector.engine.contexts import read_if_there
from inspector.errors import Malformed, NotFound, Unreachable
from inspector.oci import decoder

NAMED = "CONTAINER_CONNECTION"
_MACHINE = (Path("/usr/share/containers"), Path("/etc/containers"))


class Connection(msgspec.Struct, frozen=True):
    """A connection by its name: the address, and the file that has it."""

    name: str
    address: str
    origin: str


class _Destination(msgspec.Struct, frozen=True):
    uri: str = msgspec.field(name="URI", default="")


class _Connections(msgspec.Struct, frozen=True, rename="pascal"):
    default: str = ""
    connections: dict[str, _Destination] = {}


class _Document(msgspec.Struct, frozen=True, rename="pascal"):
    connection: _Connections = _Connections()


def chosen_connection(environment: Mapping[str, str], home: Path, *, default: bool) -> Connection | None:
    """Return the connection that is named by `CONTAINER_CONNECTION`; else, where that counts, the `default` one.

    Raises `NotFound` for a name that no file has, `Unreachable` for one over ssh, `Malformed` for a broken file.
    """
    named = environment.get(NAMED, "").strip()
    if not named and not default:
        return None
    known = _Known(environment, home)
    if named:
        found = known.connections.get(named)
        if found is None:
            there = ", ".join(sorted(known.connections)[:10]) or "none is configured"
            raise NotFound(f"{NAMED}: there is no connection {named[:100]!a} of Podman's ({there})")
        return _without_ssh(found)
    found = known.connections.get(known.default)
    return None if found is None or found.address.startswith("ssh://") else found


class _Known:
    """All connections by name; podman-connections.json goes before containers.conf, as Podman has it."""

    def __init__(self, environment: Mapping[str, str], home: Path) -> None:
        self.connections: dict[str, Connection] = {}
        self.default = ""
        for path in _conf_files(environment, home):
            engine = _engine_table(path)
            self.default = _text(engine.get("active_service")) or self.default
            for name, table in _table(engine.get("service_destinations")).items():
                if address := _text(_table(table).get("uri")):
                    self.connections[name] = Connection(name, address, str(path))
        path = Path(environment.get("PODMAN_CONNECTIONS_CONF") or _own(environment, home) / "podman-connections.json")
        said = _connections(path)
        self.default = said.default or self.default
        for name, destination in said.connections.items():
            self.connections[name] = Connection(name, destination.uri, str(path))


def _without_ssh(found: Connection) -> Connection:
    """Return the connection. Raises `Unreachable` for one by ssh, whose key only Podman uses."""
    if not found.address.startswith("ssh://"):
        return found
    raise Unreachable(
        f"{NAMED}: the connection {found.name[:100]!a} ({found.origin}) uses ssh with a key of Podman's: set "
        "CONTAINER_HOST=ssh://USER@HOST/SOCKET, which uses the command `ssh` and the keys that it knows, and unset "
        f"{NAMED}"
    )


def _conf_files(environment: Mapping[str, str], home: Path) -> Iterator[Path]:
    """Yield the files that are there, each of which adds to those before it."""
    if named := environment.get("CONTAINERS_CONF"):
        yield Path(named)
    else:
        for folder in (*_MACHINE, _own(environment, home)):
            yield folder / "containers.conf"
            with contextlib.suppress(OSError):
                yield from sorted((folder / "containers.conf.d").glob("*.conf"))
    if named := environment.get("CONTAINERS_CONF_OVERRIDE"):
        yield Path(named)


def _own(environment: Mapping[str, str], home: Path) -> Path:
    return Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "containers"


def _engine_table(path: Path) -> dict[str, Any]:
    content = read_if_there(path)
    try:
        return _table(tomllib.loads((content or b"").decode()).get("engine"))
    except (ValueError, RecursionError) as error:  # tomllib's errors are ValueErrors
        raise Malformed(f"{path}: invalid containers.conf: {error}") from error


def _connections(path: Path) -> _Connections:
    content = read_if_there(path)
    if not content:
        return _Connections()
    try:
        return decoder(_Document).decode(content).connection
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise Malformed(f"{path}: invalid list of Podman's connections: {error}") from error


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
