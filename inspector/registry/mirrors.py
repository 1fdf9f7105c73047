"""Where a repository is really had: the `[[registry]]` tables of registries.conf (containers-registries.conf(5))."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from inspector.errors import Refused, UsageError
from inspector.names import ImageName, is_host, is_repository, parse_host
from inspector.oci import MAX_DOCUMENT, converted
from inspector.registry.settings import Settings


class _Mirror(msgspec.Struct, frozen=True, rename="kebab"):
    location: str
    insecure: bool = False
    pull_from_mirror: str = "all"


class _Registry(msgspec.Struct, frozen=True, rename="kebab"):
    location: str = ""
    prefix: str = ""
    insecure: bool = False
    blocked: bool = False
    mirror_by_digest_only: bool = False
    mirror: tuple[_Mirror, ...] = ()

    @property
    def stem(self) -> str:
        """What the names that this is about begin with."""
        return self.prefix or self.location


class _File(msgspec.Struct):
    registry: tuple[_Registry, ...] = ()


class Mirrors:
    """The user's registries.conf, else the machine's, and the files in registries.conf.d.

    Raises `UsageError` for a broken one, since it decides who is asked. Short names are not looked up in it: a name
    without a host is Docker Hub's.
    """

    def __init__(self, settings: Settings) -> None:
        tables = [table for path in _files(settings) for table in _read(path)]
        self._tables = {table.stem: table for table in tables if table.stem}  # a later file's table replaces

    def insecure(self) -> frozenset[str]:
        """Return the hosts that the tables allow to be asked without trusted TLS."""
        listed = [(table.location or table.prefix, table.insecure) for table in self._tables.values()]
        listed += [(each.location, each.insecure) for table in self._tables.values() for each in table.mirror]
        return frozenset(location.partition("/")[0].lower() for location, insecure in listed if insecure)

    def places(self, name: ImageName) -> list[ImageName]:
        """Host and repository to ask, in order, the registry itself last. Raises `Refused` if that is blocked."""
        full = f"{name.host}/{name.repository}"
        fitting = [table for table in self._tables.values() if _fits(table.stem, full)]
        if not fitting:
            return [name]
        table = max(fitting, key=lambda one: len(one.stem))
        if table.blocked:
            raise Refused(f"{name}: registries.conf blocks {table.stem!a}")
        locations = [each.location for each in table.mirror if _is_for(each, table, name)]
        rest = full.removeprefix(table.stem) if not table.stem.startswith("*.") else f"/{name.repository}"
        locations.append(table.location or (name.host if table.stem.startswith("*.") else table.stem))
        return [_moved(name, location + rest) for location in locations]


def _is_for(mirror: _Mirror, table: _Registry, name: ImageName) -> bool:
    by_digest = name.digest is not None
    if table.mirror_by_digest_only:
        return by_digest
    return {"digest-only": by_digest, "tag-only": not by_digest}.get(mirror.pull_from_mirror, True)


def _fits(stem: str, full: str) -> bool:
    if stem.startswith("*."):
        return full.partition("/")[0].endswith(stem[1:])
    return full == stem or full.startswith(f"{stem}/")


def _moved(name: ImageName, place: str) -> ImageName:
    host, _, repository = place.partition("/")
    if not is_host(host) or not is_repository(repository):
        raise UsageError(f"registries.conf: {place[:200]!a} is not HOST/REPOSITORY")
    return ImageName(parse_host(host), repository, name.tag, name.digest)


def _files(settings: Settings) -> Iterator[Path]:
    if given := settings.environment.get("CONTAINERS_REGISTRIES_CONF"):
        yield Path(given)
        return
    own, machine = settings.config_home(), settings.etc / "containers"
    folders = [machine] if own is None else [machine, own / "containers"]
    mains = [path for folder in reversed(folders) if (path := folder / "registries.conf").is_file()]
    yield from mains[:1]
    for folder in folders:
        try:
            yield from sorted((folder / "registries.conf.d").glob("*.conf"))
        except OSError:
            continue


def _read(path: Path) -> tuple[_Registry, ...]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_DOCUMENT + 1)
        is_whole = len(content) <= MAX_DOCUMENT
        tables = converted(tomllib.loads(content.decode()), _File).registry if is_whole else ()
    except (OSError, ValueError) as error:  # msgspec's and tomllib's errors are ValueErrors
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{path}: invalid registries.conf: {why}") from error
    if not is_whole:  # a table behind the cut may block a registry
        raise UsageError(f"{path}: invalid registries.conf: more than {MAX_DOCUMENT} bytes")
    return tables
