"""Whose certificates count, and what we show of our own: the folders `certs.d` of Docker, Podman and skopeo."""

from __future__ import annotations

import ssl
from pathlib import Path

import msgspec

from inspector.errors import UsageError
from inspector.registry.settings import Settings


class Trust(msgspec.Struct, frozen=True):
    """Files of certificates that vouch for a host beside the system's own, and the pair that is shown to it."""

    authorities: tuple[str, ...] = ()
    certificate: str = ""
    key: str = ""
    verify: bool = True

    def context(self) -> ssl.SSLContext:
        """What OpenSSL makes of it. Raises `UsageError` for files that are none."""
        context = ssl.create_default_context()
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        path = ""
        try:
            for path in self.authorities:
                context.load_verify_locations(path)
            if self.certificate:
                path = self.certificate
                context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except OSError as error:
            why = error.reason if isinstance(error, ssl.SSLError) else error.strerror
            raise UsageError(f"{path}: no usable certificate or key: {why}") from error
        return context

    def for_others(self) -> Trust:
        """The same for hosts that this one sends us to: they see no certificate of ours."""
        return Trust(self.authorities, verify=True)


def trust_in(registry: str, settings: Settings) -> Trust:
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
            return Trust(authorities, verify=verify)
        return Trust(authorities, str(folder / pairs[0]), str(folder / f"{pairs[0][:-5]}.key"), verify)
    return Trust(verify=verify)


def _bases(settings: Settings) -> list[Path]:
    """Where `certs.d` may lie, the user's before the machine's (containers-certs.d(5), Docker's rootless mode)."""
    own = settings.config_home()
    users = [] if own is None else [own / "containers" / "certs.d", own / "docker" / "certs.d"]
    return [*users, settings.etc / "containers" / "certs.d", settings.etc / "docker" / "certs.d"]


def _no_password() -> str:
    """In place of OpenSSL's question on the terminal."""
    return ""
