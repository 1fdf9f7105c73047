"""What the user and the machine say of how registries are to be reached, and how long to bear with them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from inspector.errors import UsageError
from inspector.home import home_directory
from inspector.http.timed import Patience
from inspector.http.tls import Tls
from inspector.names import parse_host


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach registries: `environment` and `home` lead to the user's files, `etc` to the machine's.

    `insecure` are the hosts, as names begin with them, that may be asked without TLS or with a certificate
    that nobody vouches for; of those in `trust_toc` (all, where that is None) layers' tables of contents are believed.
    """

    environment: Mapping[str, str] = {}
    home: Path | None = None
    etc: Path = Path("/etc")
    insecure: frozenset[str] = frozenset()
    trust_toc: frozenset[str] | None = frozenset()
    patience: Patience = Patience()

    def __repr__(self) -> str:
        return f"Settings(home={str(self.home)!r})"  # an environment may hold anything

    def trusts_toc(self, host: str) -> bool:
        """Tell whether tables of contents of the layers that `host` has are believed without reading these."""
        return self.trust_toc is None or host in self.trust_toc

    def config_home(self) -> Path | None:
        """Return the folder of the user's settings by the XDG rules; None for a user without a home."""
        given = self.environment.get("XDG_CONFIG_HOME")
        if given:
            return Path(given)
        return None if self.home is None else self.home / ".config"


def user_settings(insecure: Sequence[str] = (), trust_toc: Literal["all"] | Sequence[str] = ()) -> Settings:
    """Give the settings of this user; `INSPECTOR_INSECURE_REGISTRIES` adds hosts.

    `trust_toc` are the hosts whose tables of contents are believed. Raises `UsageError`.
    """
    believed = None if trust_toc == "all" else frozenset(_host(host, "a trusted registry") for host in trust_toc)
    listed = os.environ.get("INSPECTOR_INSECURE_REGISTRIES", "").replace(",", " ").split()
    return Settings(
        environment=dict(os.environ),
        home=home_directory(),
        insecure=frozenset(_host(host, "an insecure registry") for host in (*insecure, *listed)),
        trust_toc=believed,
    )


def tls_for(registry: str, settings: Settings) -> Tls:
    """Read the registry's first folder in `certs.d`: each `.crt` vouches, the first `.cert` with a `.key` is ours.

    A registry that is insecure by choice needs nobody to vouch for it.
    """
    verify = registry not in settings.insecure
    for folder in (base / registry for base in certificate_bases(settings)):
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


def certificate_bases(settings: Settings) -> list[Path]:
    """Say where `certs.d` may lie, the user's before the machine's (containers-certs.d(5), Docker's rootless mode)."""
    own = settings.config_home()
    users = [] if own is None else [own / "containers" / "certs.d", own / "docker" / "certs.d"]
    return [*users, settings.etc / "containers" / "certs.d", settings.etc / "docker" / "certs.d"]


def _host(text: str, what: str) -> str:
    try:
        return parse_host(text)
    except UsageError as error:
        raise UsageError(f"{what}: {error}") from error
