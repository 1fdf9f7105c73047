"""A network's failures as one sentence each; nothing that the other side says is repeated."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from inspector.errors import InspectorError, LimitExceeded, Unreachable, causes
from inspector.escape import in_ascii

Clauses = Sequence[tuple[type[BaseException], str]]


class Interrupted(Unreachable):
    """A connection that was lost: the same question may be answered when asked again."""

    @property
    def kind(self) -> str:
        """See `InspectorError.kind`: to reports it is what it is to everybody else."""
        return "unreachable"


class NotHttp(Exception):
    """What answers does not speak HTTP/1.1, or not as it is read here."""


class TooManyLines(NotHttp):
    """More headers, or lines behind a body in chunks, than are read."""


class LineTooLong(NotHttp):
    """A line of a head, or between chunks, that is longer than any real one."""


class IncompleteRead(NotHttp):
    """A body that breaks off before its end."""


class StillToCome(NotHttp):
    """More answers 1xx than are passed over: none of them is the one that counts."""


class Explained(OSError):
    """A failure in words of ours, which count before those of what it followed from."""


@contextmanager
def mapped(where: str, clauses: Clauses = ()) -> Iterator[None]:
    """Turn all that goes wrong on the way there and back into `Unreachable` with a reason of our own.

    `clauses` are reasons that count before the usual ones.
    """
    try:
        yield
    except InspectorError:
        raise
    except Exception as error:
        if not isinstance(error, OSError | NotHttp | ValueError) and type(error).__module__ != "pywintypes":
            raise
        kind = LimitExceeded if _is_endless(error) else Interrupted if _is_lost(error) else Unreachable
        raise kind(f"{where}: {reason(error, clauses)}") from None  # the library's own words may hold a signed address


def reason(error: BaseException, clauses: Clauses = ()) -> str:
    """Say why a connection failed, as a clause: the first that fits any cause, found through libraries' wrappings."""
    found = causes(error)
    said = [str(cause) for cause in found if isinstance(cause, Explained)]
    said += [clause for kind, clause in (*clauses, *_CLAUSES) if any(isinstance(cause, kind) for cause in found)]
    said += [_tls_reason(cause) for cause in found if isinstance(cause, _tls_error("SSLError"))]
    said += ["what answers there does not speak HTTP" for cause in found if type(cause) is NotHttp]
    said += [cause.strerror for cause in reversed(found) if isinstance(cause, OSError) and cause.strerror]
    first = [*said, f"the connection breaks off ({type(found[-1]).__name__})"][0]
    return in_ascii(" ".join(first.split()))


def _tls_reason(error: Any) -> str:
    if isinstance(error, _tls_error("SSLCertVerificationError")):
        return f"its certificate is not trusted: {error.verify_message}"
    return f"TLS fails: {error.reason or 'for no stated reason'}"


def _tls_error(name: str) -> Any:
    """Return an error of `ssl`, which is heavy: where nothing has imported it, nobody met one."""
    return getattr(sys.modules.get("ssl"), name, ())


_TOO_MANY = "its answer has more than 100 headers, or lines behind its body"
_TOO_LONG = "its answer has a line, before its body or between the chunks of that, of more than 65536 bytes"
_CLAUSES: Clauses = (
    (socket.gaierror, "no such host"),
    (ConnectionRefusedError, "nothing listens there"),
    (TimeoutError, "no answer in time"),
    (ConnectionResetError, "the connection breaks off"),
    (StillToCome, "says more than 5 times (1xx) that its answer is still to come"),
    (LineTooLong, _TOO_LONG),
    (TooManyLines, _TOO_MANY),
)


def is_timeout(error: BaseException) -> bool:
    """Tell whether nothing went wrong but the time."""
    return any(isinstance(cause, TimeoutError) for cause in causes(error))


def _is_endless(error: BaseException) -> bool:
    """Tell whether the head of an answer was larger than is read."""
    return any(isinstance(cause, TooManyLines | StillToCome | LineTooLong) for cause in causes(error))


def _is_lost(error: BaseException) -> bool:
    """Tell whether the connection stood, and was lost. Who keeps us waiting is not asked again."""
    lost = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, IncompleteRead, _tls_error("SSLEOFError"))
    return any(isinstance(cause, lost) for cause in causes(error)) and not is_timeout(error)
