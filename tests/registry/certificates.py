"""Certificates as `openssl` makes them."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Authority:
    """Vouches for hosts and users; `certificate` is what to trust."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate = folder / "ca.pem"
        self._key = folder / "ca.key"
        self._openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=an authority",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", self._key, "-out", self.certificate,
        )  # fmt: skip

    def issue(self, name: str) -> tuple[Path, Path]:
        """A certificate for a host's address or a user, and its key."""
        certificate, key, request = (self._folder / f"{name}.{suffix}" for suffix in ("pem", "key", "csr"))
        if not certificate.exists():
            extensions = self._folder / f"{name}.ext"
            names = f"IP:{name}" if name.replace(".", "").isdigit() else f"DNS:{name}"
            extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\n")
            self._openssl(
                "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request
            )
            self._openssl(
                "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial",
                "-days", "2", "-extfile", extensions, "-out", certificate,
            )  # fmt: skip
        return certificate, key

    @staticmethod
    def _openssl(*words: str | Path) -> None:
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
