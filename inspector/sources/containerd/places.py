"""Where containerd keeps its files: as `ctr` and `nerdctl` find its socket, and then its root folder.

A socket that CONTAINERD_ADDRESS or nerdctl.toml names is meant alone; else each known folder that exists is one. The
process that listens at a socket tells its root by its own command line and its config; nothing is sent to it.
"""

from __future__ import annotations

import glob
import os
import socket
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from inspector import log
from inspector.errors import Unreachable
from inspector.home import home_directory
from inspector.sources.engine.disk import read_toml

CONFIG = Path("/etc/containerd/config.toml")
ROOT = Path("/var/lib/containerd")
KNOWN: tuple[tuple[str, Path], ...] = (
    ("/run/containerd/containerd.sock", ROOT),
    ("/run/k3s/containerd/containerd.sock", Path("/var/lib/rancher/k3s/agent/containerd")),
    ("/run/k3s/containerd/containerd.sock", Path("/var/lib/rancher/rke2/agent/containerd")),
    ("/run/k0s/containerd.sock", Path("/var/lib/k0s/containerd")),
    ("/var/snap/microk8s/common/run/containerd.sock", Path("/var/snap/microk8s/common/var/lib/containerd")),
)
"""The socket and the root of containerd itself (kubeadm, kind, nerdctl), of k3s, RKE2, k0s and MicroK8s."""

_NERDCTL = "/etc/nerdctl/nerdctl.toml"
_OVERLAYFS = "io.containerd.snapshotter.v1.overlayfs"
_MAX_FILES = 64
_MAX_LINE = 1 << 16
_CREDENTIALS = struct.Struct("3i")  # process, user, group (unix(7), SO_PEERCRED)
_SECONDS = 1.0


class Place(msgspec.Struct, frozen=True):
    """A root folder, and where the overlayfs snapshotter has its own, if elsewhere; and the socket, if it is known."""

    root: Path
    overlayfs: Path | None = None
    address: str = ""


def find_places(environment: Mapping[str, str] = os.environ) -> list[Place]:
    """Return where containerd is on this machine, at least one. Raises `Unreachable`."""
    if sys.platform != "linux":
        raise Unreachable("containerd keeps its files on Linux alone; save the image there and inspect the archive")
    if address := _address(environment):
        return [_at(address)]
    found = {place.root: place for place in _known()}
    own = _data_home(environment)
    if os.geteuid() != 0 and own is not None and os.path.lexists(own):
        found.setdefault(own, Place(own))
    if not found:
        looked = ", ".join(dict.fromkeys(str(root) for _, root in KNOWN))
        raise Unreachable(f"no containerd on this machine, looked for {looked}; name its socket in CONTAINERD_ADDRESS")
    return list(found.values())


def _known() -> Iterator[Place]:
    """Yield what each process tells that listens at a known socket, else the known folder, if that exists."""
    asked: dict[str, Place | None] = {}
    for address, root in KNOWN:
        if address not in asked:
            asked[address] = _told(address)
        place = asked[address] or _configured(CONFIG if root == ROOT else None, Place(root, address=address))
        if os.path.lexists(place.root):
            yield place


def _at(address: str) -> Place:
    """Return the place of the containerd at a socket that was named."""
    place = _told(address)
    if place is not None:
        return place
    for known, root in KNOWN:
        if os.path.realpath(address) == os.path.realpath(known) and os.path.lexists(root):
            return _configured(CONFIG if root == ROOT else None, Place(root, address=address))
    if _text(read_toml(CONFIG), "grpc", "address") == address:
        return _configured(CONFIG, Place(ROOT, address=address))
    raise Unreachable(
        f"the containerd at {address!a}, as CONTAINERD_ADDRESS or nerdctl.toml has it: no process there tells where it "
        f"keeps its files; run as root, and where it runs{without_root()}"
    )


def without_root() -> str:
    """Say, to who is not root, what may be done through the socket instead."""
    if os.geteuid() == 0:
        return ""
    return (
        ", or save the image with what may use its socket, as in `ctr -n NAMESPACE images export api.tar NAME` or "
        "`nerdctl save -o api.tar NAME`, and inspect that file"
    )


