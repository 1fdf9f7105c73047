"""What a registry asks for when it says 401 (RFC 9110, section 11.6.1), and the login that answers it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

import msgspec

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - the RFC's word for a run of characters
_PART = re.compile(
    rf'[\s,]*(?:(?P<name>{_TOKEN})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s,"]+))|(?P<scheme>{_TOKEN}))'
)
MAX_HEADER = 16 << 10


class Challenge(msgspec.Struct, frozen=True):
    """One of a `WWW-Authenticate` header: a scheme in lower case, and its parameters by lower-case name."""

    scheme: str
    parameters: dict[str, str] = {}

    def get(self, name: str) -> str:
        """Return a parameter; empty where there is none."""
        return self.parameters.get(name, "")


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """Return all challenges of all headers, in order; whatever follows what can't be read is left out."""
    found: list[Challenge] = []
    for header in headers:
        text, at = header[:MAX_HEADER], 0
        parameters: dict[str, str] | None = None
        while part := _PART.match(text, at):
            at = part.end()
            if part["scheme"] is not None:
                parameters = {}
                found.append(Challenge(part["scheme"].lower(), parameters))
            elif parameters is not None:
                value = part["bare"] or re.sub(r"\\(.)", r"\1", part["quoted"] or "")
                parameters.setdefault(part["name"].lower(), value)
    return found


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

    __str__ = __repr__
