"""All registries of one run: connections, credentials and tokens, each had once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import msgspec

from inspector.names import ImageName, is_repository
from inspector.registry.credentials import Credentials
from inspector.registry.lists import listed
from inspector.registry.mirrors import Mirrors
from inspector.registry.repository import Repository
from inspector.registry.session import Session
from inspector.registry.settings import Settings
from inspector.registry.transport import Transport


class Client:
    """Leads to repositories; from any thread. `gate` is called before each request. The caller closes it."""

    def __init__(self, settings: Settings, *, gate: Callable[[], None] = lambda: None) -> None:
        self._mirrors = Mirrors(settings)
        self._settings = msgspec.structs.replace(settings, insecure=settings.insecure | self._mirrors.insecure())
        self._credentials = Credentials(settings)
        self._transport = Transport(settings, gate)
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was wrong with credentials, which then were not used."""
        return self._credentials.warnings

    def repositories(self, name: ImageName) -> list[Repository]:
        """Say where it can be had: its mirrors in order, then its own registry. Raises `Refused` if it is blocked."""
        return [self.repository(place) for place in self._mirrors.places(name)]

    def repository(self, place: ImageName) -> Repository:
        """Return the repository at one of its places, which `repositories` told."""
        return Repository(self._session(place.host), place)

    def catalog(self, host: str) -> Iterator[str]:
        """Return the repositories of a registry, as it orders them.

        Raises `NotFound` or `Denied` where it doesn't tell.
        """
        return listed(self._session(host), "/v2/_catalog", "repositories", is_repository, host)

    def close(self) -> None:
        """Give all connections back."""
        self._transport.close()

    def _session(self, host: str) -> Session:
        with self._lock:
            session = self._sessions.get(host)
            if session is None:
                session = Session(host, self._settings, self._transport, self._credentials)
                self._sessions[host] = session
            return session
