"""Whose certificates count, and what we show of our own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from inspector.errors import UsageError

if TYPE_CHECKING:
    import ssl


class Tls(msgspec.Struct, frozen=True):
    """Files of certificates that vouch for a host, and the pair that is shown to it.

    They count beside those of the operating system, or without `system` in their place, as Docker takes its `ca.pem`.
    """

    authorities: tuple[str, ...] = ()
    certificate: str = ""
    key: str = ""
    verify: bool = True
    system: bool = True

    def context(self) -> ssl.SSLContext:
        """Return a new context, for one connection: truststore's hold a lock for as long as hands are shaken.

        Raises `UsageError` for files that are no certificates.
        """
        import ssl  # 15 ms, and most engines are asked by a socket of this machine

        kind = _of_system() if self.verify and self.system else ssl.SSLContext
        context = kind(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # as to Go, what a user names vouches, a root or not
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        path = ""
        try:
            for path in self.authorities:
                context.load_verify_locations(path)
            if self.certificate and self.key:
                path = self.certificate
                context.load_cert_chain(self.certificate, self.key, password=lambda: "")  # OpenSSL would ask
        except OSError as error:
            why = error.reason if isinstance(error, ssl.SSLError) else error.strerror
            raise UsageError(f"{path}: no usable certificate or key: {why}") from error
        return context

    def for_others(self) -> Tls:
        """Return the same for hosts that this one sends us to: they see no certificate of ours."""
        return Tls(self.authorities)


def docker_tls(folder: Path, *, verify: bool) -> Tls:
    """Return what lies in a folder as Docker's command line keeps it, each file only if it is there."""
    ca, certificate, key = (
        str(path) if (path := folder / name).is_file() else "" for name in ("ca.pem", "cert.pem", "key.pem")
    )
    return Tls((ca,) if ca else (), certificate, key, verify=verify, system=not ca)


def _of_system() -> type[ssl.SSLContext]:
    """Trust what the operating system does: Windows and macOS by themselves, others from the files of their kind."""
    from truststore import SSLContext  # 8 ms, and plain connections need none

    return SSLContext
