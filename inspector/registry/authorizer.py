"""From a registry's challenge to the `Authorization` header that answers it, remembered for the next request."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from inspector.errors import Denied, Refused
from inspector.registry.address import Origin
from inspector.registry.challenge import Challenge
from inspector.registry.credentials import Credentials
from inspector.registry.lending import LONG_ENOUGH, refuse_secret
from inspector.registry.login import Login
from inspector.registry.names import DOCKER_HUB
from inspector.registry.realm import Grant, Token, TokenServer
from inspector.registry.trust import Trust

CATALOG_SCOPE = "registry:catalog:*"


class Authorizer:
    """Answers the challenges of one registry. What is remembered lives in memory alone; from any thread."""

    def __init__(self, host: str, credentials: Credentials, tokens: TokenServer, trust: Trust) -> None:
        self._host = host
        self._credentials = credentials
        self._tokens = tokens
        self._trust = trust
        self._lock = threading.Lock()
        self._known: dict[str, Grant | str] = {}
        self._fresh: dict[Grant, Token] = {}

    def header(self, repository: str) -> str | None:
        """What worked for the repository before, or a fresh token of the same grant; None where nothing was needed."""
        with self._lock:
            known = self._known.get(repository)
            return self._token(known, repository) if isinstance(known, Grant) else known

    def answer(self, challenges: Sequence[Challenge], registry: Origin, repository: str, stale: str | None) -> str:
        """The header that meets the challenges; `stale` is the one that they came in answer to.

        An empty repository stands for the whole registry. Raises `Denied`, `Refused`, and what fetching a token raises.
        """
        by_scheme = {challenge.scheme: challenge for challenge in reversed(challenges)}
        with self._lock:
            login = self._credentials.find(self._host, repository)
            if "bearer" in by_scheme:
                return self._bearer(by_scheme["bearer"], registry, repository, stale, login)
            if "basic" in by_scheme:
                return self._basic(repository, stale, login)
        raise Refused(f"{self._shown(repository)}: asks for credentials in no way that is known here")

    def lend(self, repository: str) -> Token | None:
        """A token of the repository's that lasts a while still, for others to show; None where none was ever needed.

        Raises `Refused` where the registry gives no tokens of its own, and what fetching one raises.
        """
        with self._lock:
            known = self._known.get(repository)
            if known is None:
                return None
            if not isinstance(known, Grant):
                login = self._credentials.find(self._host, repository)
                origin = f" from {login.origin}" if login else ""
                raise Refused(
                    f"{self._shown(repository)}: takes the credentials{origin} themselves; those are not lent"
                )
            token = self._fresh.get(known)
            if token is not None and token.ends - time.monotonic() < LONG_ENOUGH:
                del self._fresh[known]
            self._token(known, repository)
            refuse_secret(self._fresh[known], self._credentials.find(self._host, repository), self._shown(repository))
            return self._fresh[known]

    def denied(self, repository: str, status: int) -> Denied:
        """The error for a registry that will not have us, or not here."""
        login = self._credentials.find(self._host, repository)
        who = f"with the credentials from {login.origin}" if login else "without credentials"
        hidden = "; registries say this of repositories, too, that they don't have" if repository else ""
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
        token = self._fresh.get(grant)
        if token is not None and token.header() == stale:
            del self._fresh[grant]
        self._known[repository] = grant
        return self._token(grant, repository)

    def _basic(self, repository: str, stale: str | None, login: Login | None) -> str:
        if login is None or login.is_identity or login.is_bearer:
            raise self.denied(repository, 401)
        return self._settled(repository, login.basic(), stale)

    def _settled(self, repository: str, header: str, stale: str | None) -> str:
        """A header that no asking will change; refused once, it is refused for good."""
        if stale == header:
            raise self.denied(repository, 401)
        self._known[repository] = header
        return header

    def _token(self, grant: Grant, repository: str) -> str:
        token = self._fresh.get(grant)
        if token is None or not token.is_fresh():
            login = self._credentials.find(self._host, repository)
            token = self._fresh[grant] = self._tokens.fetch(grant, login, self._trust)
        return token.header()

    def _shown(self, repository: str) -> str:
        if not repository:
            return "" if self._host == DOCKER_HUB else self._host
        return f"{self._host}/{repository}"
