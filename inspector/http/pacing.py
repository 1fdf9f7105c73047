"""When to ask again: a server that is busy or asks for patience gets it, within bounds."""

from __future__ import annotations

import email.utils
import threading
import time
from collections.abc import Callable

from inspector import work
from inspector.errors import InspectorError, Unreachable
from inspector.http.bodies import words_of
from inspector.http.connections import Response
from inspector.http.failures import Interrupted
from inspector.http.timed import Patience, within

Refusal = Callable[[str, int, bytes], InspectorError]
"""Makes the error of a refusal: from what was asked for, the status, and the body."""

_BUSY = frozenset({429, 500, 502, 503, 504})
MAX_BACKOFF = 60.0


class Pacing:
    """Repeats requests to one server; all threads keep the pause that it asks of one."""

    def __init__(self, patience: Patience, refusal: Refusal) -> None:
        self.patience = patience
        self._refusal = refusal
        self._lock = threading.Lock()
        self._not_before = 0.0

    def backoff(self, failures: int) -> float:
        """Say how long to wait after so many failures in a row, in seconds."""
        return min(self.patience.backoff * 2.0 ** (failures - 1), MAX_BACKOFF)

    def ask(self, request: Callable[[], Response], where: str) -> Response:
        """Ask until the answer is no excuse. Raises `RateLimited`, `Refused`, `Unreachable` when out of patience.

        All attempts together have the time of one; pauses between them don't count.
        """
        failures, asked, left = 0, 0.0, self.patience.answer
        while True:
            work.wait(self._not_before - time.monotonic())
            began = time.monotonic()
            try:
                with within(left):
                    response = request()
            except Interrupted as error:
                failures += 1
                left -= time.monotonic() - began
                if failures > self.patience.retries or left <= 0:
                    raise Unreachable(f"{error}; asked {failures} times") from None
                work.wait(self.backoff(failures))
                continue
            if response.status not in _BUSY:
                return response
            failures += 1
            pause = self._excuse(response, failures, asked, where)
            left -= time.monotonic() - began
            asked += pause
            with self._lock:
                self._not_before = max(self._not_before, time.monotonic() + pause)

    def _excuse(self, response: Response, failures: int, asked: float, where: str) -> float:
        """Say how long the server wants to be left alone, in seconds; raises its refusal where that is too long.

        `asked` is what it wanted before, for the same request.
        """
        more = retry_after(response.header("Retry-After"), time.time())
        error = self._refusal(where, response.status, words_of(response))
        if more is not None and asked + more > self.patience.max_wait:
            before = f" more, after {asked:.0f} that it had" if asked else ""
            raise type(error)(f"{error}; it asks for a pause of {more:.0f} seconds{before}")
        if failures > self.patience.retries:
            tries = f"; asked {failures} times" if failures > 1 else ""
            raise type(error)(f"{error}{tries}")
        return self.backoff(failures) if more is None else more


def retry_after(value: str, now: float) -> float | None:
    """Return seconds from `now`, a time since the epoch, that a `Retry-After` header asks for.

    None where it says nothing.
    """
    value = value.strip()[:64]
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(email.utils.parsedate_to_datetime(value).timestamp() - now, 0.0)
    except (TypeError, ValueError, OverflowError):
        return None
