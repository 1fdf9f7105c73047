"""The workers of a Dask cluster: how they are met, who they are, and that they all have this very program."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from inspector.cluster.worker import Version, version_here
from inspector.errors import Unreachable, Unsupported, UsageError

if TYPE_CHECKING:
    from distributed import Client

AHEAD = 2
"""Layers that are in the cluster for each of its threads: one is read, and one waits."""
MOST = 1024
"""Layers that are in the cluster at once, however large it is."""

_CONNECT = 10.0
_PATIENCE = 60.0
"""Seconds that a cluster may have no worker at all."""
_REFRESH = 5.0


class Workers:
    """The workers as they come and go."""

    def __init__(self, client: Client, address: str) -> None:
        self._client = client
        self._address = address
        self._threads: dict[str, int] = {}
        self._looked = float("-inf")
        self._last_seen = time.monotonic()

    def room(self) -> int:
        """Count the layers that the cluster may hold now."""
        return min(max(sum(self._look().values()) * AHEAD, 1), MOST)

    def addresses(self) -> list[str]:
        """List where its workers listen."""
        return list(self._look())

    def check(self) -> None:
        """Raise `Unreachable` where there was no worker for too long."""
        if self._look():
            self._last_seen = time.monotonic()
        elif time.monotonic() - self._last_seen > _PATIENCE:
            raise Unreachable(f"--cluster {self._address}: has had no worker for {_PATIENCE:.0f} seconds")

    def _look(self) -> dict[str, int]:
        if time.monotonic() - self._looked > _REFRESH:
            if self._client.status != "running":
                raise lost(self._address)
            try:
                self._threads = dict(self._client.nthreads())
            except (OSError, TimeoutError) as error:
                raise lost(self._address) from error
            self._looked = time.monotonic()
        return self._threads


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Dask's client from writing tracebacks about what we report in a sentence."""
    loggers = [logging.getLogger(f"distributed.{name}") for name in ("client", "core", "comm.core")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def load() -> None:
    """Bring Dask in. Raises `UsageError` where it is not installed."""
    try:
        import distributed  # noqa: F401 - an optional dependency, and 600 ms
    except ImportError:
        raise UsageError(
            "--cluster: Dask is not installed; `pip install 'torch-image-inspector[cluster]'` brings it"
        ) from None


def connect(address: str) -> Client:
    """Connect to the scheduler. Raises `Unreachable` where none answers, `UsageError` for TLS without certificates."""
    from distributed import Client as Connection
    from distributed.security import Security

    security = Security()  # as Dask's own settings say
    try:
        if address.startswith("tls:") and security.get_connection_args("client").get("ssl_context") is None:
            raise UsageError(f"--cluster {address}: no certificates in Dask's settings (distributed.comm.tls.*)")
        return Connection(address, security=security, timeout=_CONNECT, set_as_default=False, name="inspector")
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        why = type(error).__name__
        raise Unreachable(f"--cluster {address}: no Dask scheduler answers there ({why})") from None


def check_versions(client: Client, address: str) -> None:
    """Raise `Unsupported` unless all workers have the same inspector as this machine."""
    try:
        answers = client.run(version_here, on_error="return")
    except (OSError, TimeoutError) as error:
        raise lost(address) from error
    for worker, answer in answers.items():
        if answer != version_here():
            raise other_version(answer, f"its worker {str(worker)[:100]}")


def other_version(found: object, who: str) -> Unsupported:
    """Make the error for a worker that would read layers differently."""
    theirs = f"inspector {found}" if isinstance(found, Version) else "no inspector that answers"
    return Unsupported(f"--cluster: {who} has {theirs}, and here is {version_here()}; install the same on all")


def lost(address: str) -> Unreachable:
    """Make the error for a cluster that no longer answers."""
    return Unreachable(f"--cluster {address}: the cluster is lost; the same command goes on where this one stopped")
