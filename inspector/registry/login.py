"""A user's secret for a registry: a value that can't be printed."""

from __future__ import annotations

import base64

import msgspec


class Login(msgspec.Struct, frozen=True):
    """A user and a password; or a secret alone: an identity token, to be traded in, or one to be shown as it is.

    `origin` says where it was found.
    """

    user: str
    secret: str
    origin: str
    is_identity: bool = False
    is_bearer: bool = False

    def basic(self) -> str:
        """Return the value of an `Authorization` header (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()

    def __repr__(self) -> str:
        return f"Login(origin={self.origin!r})"

    def __str__(self) -> str:
        return repr(self)
