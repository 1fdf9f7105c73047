"""Credentials for registries, from where Docker, Podman and the environment keep them. Nothing here prints one."""

from __future__ import annotations

import base64
import binascii
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from inspector.errors import InspectorError, UsageError
from inspector.names import DOCKER_HUB, parse_host, registry_of
from inspector.oci import MAX_DOCUMENT, parse
from inspector.registry.challenge import Login
from inspector.registry.helpers import ask_helper
from inspector.registry.settings import Settings

_HUB_KEY = "https://index.docker.io/v1/"
VARIABLES = ("INSPECTOR_REGISTRY_USER", "INSPECTOR_REGISTRY_PASSWORD", "INSPECTOR_REGISTRY_TOKEN")
HOST_VARIABLE = "INSPECTOR_REGISTRY_HOST"


class _Entry(msgspec.Struct, rename="lower"):
    auth: str | None = None
    username: str | None = None
    password: str | None = None
    identity_token: str | None = msgspec.field(default=None, name="identitytoken")
    registry_token: str | None = msgspec.field(default=None, name="registrytoken")

    def __repr__(self) -> str:
        return "_Entry()"


class LoginFile(msgspec.Struct, rename="camel"):
    """A file of credentials; nothing prints its `auths`."""

    auths: dict[str, _Entry | None] | None = None
    cred_helpers: dict[str, str] | None = None
    creds_store: str | None = None


class Credentials:
    """Finds the login for a repository, each only once; from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._files: list[tuple[Path, LoginFile]] | None = None
        self._helped: dict[tuple[str, str], Login | None] = {}
        self.warnings: tuple[str, ...] = ()

    def find(self, host: str, repository: str) -> Login | None:
        """Find the login for a registry: the most specific key of the first file that has one; None to ask anonymously.

        Whatever a file or a helper program has wrong is noted in `warnings`. Raises `UsageError` for the environment's.
        """
        host = registry_of(host)
        with self._lock:
            login = _from_environment(self._settings, host)
            if login is None:
                found = (self._in_file(path, file, host, repository) for path, file in self._read())
                login = next((one for one in found if one is not None), None)
            return login

    def _in_file(self, path: Path, file: LoginFile, host: str, repository: str) -> Login | None:
        """Follow Docker's order: the helper for this host, the helper for all, what the file itself holds."""
        for key in _keys(host, repository):
            helper = next((name for each, name in (file.cred_helpers or {}).items() if _same(each, key)), "")
            if helper and (login := self._helper(helper, key, path)):
                return login
        if file.creds_store and (login := self._helper(file.creds_store, host, path)):
            return login
        for key in _keys(host, repository):
            for each, entry in (file.auths or {}).items():
                if _same(each, key) and entry is not None and (login := self._stored(entry, each, path)):
                    return login
        return None

    def _helper(self, name: str, key: str, path: Path) -> Login | None:
        server = _HUB_KEY if key == DOCKER_HUB else key
        if (name, server) not in self._helped:
            try:
                found = ask_helper(name, server, self._settings.environment)
            except InspectorError as error:
                found = None
                self._warn(f"{path}: {error}; {key} is asked without credentials")
            self._helped[name, server] = found
        return self._helped[name, server]

    def _stored(self, entry: _Entry, key: str, path: Path) -> Login | None:
        origin = f"{path} ({key[:200]!a})"
        if entry.identity_token:
            return Login("", entry.identity_token, origin, is_identity=True)
        if entry.registry_token:
            return Login("", entry.registry_token, origin, is_bearer=True)
        user, password = entry.username or "", entry.password or ""
        if entry.auth:
            try:
                text = base64.b64decode(entry.auth, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError, ValueError):
                self._warn(f"{origin}: its `auth` is not base64 of user:password, and was not used")
                return None
            user, _, password = text.strip("\0").partition(":")
        return Login(user, password, origin) if user or password else None

    def _read(self) -> list[tuple[Path, LoginFile]]:
        if self._files is None:
            self._files = []
            for path, file, error in login_files(self._settings):
                self._files += [(path, file)] if file else []
                if error:
                    self._warn(f"{path}: {error}; the credentials in it were not used")
        return self._files

    def _warn(self, sentence: str) -> None:
        if sentence not in self.warnings:
            self.warnings += (sentence,)


def login_files(settings: Settings) -> Iterator[tuple[Path, LoginFile | None, str]]:
    """Yield the places of files in their order, what each holds if it is there, and why it can't be read."""
    for path in dict.fromkeys(_places(settings)):
        try:
            yield path, _file(path), ""
        except (InspectorError, OSError) as error:
            why = error.strerror if isinstance(error, OSError) else "not valid JSON of credentials"
            yield path, None, why or str(error)


def _file(path: Path) -> LoginFile | None:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_DOCUMENT + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if path.name == ".dockercfg":
        return LoginFile(auths=parse(content, dict[str, _Entry | None], str(path)))
    return parse(content, LoginFile, str(path)) if content.strip() else None


def _places(settings: Settings) -> Iterator[Path]:
    """Follow Podman's order (containers-auth.json(5)), but for a folder of Docker's that was named expressly."""
    environment, home, config = settings.environment, settings.home, settings.config_home()
    if given := environment.get("REGISTRY_AUTH_FILE"):
        yield Path(given)
    if given := environment.get("DOCKER_CONFIG"):
        yield Path(given) / "config.json"
    if given := environment.get("XDG_RUNTIME_DIR"):
        yield Path(given) / "containers" / "auth.json"
    elif hasattr(os, "getuid"):
        yield settings.etc.parent / "run" / "containers" / str(os.getuid()) / "auth.json"
    if config is not None:
        yield config / "containers" / "auth.json"
    if home is not None:
        if not environment.get("DOCKER_CONFIG"):
            yield home / ".docker" / "config.json"
        yield home / ".dockercfg"


def _keys(host: str, repository: str) -> Iterator[str]:
    """Yield what credentials may be filed under, the most specific first."""
    parts = repository.split("/") if repository else []
    for count in range(len(parts), -1, -1):
        yield "/".join([host, *parts[:count]])


def _same(key: str, wanted: str) -> bool:
    """Tell whether a key means `wanted`; hosts are compared whole.

    One with a scheme, or an API's path, means its host.
    """
    bare = key.partition("://")[2] or key
    host, _, path = bare.strip("/").partition("/")
    if "://" in key or path in ("v1", "v2"):
        path = ""
    host = registry_of(host)
    return (f"{host}/{path}" if path else host) == wanted


def _from_environment(settings: Settings, host: str) -> Login | None:
    """Return the login that the environment gives for one host, which must be named: no other is to see it."""
    user, password, token = (settings.environment.get(name, "") for name in VARIABLES)
    if not user and not password and not token:
        return None
    named = settings.environment.get(HOST_VARIABLE, "")
    if not named:
        raise UsageError(f"{VARIABLES[0]}: say with {HOST_VARIABLE} which registry the credentials are for")
    if parse_host(named) != host:
        return None
    origin = f"the environment ({HOST_VARIABLE})"
    return Login("", token, origin, is_bearer=True) if token else Login(user, password, origin)
