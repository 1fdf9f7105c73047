"""What another machine needs to read one repository, and no more: never a password, nor anything that lasts."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import msgspec

from inspector.errors import Refused
from inspector.http.timed import Patience
from inspector.registry.challenge import Login
from inspector.registry.settings import Settings
from inspector.registry.tokens import Token

LONG_ENOUGH = 30.0
"""Seconds that a token that is lent must last still: it may have to wait for its turn."""

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Lent(msgspec.Struct, frozen=True, kw_only=True):
    """The right to pull from one repository of `host` for some minutes; without a `token`, of one that asks for none.

    `insecure` says that the host may be asked without verified TLS, `here` that it is this very machine. `trusted` are
    the other hosts that may be asked without verified TLS; the registry may redirect to them. `trusts_toc` says that
    tables of contents of the host's layers are believed. `patience` is how long to wait for it.
    """

    host: str
    insecure: bool = False
    trusted: tuple[str, ...] = ()
    here: bool = False
    trusts_toc: bool = False
    patience: Patience = Patience()
    token: Token | None = None

    def __repr__(self) -> str:
        return f"Lent(host={self.host!r})"

    def settings(self, environment: Mapping[str, str]) -> Settings:
        """Return the settings of who was lent this: of the `environment` there, no more than its proxies count."""
        kept = {name: value for name, value in environment.items() if name.lower() in _PROXIES}
        if self.token is not None:
            kept |= {"INSPECTOR_REGISTRY_HOST": self.host, "INSPECTOR_REGISTRY_TOKEN": self.token.secret}
        return Settings(
            environment=kept,
            insecure=frozenset(self.all_insecure),
            trust_toc=frozenset(self.trusted_toc),
            patience=self.patience,
        )

    @property
    def trusted_toc(self) -> tuple[str, ...]:
        """The hosts whose tables of contents are believed."""
        return (self.host,) if self.trusts_toc else ()

    @property
    def all_insecure(self) -> tuple[str, ...]:
        """The hosts that the user allows to be asked without trusted TLS."""
        return (*self.trusted, self.host) if self.insecure else self.trusted


def refuse_secret(token: Token, login: Login | None, where: str) -> None:
    """Raise `Refused` for a token that is the secret again, which some registries hand out as it is, or in base64."""
    if login is None or not login.secret:
        return
    secret = login.secret.encode()
    if secret in token.secret.encode() or secret in _unpacked(token.secret) or login.basic()[6:] in token.secret:
        raise Refused(f"{where}: its token holds the very secret of {login.origin}, which is not lent")


def _unpacked(text: str) -> bytes:
    """Return what `text` is in base64; for what is none, whatever comes of it."""
    padded = text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4)
    try:
        return base64.b64decode(padded)
    except ValueError:
        return b""
