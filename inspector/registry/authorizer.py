"""From a registry's challenge to the `Authorization` header that answers it, remembered for the next request."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from inspector import work
from inspector.errors import Denied, Refused
from inspector.http.address import Origin
from inspector.http.tls import Tls
from inspector.names import DOCKER_HUB
from inspector.registry.challenge import Challenge, Login
from inspector.registry.credentials import Credentials
from inspector.registry.delegation import LONG_ENOUGH, refuse_secret
from inspector.registry.tokens import Grant, Token, TokenServer

CATALOG_SCOPE = "registry:catalog:*"
MAX_TOKENS = 2_000
"""Tokens that are held, of some kB each: one for each repository, of which a registry may list 100,000."""


class _Slot:
    """The token of one grant, and a lock that is held while it is fetched: who wants the same one waits."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.token: Token | None = None


class Authorizer:
    """Answers the challenges of one registry. What is remembered lives in memory alone; from any thread.

    A token request holds up nobody but those who want that very token.
    """

    def __init__(self, host: str, credentials: Credentials, tokens: TokenServer, tls: Tls) -> None:
        self._host = host
        self._credentials = credentials
        self._tokens = tokens
        self._tls = tls
        self._lock = threading.Lock()
        self._known: dict[str, Grant | str] = {}
        self._slots: dict[Grant, _Slot] = {}

    def header(self, repository: str) -> str | None:
        """Return what worked for the repository before, or a fresh token of the same grant.

        None where nothing was needed.
        """
        known = self._known.get(repository)
        return self._token(known, repository).header() if isinstance(known, Grant) else known

    def answer(self, challenges: Sequence[Challenge], registry: Origin, repository: str, stale: str | None) -> str:
        """Return the header that meets the challenges; `stale` is the one that they came in answer to.

        An empty repository stands for the whole registry. Raises `Denied`, `Refused`, and what fetching a token raises.
        """
        by_scheme = {challenge.scheme: challenge for challenge in reversed(challenges)}
        login = self._credentials.find(self._host, repository)
        if "bearer" in by_scheme:
            return self._bearer(by_scheme["bearer"], registry, repository, stale, login)
        if "basic" in by_scheme:
            return self._basic(repository, stale, login)
        raise Refused(
            f"{self._shown(repository)}: asks for credentials in an unsupported way (neither Bearer nor Basic)"
        )

    def lend(self, repository: str) -> Token | None:
        """Return a token that lasts a while still, for others to show; None where none was ever needed.

        Raises `Refused` where the registry gives no tokens of its own, and what fetching one raises.
        """
        known = self._known.get(repository)
        if known is None:
            return None
        login = self._credentials.find(self._host, repository)
        if not isinstance(known, Grant):
            origin = f" from {login.origin}" if login else ""
            raise Refused(f"{self._shown(repository)}: takes the credentials{origin} themselves; those are not lent")
        token = self._token(known, repository, lasting=LONG_ENOUGH)
        refuse_secret(token, login, self._shown(repository))
        return token

    def denied(self, repository: str, status: int) -> Denied:
        """Return the error for a registry that will not have us, or not here."""
        login = self._credentials.find(self._host, repository)
        who = f"with the credentials from {login.origin}" if login else "without credentials"
        hidden = "; registries give the same answer for repositories that don't exist" if repository else ""
        hint = "" if login else f"; log in, as in `docker login {self._shown('')}`"
        noted = "".join(f"; {warning}" for warning in self._credentials.warnings)
        return Denied(f"{self._shown(repository)}: not allowed {who} ({status}){hint}{hidden}{noted}")

    def _bearer(
        self, challenge: Challenge, registry: Origin, repository: str, stale: str | None, login: Login | None
    ) -> str:
        if login is not None and login.is_bearer:
            return self._settled(repository, f"Bearer {login.secret}", stale)
        scope = f"repository:{repository}:pull" if repository else CATALOG_SCOPE
        grant = self._tokens.grant(challenge, registry, scope)
        self._known[repository] = grant
        return self._token(grant, repository, stale=stale).header()

    def _basic(self, repository: str, stale: str | None, login: Login | None) -> str:
        if login is None or login.is_identity or login.is_bearer:
            raise self.denied(repository, 401)
        return self._settled(repository, login.basic(), stale)

    def _settled(self, repository: str, header: str, stale: str | None) -> str:
        """Return a header that no asking will change; refused once, it is refused for good."""
        if stale == header:
            raise self.denied(repository, 401)
        self._known[repository] = header
        return header

    def _token(self, grant: Grant, repository: str, *, stale: str | None = None, lasting: float = 0.0) -> Token:
        """Return the token of the grant that is at hand, unless it is the `stale` one or ends too soon.

        Else a new one.
        """
        with self._lock:
            slot = self._slots.setdefault(grant, _Slot())
            if len(self._slots) > MAX_TOKENS:
                del self._slots[next(iter(self._slots))]
        with work.held(slot.lock):
            token = slot.token
            if token is None or token.header() == stale or not token.is_fresh(lasting):
                slot.token = None
                login = self._credentials.find(self._host, repository)
                token = slot.token = self._tokens.fetch(grant, login, self._tls)
            return token

    def _shown(self, repository: str) -> str:
        if not repository:
            return "" if self._host == DOCKER_HUB else self._host
        return f"{self._host}/{repository}"
