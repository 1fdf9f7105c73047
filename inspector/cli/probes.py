"""What `inspector doctor` looks at. Each function gives lines and raises nothing that its subject may have wrong."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from inspector import __version__
from inspector.cli.probes_of_engines import probe_containerd, probe_engines
from inspector.cli.probes_of_settings import probe_settings
from inspector.cli.root import DISTRIBUTION
from inspector.errors import InspectorError, NoHome
from inspector.layers.cache import IndexCache, default_cache
from inspector.registry.inventory import Inventoried, certificate_folders, logins, proxies
from inspector.registry.settings import Settings, user_settings
from inspector.report.doctor import Probed, State
from inspector.sizes import show_size
from inspector.words import first_few

_SHOWN = 8
"""Hosts of one file that a line names."""
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def probes(cache_dir: Path | None) -> Iterator[Probed]:
    """Look at everything, in the order in which a run would meet it."""
    yield _python()
    yield from probe_settings(os.environ)
    yield _cache(cache_dir)
    yield from probe_engines()
    yield from probe_containerd()
    try:
        settings = user_settings()
    except InspectorError as error:
        yield Probed(topic="registries", state="fail", message=str(error), advice="Correct the variable")
        return
    yield from _credentials(settings)
    yield from _certificates(settings, os.environ)
    yield from _proxies(settings)


def _python() -> Probed:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    message = f"{DISTRIBUTION} {__version__}, {python} at {sys.executable}, {platform.system()} {platform.machine()}"
    return Probed(topic="inspector", state="ok", message=message)


def _cache(folder: Path | None) -> Probed:
    """Look at the cache's place without opening it, which would make it."""
    configured = bool(folder or os.environ.get("INSPECTOR_CACHE_DIR"))
    advice = "Name a directory that you may write, by --cache-dir or INSPECTOR_CACHE_DIR"
    try:
        cache = default_cache(folder)
    except NoHome as error:
        return Probed(topic="cache", state="warn", message=f"{error}; nothing is cached", advice=advice)
    except InspectorError as error:
        return Probed(topic="cache", state="fail", message=str(error), advice="Write it as in 500M or 2 GiB")
    try:
        why = _not_writable(cache.path)
        size = _size_of(cache)
    finally:
        cache.close()
    if why:
        message = f"{cache.path.parent}: {why}; every layer is read again"
        return Probed(topic="cache", state="fail" if configured else "warn", message=message, advice=advice)
    message = f"{cache.path.parent}: {show_size(size)} of at most {show_size(cache.max_bytes)}, writable"
    return Probed(topic="cache", state="ok", message=message)


def _size_of(cache: IndexCache) -> int:
    try:
        return sum(entry.stat().st_size for entry in os.scandir(cache.path.parent) if entry.is_file())
    except OSError:
        return 0


def _not_writable(file: Path) -> str:
    """Say why the cache's file can't be written, or made; empty where it can."""
    there = next((each for each in (file, *file.parents) if each.exists()), Path("/"))
    if there not in (file, file.parent) and not there.is_dir():
        return f"{there} is no directory"
    needed = os.W_OK if there == file else os.W_OK | os.X_OK
    return "" if os.access(there, needed) else f"{there} can't be written by this user"


def _credentials(settings: Settings) -> Iterator[Probed]:
    found = list(logins(settings))
    for each in found:
        yield _login(each)
    if not found:
        message = "none found: registries are asked anonymously"
        yield Probed(topic="credentials", state="ok", message=message)


def _login(one: Inventoried) -> Probed:
    if one.error:
        state: State = "fail" if one.configured else "warn"
        return Probed(topic="credentials", state=state, message=f"{one.place}: {one.error}", advice=one.advice)
    missing = [name for name in one.helpers if shutil.which(f"docker-credential-{name}") is None]
    hosts = first_few(one.hosts, _SHOWN) or "no registry"
    helped = f"; helpers: {', '.join(one.helpers[:_SHOWN])}" if one.helpers else ""
    message = f"{one.place}: {hosts}{helped}"
    if missing:
        advice = f"Install docker-credential-{missing[0]} on PATH, or remove it from the file"
        return Probed(topic="credentials", state="warn", message=message, advice=advice)
    return Probed(topic="credentials", state="ok", message=message)


def _certificates(settings: Settings, environment: Mapping[str, str]) -> Iterator[Probed]:
    named = [name for name in _CERTIFICATES if environment.get(name)]
    for name in named:
        if not Path(environment[name]).exists():
            message = f"{name}: there is no {environment[name]}"
            yield Probed(topic="certificates", state="fail", message=message, advice=f"Correct or unset {name}")
    for folder in certificate_folders(settings):
        state: State = "fail" if folder.error else "ok"
        advice = "Replace the file, or remove it" if folder.error else ""
        message = f"{folder.place}: {folder.error}" if folder.error else f"{folder.place}: used for {folder.hosts[0]}"
        yield Probed(topic="certificates", state=state, message=message, advice=advice)
    trusted = f", {' and '.join(named)}" if named else ""
    yield Probed(topic="certificates", state="ok", message=f"those of the operating system{trusted}")


def _proxies(settings: Settings) -> Iterator[Probed]:
    for scheme, (proxy, error) in proxies(settings).items():
        if error:
            yield Probed(topic="proxy", state="fail", message=error, advice="Correct or unset the variable")
        else:
            yield Probed(topic="proxy", state="ok", message=f"{scheme} goes by way of {proxy}")
