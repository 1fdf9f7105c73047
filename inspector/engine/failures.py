"""An engine's refusals and a network's failures, as one sentence each."""

from __future__ import annotations

import re
import ssl

import msgspec

from inspector.engine.endpoint import Endpoint
from inspector.errors import InspectorError, NotFound, Refused, Unreachable, causes
from inspector.oci import decoder


class _Message(msgspec.Struct):
    message: str


ABSENT = "no such socket"
DENIED = "permission denied"
"""By this one tells the socket of an engine that is there, but not for this user."""
_MISSING = re.compile("no such image|reference does not exist|image not known|failed to get digest", re.IGNORECASE)


def refusal(endpoint: Endpoint, what: str, status: int, body: bytes) -> InspectorError:
    """`NotFound` for 404, or what comes to the same, else `Refused`; with the engine's own words, cut and escaped."""
    words = own_words(body)
    if status == 404 or (status >= 500 and _MISSING.search(words)):
        return NotFound(f"{what}: not at the engine {endpoint}{': ' if words else ''}{words}")
    return Refused(f"{what}: the engine {endpoint} answers {status}: {words or 'without a reason'}")


def own_words(body: bytes) -> str:
    """The message in an engine's answer, as plain ASCII of at most 300 characters."""
    return ascii(" ".join(message(body).split())[:300])[1:-1]


def message(body: bytes) -> str:
    """The message in an engine's answer as it came; the whole answer where it has no such form."""
    try:
        return decoder(_Message).decode(body).message
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body.decode("utf-8", "replace")


def unreachable(endpoint: Endpoint, error: BaseException) -> Unreachable:
    """The error for a connection that can't be made or breaks off."""
    return Unreachable(f"{endpoint} ({endpoint.origin}): {reason(error)}")


def reason(error: BaseException) -> str:
    """Why a connection failed, as a clause: the first cause that says it, found through libraries' wrappings."""
    found = causes(error)
    clauses = [clause for cause in found if (clause := _clause(cause))]
    plain = [str(cause) for cause in found if type(cause) is ValueError]
    said = [*clauses, *plain, f"the connection breaks off ({type(found[-1]).__name__})"][0]
    return ascii(said[:300])[1:-1]


def _clause(cause: BaseException) -> str:
    """What one cause says; empty where it is a mere wrapping."""
    for kind, clause in _CLAUSES:
        if isinstance(cause, kind):
            return clause
    if isinstance(cause, ssl.SSLError):
        return f"TLS fails: {cause.reason or cause}"
    return str(cause.strerror) if isinstance(cause, OSError) and cause.strerror else ""


def is_timeout(error: BaseException) -> bool:
    """Whether nothing went wrong but the time."""
    return any(isinstance(cause, TimeoutError) for cause in causes(error))


_CLAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (PermissionError, f"{DENIED}: join the group `docker`, or use a rootless engine"),
    (FileNotFoundError, ABSENT),
    (ConnectionRefusedError, "nothing listens there"),
    (TimeoutError, "no answer in time"),
)
