"""What reading one image may cost, in seconds of computing and of waiting, beside what its bytes justify."""

from __future__ import annotations

import time

from inspector.errors import LimitExceeded

DEFAULT_SECONDS = 600.0
"""Seconds that one image may take beyond those that its bytes justify by default."""
SLOWEST_LINK = 16 << 10
"""Bytes a second that justify waiting: an image of 100 GB may take a day over a link of 10 Mbit/s."""
SLOWEST_UNPACKING = 1 << 20
"""Stored bytes a second of computing; bzip2, the slowest, unpacks five times as many on old machines."""
COMPUTING_SHARE = 0.2
"""Of the seconds allowed, those of computing: an image of 6 GB and 42,000 files takes 1 beyond its bytes."""
TOTAL = 144
"""Times the seconds allowed after which an image ends, however many bytes arrive: a day, by default."""


class Limits:
    """The time that one image takes, over all threads that read it."""

    def __init__(self, seconds: float = DEFAULT_SECONDS) -> None:
        self._seconds = seconds
        self._begun = time.monotonic()
        self._bytes = 0
        self._computed = 0.0
        self._waited = 0.0

    def advance(self, count: int) -> None:
        """Count bytes that arrived."""
        self._bytes += count

    def compute(self, seconds: float) -> None:
        """Count seconds of a processor."""
        self._computed += seconds

    def waited(self, seconds: float) -> None:
        """Leave out seconds in which this image waited for another one."""
        self._waited += seconds

    def check(self) -> None:
        """Raise `LimitExceeded` once the image took more than it may."""
        if self._computed > self._seconds * COMPUTING_SHARE + self._bytes / SLOWEST_UNPACKING:
            raise self._exceeded(self._computed, "seconds of computing")
        taken = time.monotonic() - self._begun - self._waited
        if taken > min(self._seconds + self._bytes / SLOWEST_LINK, self._seconds * TOTAL):
            raise self._exceeded(taken, "seconds")

    def _exceeded(self, taken: float, what: str) -> LimitExceeded:
        return LimitExceeded(
            f"reading it took more than {taken:.0f} {what} for {self._bytes} bytes; --image-timeout allows more"
        )