def _address(environment: Mapping[str, str]) -> str:
    """Return the socket that is named, by the environment or by nerdctl's configuration; empty if none is."""
    named = environment.get("CONTAINERD_ADDRESS", "")
    if not named:
        named = _text(read_toml(Path(environment.get("NERDCTL_TOML") or _NERDCTL)), "address")
    return named.removeprefix("unix://")


def _told(address: str) -> Place | None:
    """Return what the process listening at a socket tells of itself; None where there is none, or it is another."""
    process = _listener(address)
    words = _words(process) if process > 0 else []
    if not words or "containerd" not in Path(words[0]).name:
        return None
    base = Path(f"/proc/{process}/root") if _is_elsewhere(process) else Path("/")
    stated = _option(words, ("--root",))
    config = base / (_option(words, ("--config", "-c")) or str(CONFIG)).lstrip("/")
    place = _configured(config, Place(ROOT, address=address), base)
    if stated:
        place = msgspec.structs.replace(place, root=base / stated.lstrip("/"))
    log.info("sources", "containerd at %s: process %d, its files below %s", address, process, place.root)
    return place


def _listener(address: str) -> int:
    """Return the number of the process that listens at a socket; 0 where nobody does, or its number is not shown."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_SECONDS)
        try:
            connection.connect(address)
            content = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        except (OSError, ValueError):
            return 0
    return int(_CREDENTIALS.unpack(content)[0])


def _words(process: int) -> list[str]:
    """Return the command line of a process; nothing where it is gone."""
    try:
        with Path(f"/proc/{process}/cmdline").open("rb") as file:
            return os.fsdecode(file.read(_MAX_LINE)).split("\0")
    except OSError:
        return []


def _is_elsewhere(process: int) -> bool:
    """Tell whether a process sees other mounts than this one, as in a container."""
    try:
        return Path(f"/proc/{process}/ns/mnt").readlink() != Path("/proc/self/ns/mnt").readlink()
    except OSError:
        return False


def _option(words: Sequence[str], names: Sequence[str]) -> str:
    """Return the value of an option on a command line, as `--root PATH` or `--root=PATH`; empty if it is not there."""
    for at, word in enumerate(words):
        head, equals, value = word.partition("=")
        if head in names:
            return value if equals else words[at + 1] if at + 1 < len(words) else ""
    return ""


def _configured(config: Path | None, place: Place, base: Path = Path("/")) -> Place:
    """Return the place as a config file and those that it imports have it, the later ones first."""
    todo = [config] if config is not None else []
    seen: set[Path] = set()
    root, overlayfs = "", ""
    while todo and len(seen) < _MAX_FILES:
        path = todo.pop(0)
        if path in seen:
            continue
        seen.add(path)
        values = read_toml(path) or {}
        root = _text(values, "root") or root
        overlayfs = _text(values, "plugins", _OVERLAYFS, "root_path") or overlayfs
        todo += _imported(path, values, base)
    return Place(
        base / (root or str(place.root)).lstrip("/"),
        base / overlayfs.lstrip("/") if overlayfs else None,
        place.address,
    )


def _imported(path: Path, values: Mapping[str, Any], base: Path) -> list[Path]:
    """List the files that a config names: beside it, or by absolute names, which may be patterns."""
    stated = values.get("imports")
    named = [each for each in stated if isinstance(each, str)] if isinstance(stated, list) else []
    whole = [base / each.lstrip("/") if each.startswith("/") else path.parent / each for each in named[:_MAX_FILES]]
    patterns = map(os.path.normpath, whole)
    return [Path(found) for each in patterns for found in islice(sorted(glob.glob(each)), _MAX_FILES)]  # noqa: PTH207 - an absolute pattern


def _text(values: Mapping[str, Any] | None, *keys: str) -> str:
    found: Any = values
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""


def _data_home(environment: Mapping[str, str]) -> Path | None:
    """Return where a containerd keeps its files that a user started without being root."""
    stated, home = environment.get("XDG_DATA_HOME", ""), home_directory()
    if stated:
        return Path(stated, "containerd")
    return home / ".local" / "share" / "containerd" if home is not None else None
