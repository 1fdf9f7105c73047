"""The files of a TLS connection, as Docker names them."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Tls(msgspec.Struct, frozen=True):
    """Paths of files; an empty one is none. `verify` False takes any server's certificate."""

    ca: str = ""
    certificate: str = ""
    key: str = ""
    verify: bool = True


def tls_of(folder: Path, *, verify: bool) -> Tls:
    """What lies in `folder`, each file only if it is there."""
    ca, certificate, key = (
        str(path) if (path := folder / name).is_file() else "" for name in ("ca.pem", "cert.pem", "key.pem")
    )
    return Tls(ca, certificate, key, verify)
