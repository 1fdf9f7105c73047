"""Certificates for single registries: the folders `certs.d` of Docker, Podman and skopeo."""

from __future__ import annotations

from pathlib import Path

from inspector.http.tls import Tls
from inspector.registry.settings import Settings


def trust_in(registry: str, settings: Settings) -> Tls:
    """What the first folder of the registry says: every `.crt` vouches, the first `.cert` with its `.key` is ours.

    A registry that is insecure by choice needs nobody to vouch for it.
    """
    verify = registry not in settings.insecure
    for folder in (base / registry for base in _bases(settings)):
        try:
            names = sorted(entry.name for entry in folder.iterdir())
        except OSError:
            continue
        authorities = tuple(str(folder / name) for name in names if name.endswith(".crt"))
        pairs = [name for name in names if name.endswith(".cert") and f"{name[:-5]}.key" in names]
        if not pairs:
            return Tls(authorities, verify=verify)
        return Tls(authorities, str(folder / pairs[0]), str(folder / f"{pairs[0][:-5]}.key"), verify)
    return Tls(verify=verify)


def _bases(settings: Settings) -> list[Path]:
    """Where `certs.d` may lie, the user's before the machine's (containers-certs.d(5), Docker's rootless mode)."""
    own = settings.config_home()
    users = [] if own is None else [own / "containers" / "certs.d", own / "docker" / "certs.d"]
    return [*users, settings.etc / "containers" / "certs.d", settings.etc / "docker" / "certs.d"]
