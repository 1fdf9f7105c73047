"""An engine's refusals, as one sentence each."""

from __future__ import annotations

import re

import msgspec

from inspector.engine.endpoint import Endpoint
from inspector.errors import InspectorError, NotFound, Refused
from inspector.escape import in_ascii
from inspector.http.failures import Clauses
from inspector.oci import decoder


class _Message(msgspec.Struct):
    message: str


ABSENT = "no such socket"
DENIED = "permission denied"
"""By this one tells the socket of an engine that is there, but not for this user."""
_MISSING = "(?i)no such image|reference does not exist|image not known|failed to get digest"
_INVALID = "invalid reference format"
"""Of a name that no image can have, such as one in capitals."""


def refusal(endpoint: Endpoint, what: str, status: int, body: bytes) -> InspectorError:
    """Return `NotFound` for 404, or what comes to the same, else `Refused`.

    With the engine's own words, cut and escaped.
    """
    words = own_words(body)
    is_missing = (status >= 500 and re.search(_MISSING, words)) or (status == 400 and _INVALID in words)
    if status == 404 or is_missing:
        return NotFound(f"{what}: not at the engine {endpoint}{': ' if words else ''}{words}")
    return Refused(f"{what}: the engine {endpoint} answers {status}: {words or 'without a reason'}")


def own_words(body: bytes) -> str:
    """Return the message in an engine's answer, as plain ASCII of at most 300 characters."""
    return in_ascii(" ".join(message(body).split()))


def message(body: bytes) -> str:
    """Return the message in an engine's answer as it came; the whole answer where it has no such form."""
    try:
        return decoder(_Message).decode(body).message
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body.decode("utf-8", "replace")


CLAUSES: Clauses = (
    (PermissionError, f"{DENIED}: join the group `docker`, or use a rootless engine"),
    (FileNotFoundError, ABSENT),
)
"""Why the socket of an engine can't be connected to."""
