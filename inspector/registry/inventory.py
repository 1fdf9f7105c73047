"""What a user has set up for registries, without its secrets: for `inspector doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from inspector.errors import InspectorError, UsageError
from inspector.http.address import origin_of
from inspector.http.proxies import proxy_for
from inspector.names import DOCKER_HUB, api_host
from inspector.registry.credentials import HOST_VARIABLE, VARIABLES, login_files
from inspector.registry.settings import Settings, certificate_bases, tls_for

_CONFIGURED = {"REGISTRY_AUTH_FILE": "", "DOCKER_CONFIG": "config.json"}


class Inventoried(msgspec.Struct, frozen=True, kw_only=True):
    """A file, folder or variable, and the hosts that it is for; `configured` where somebody named just this one."""

    place: str
    hosts: tuple[str, ...] = ()
    helpers: tuple[str, ...] = ()
    error: str = ""
    advice: str = ""
    configured: bool = False


def logins(settings: Settings) -> Iterator[Inventoried]:
    """Yield where credentials are found, in the order in which they are taken; no helper program is run."""
    given = [name for name in VARIABLES if settings.environment.get(name)]
    if given:
        host = settings.environment.get(HOST_VARIABLE, "")
        error, advice = ("", "") if host else ("no registry is named", f"Say with {HOST_VARIABLE} whose they are")
        yield Inventoried(
            place=", ".join(given), hosts=(host,) if host else (), error=error, advice=advice, configured=True
        )
    named = settings.environment.get("REGISTRY_AUTH_FILE")
    chosen = {
        Path(settings.environment[name], file) for name, file in _CONFIGURED.items() if settings.environment.get(name)
    }
    for path, file, error in login_files(settings):
        configured = path in chosen
        if error:
            advice = "Make it readable for this user, or write it again by `docker login`"
            yield Inventoried(place=str(path), error=error, advice=advice, configured=configured)
        elif file is not None:
            keys = (*(file.auths or {}), *(file.cred_helpers or {}))
            helpers = (*(file.cred_helpers or {}).values(), *([file.creds_store] if file.creds_store else []))
            hosts = tuple(dict.fromkeys(map(_host, keys)))
            yield Inventoried(
                place=str(path), hosts=hosts, helpers=tuple(dict.fromkeys(helpers)), configured=configured
            )
        elif named and path == Path(named):
            advice = "Correct or unset REGISTRY_AUTH_FILE"
            yield Inventoried(place=str(path), error="there is no such file", advice=advice, configured=True)


def certificate_folders(settings: Settings) -> Iterator[Inventoried]:
    """Yield each registry's folder of certificates that counts, loading what it holds."""
    seen: set[str] = set()
    for base in certificate_bases(settings):
        with suppress(OSError):
            for folder in sorted(base.iterdir()):
                if folder.name in seen or not folder.is_dir():
                    continue
                seen.add(folder.name)
                error = ""
                try:
                    tls_for(folder.name, settings).context()
                except InspectorError as unusable:
                    error = str(unusable)
                yield Inventoried(place=str(folder), hosts=(folder.name,), error=error, configured=True)


def proxies(settings: Settings) -> Mapping[str, tuple[str, str]]:
    """Return by scheme the address of the proxy that a registry would be asked by, or what is wrong with it."""
    found: dict[str, tuple[str, str]] = {}
    for scheme in ("https", "http"):
        try:
            proxy = proxy_for(origin_of(scheme, api_host(DOCKER_HUB)), settings.environment)
        except UsageError as error:
            found[scheme] = ("", str(error))
        else:
            if proxy is not None:
                found[scheme] = (proxy.url, "")
    return found


def _host(key: str) -> str:
    """Return what a key of a file names, without what may be a login in it."""
    return key.rpartition("://")[2].rpartition("@")[2][:200]
