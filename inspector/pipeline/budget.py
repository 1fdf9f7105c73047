"""What an audit may cost, in requests and in bytes of layers, and when a registry is given up; from any thread."""

from __future__ import annotations

import threading
from collections import Counter

from inspector import work
from inspector.errors import InspectorError

MAX_LOST = 24
"""Failures in a row to reach a registry, or to be let in by it, after which it is asked no more in this run."""
LOST_KINDS = frozenset({"unreachable", "rate-limited"})


class Spent(InspectorError):
    """A bound on the audit is reached: what was to be done is left."""


class AuditBudget:
    """Counts requests and bytes, and failures of registries; None sets no bound."""

    def __init__(self, max_requests: int | None = None, max_bytes: int | None = None) -> None:
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._reserved = 0
        self._reached: dict[str, None] = {}
        self._failures: Counter[str] = Counter()
        self.requests = 0
        self.bytes = 0

    @property
    def why(self) -> str:
        """Name what kept something from being done, bounds and lost registries; empty where nothing did."""
        return " and ".join(self._reached)

    def ask(self) -> None:
        """Count a request before it is made. Raises `Spent`, and where the work is stopped."""
        work.check()
        with self._lock:
            if self._max_requests is not None and self.requests >= self._max_requests:
                self._reached["--max-requests"] = None
                raise Spent(f"the bound of {self._max_requests} requests is reached")
            self.requests += 1

    def reserve(self, size: int) -> bool:
        """Reserve the bytes of a layer, if the bounds still allow it; `settle` says what became of them."""
        with self._lock:
            if self._max_requests is not None and self.requests >= self._max_requests:
                self._reached["--max-requests"] = None
                return False
            if self._max_bytes is not None and self.bytes + self._reserved + size > self._max_bytes:
                self._reached["--max-bytes"] = None
                return False
            self._reserved += size
            return True

    def note(self, host: str, kind: str) -> None:
        """Note what a registry answered: the kind of an error, or an empty one."""
        with self._lock:
            self._failures[host] = self._failures[host] + 1 if kind in LOST_KINDS else 0

    def is_lost(self, host: str) -> bool:
        """Tell whether the registry failed so often that it is not asked any more; what is left of it stays undone."""
        with self._lock:
            if self._failures[host] < MAX_LOST:
                return False
            self._reached[f"{host}, which no longer answers"] = None
            return True

    def settle(self, size: int, read: int) -> None:
        """Note that a layer for which `size` bytes were reserved took `read`."""
        with self._lock:
            self._reserved -= size
            self.bytes += read
