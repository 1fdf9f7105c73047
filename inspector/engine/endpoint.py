"""Where an engine listens: what the environment says first, then Docker's contexts, then the usual sockets."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from inspector.engine.contexts import context_endpoint, current_context
from inspector.errors import Malformed
from inspector.escape import in_ascii
from inspector.home import home_directory
from inspector.http.tls import Tls, docker_tls

Kind = Literal["docker", "podman"]
_LOOPBACK = r"localhost|127\.[0-9.]+|::1"


class Endpoint(msgspec.Struct, frozen=True):
    """An address (`unix://`, `tcp://`, `ssh://`, `npipe://`) and what named it, such as `DOCKER_HOST`.

    `chosen` says that somebody asked for just this one, so that no other may take its place; `kind` is the engine
    that is expected there.
    """

    address: str
    origin: str
    tls: Tls | None = None
    chosen: bool = False
    kind: Kind = "docker"

    @property
    def is_local(self) -> bool:
        """Whether it lies on this machine, as far as the address tells: a socket, a pipe, a loopback address."""
        scheme, _, rest = self.address.partition("://")
        if scheme != "tcp":
            return scheme in ("unix", "npipe")
        return re.fullmatch(_LOOPBACK, _host_of(rest)) is not None

    def __str__(self) -> str:
        return shown_address(self.address)


def endpoints(kind: Kind, environment: Mapping[str, str] = os.environ, home: Path | None = None) -> list[Endpoint]:
    """Say where to ask, in order; a single one where somebody chose it, which nothing replaces.

    Raises `NotFound` for a context that isn't there, `Malformed` for one, or an address, that can't be read.
    """
    home = home or home_directory() or Path("/")
    chosen = _docker_choice(environment, home) if kind == "docker" else _podman_choice(environment, home)
    if chosen is not None:
        return [chosen]
    if sys.platform == "win32":
        pipe = "docker_engine" if kind == "docker" else "podman-machine-default"
        return [Endpoint(f"npipe:////./pipe/{pipe}", "the usual pipe", kind=kind)]
    sockets = _docker_sockets if kind == "docker" else _podman_sockets
    paths = dict.fromkeys(sockets(environment, home))
    return [Endpoint(f"unix://{path}", "the usual socket", kind=kind) for path in paths]


def shown_address(address: str) -> str:
    """Return an address for messages: escaped, cut, and without what may be a password."""
    scheme, separator, rest = address.partition("://")
    if scheme in ("unix", "npipe"):
        return in_ascii(address)
    authority, slash, path = rest.partition("/")
    return in_ascii(scheme + separator + authority.rpartition("@")[2] + slash + path.partition("?")[0])


def _docker_choice(environment: Mapping[str, str], home: Path) -> Endpoint | None:
    folder = Path(environment.get("DOCKER_CONFIG") or home / ".docker")
    if host := environment.get("DOCKER_HOST", "").strip():
        tls = _docker_tls(environment, folder)
        return Endpoint(_checked(host, "DOCKER_HOST", tls), "DOCKER_HOST", tls, chosen=True)
    name, origin = environment.get("DOCKER_CONTEXT", ""), "DOCKER_CONTEXT"
    if not name:
        name, origin = current_context(folder), f"currentContext of {folder / 'config.json'}"
    if name in ("", "default"):
        return None
    found, where = context_endpoint(folder, name, origin), f"Docker context {name[:100]!a}"
    return Endpoint(_checked(found.host, where, found.tls), where, found.tls, chosen=True)


def _docker_tls(environment: Mapping[str, str], folder: Path) -> Tls | None:
    """Return as Docker's command line does it: only `DOCKER_TLS_VERIFY` has the server's certificate checked."""
    verify = bool(environment.get("DOCKER_TLS_VERIFY"))
    if not verify and not environment.get("DOCKER_TLS"):
        return None
    place = Path(environment.get("DOCKER_CERT_PATH") or folder)
    return docker_tls(place, verify=verify)


def _podman_choice(environment: Mapping[str, str], home: Path) -> Endpoint | None:
    host, origin = environment.get("CONTAINER_HOST", "").strip(), "CONTAINER_HOST"
    if host:
        return Endpoint(_checked(host, origin), origin, chosen=True, kind="podman")
    remote = sys.platform in ("darwin", "win32")  # where Podman runs in a machine of its own
    if not remote and not environment.get("CONTAINER_CONNECTION", "").strip():
        return None
    from inspector.engine.connections import chosen_connection  # few name one

    found = chosen_connection(environment, home, default=remote)
    if found is None:
        return None
    origin = f"Podman's connection {found.name[:100]!a} ({found.origin})"
    return Endpoint(_checked(found.address, origin), origin, chosen=True, kind="podman")


def _checked(address: str, origin: str, tls: Tls | None = None) -> str:
    """Return the address in one form: its scheme written out, and, over TCP, its port. Raises `Malformed`."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        scheme, rest = ("unix" if address.startswith("/") else "tcp"), address
    scheme = {"http": "tcp", "https": "tcp"}.get(scheme, scheme)
    if scheme == "tcp":
        rest = _tcp_place(rest, tls)
    if scheme not in ("unix", "tcp", "ssh", "npipe") or not rest:
        raise Malformed(
            f"{origin}: {shown_address(address)!a} is not the address of an engine: "
            f"write unix://PATH, tcp://HOST:PORT or ssh://USER@HOST"
        )
    return f"{scheme}://{rest}"


def _tcp_place(rest: str, tls: Tls | None) -> str:
    """Return `HOST:PORT`, with Docker's own port where none is said.

    Empty for anything else, names and passwords included.
    """
    try:
        url = urlsplit(f"//{rest}")
        port = url.port or (2375 if tls is None else 2376)
    except ValueError:
        return ""
    if not url.hostname or "@" in rest or url.query or url.fragment or url.path.strip("/"):
        return ""
    return f"{f'[{url.hostname}]' if ':' in url.hostname else url.hostname}:{port}"


def _host_of(rest: str) -> str:
    try:
        return urlsplit(f"//{rest}").hostname or ""
    except ValueError:
        return ""


def _docker_sockets(environment: Mapping[str, str], home: Path) -> list[str]:
    runtime = environment.get("XDG_RUNTIME_DIR")
    below = (".docker/run/docker.sock", ".docker/desktop/docker.sock", ".colima/default/docker.sock")
    rootless = [f"{runtime}/docker.sock"] if runtime else []
    return ["/var/run/docker.sock", *rootless, *(f"{home}/{name}" for name in below)]


def _podman_sockets(environment: Mapping[str, str], home: Path) -> list[str]:
    runtime, temporary = environment.get("XDG_RUNTIME_DIR"), environment.get("TMPDIR", "/tmp").rstrip("/")  # noqa: S108 - where Podman itself looks
    found = [f"{runtime}/podman/podman.sock"] if runtime else []
    if sys.platform == "darwin":
        found.append(f"{temporary}/podman/podman-machine-default-api.sock")
        found.append(f"{home}/.local/share/containers/podman/machine/podman.sock")
    return [*found, "/run/podman/podman.sock"]
