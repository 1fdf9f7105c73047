"""Where Podman and Buildah keep their images (containers-storage.conf(5))."""

from __future__ import annotations

import contextlib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inspector.home import home_directory

MAX_CONF = 1 << 20
_SYSTEM = (Path("/etc/containers/storage.conf"), Path("/usr/share/containers/storage.conf"))


def roots(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """List the store's root, there or not, and after it the further stores that the configuration names."""
    rootless = os.geteuid() != 0 or environment.get("_CONTAINERS_USERNS_CONFIGURED", "") != ""
    home = Path(environment.get("HOME") or home_directory() or "/")
    root = _default(environment, home) if rootless else Path("/var/lib/containers/storage")
    further: list[Path] = []
    for path in _files(environment, home, rootless=rootless):
        conf = _read(path)
        if conf is not None:
            key = "rootless_storage_path" if rootless and path in _SYSTEM else "graphroot"
            root = _path(conf.get(key), environment, home) or root
            listed = _table(conf.get("options")).get("additionalimagestores")
            further = [store for text in _texts(listed) if (store := _path(text, environment, home))]
            break
    return [root, *further]


def _files(environment: Mapping[str, str], home: Path, *, rootless: bool) -> Iterator[Path]:
    """Yield the files that may configure the store; the first that is there counts."""
    named = environment.get("CONTAINERS_STORAGE_CONF")
    if named:
        yield Path(named)
        return
    if rootless:
        yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "containers" / "storage.conf"
    yield from _SYSTEM


def _read(path: Path) -> dict[str, Any] | None:
    """Return the [storage] table; None where there is no such file, or none that can be read."""
    with contextlib.suppress(OSError, ValueError), path.open("rb") as file:  # tomllib's errors are ValueErrors
        return _table(tomllib.loads(file.read(MAX_CONF).decode()).get("storage"))
    return None


def _default(environment: Mapping[str, str], home: Path) -> Path:
    data = environment.get("XDG_DATA_HOME")
    return (Path(data) if data else home / ".local" / "share") / "containers" / "storage"


def _path(text: Any, environment: Mapping[str, str], home: Path) -> Path | None:
    """Return an absolute path with the user's own put in, as the file may name it."""
    if not isinstance(text, str) or not text or "\0" in text:
        return None
    user = environment.get("USER", "")
    for name, value in (("HOME", str(home)), ("UID", str(os.getuid())), ("USER", user)):
        text = text.replace(f"${name}", value).replace(f"${{{name}}}", value)
    path = Path(text)
    return path if path.is_absolute() else None


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
