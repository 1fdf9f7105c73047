"""A network's failures and a registry's refusals, as one sentence each; nothing that a registry says is repeated."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import BadStatusLine, HTTPException, IncompleteRead, LineTooLong

import msgspec

from inspector.errors import InspectorError, LimitExceeded, NotFound, RateLimited, Refused, Unreachable, causes
from inspector.oci import decoder

_CODE = re.compile(r"[A-Z][A-Z_]{2,39}", re.ASCII)


class Interrupted(Unreachable):
    """A connection that was lost: the same question may be answered when asked again."""

    @property
    def kind(self) -> str:
        """See `InspectorError.kind`: to reports it is what it is to everybody else."""
        return "unreachable"


class StillToCome(HTTPException):
    """More answers 1xx than are passed over: none of them is the one that counts."""


class _Error(msgspec.Struct):
    code: str = ""


class _Errors(msgspec.Struct):
    errors: list[_Error] = []


def error_code(body: bytes) -> str:
    """The first of the specification's error codes in an answer; its free text may repeat what we sent."""
    try:
        codes = [error.code for error in decoder(_Errors).decode(body).errors]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return next((code for code in codes if _CODE.fullmatch(code)), "")


def refusal(where: str, status: int, code: str) -> InspectorError:
    """The error for a status that says no, and that no one had a better sentence for."""
    said = f"{status} ({code})" if code else str(status)
    if status == 404:
        return NotFound(f"{where}: the registry has no such thing: {said}")
    if status == 429:
        return RateLimited(f"{where}: the registry limits how often it is asked; try again later, or log in")
    return Refused(f"{where}: the registry answers {said}")


@contextmanager
def mapped(where: str) -> Iterator[None]:
    """Whatever goes wrong on the way there and back, as `Unreachable` with a reason of our own."""
    from urllib3.exceptions import HTTPError  # 80 ms, and here it is loaded already

    try:
        yield
    except InspectorError:
        raise
    except (OSError, HTTPError, HTTPException, ValueError) as error:
        kind = LimitExceeded if _is_endless(error) else Interrupted if _is_lost(error) else Unreachable
        raise kind(f"{where}: {reason(error)}") from None  # the library's own words may hold a signed address


def reason(error: BaseException) -> str:
    """Why a connection failed, as a clause: the first cause that says it, found through libraries' wrappings."""
    found = causes(error)
    if any(type(cause) is HTTPException for cause in found):
        return "its answer has more than 100 headers, or lines behind its body"
    for kind, clause in _CLAUSES:
        if any(isinstance(cause, kind) for cause in found):
            return clause
    for cause in found:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {_words(cause.verify_message)}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS fails: {_words(cause.reason or 'for no stated reason')}"
    system = [cause for cause in found if isinstance(cause, OSError) and cause.strerror]
    if system:
        return _words(str(system[-1].strerror))
    return f"the connection breaks off ({type(found[-1]).__name__})"


_TOO_LONG = "its answer has a line, before its body or between the chunks of that, of more than 65536 bytes"
_CLAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "no such host"),
    (ConnectionRefusedError, "nothing listens there"),
    (TimeoutError, "no answer in time"),
    (ConnectionResetError, "the connection breaks off"),
    (StillToCome, "says more than 5 times (1xx) that its answer is still to come"),
    (LineTooLong, _TOO_LONG),
    (BadStatusLine, "what answers there does not speak HTTP"),
)


def _is_endless(error: BaseException) -> bool:
    """Whether the head of an answer was larger than is read; http.client says so by its plainest exception, too."""
    return any(type(cause) is HTTPException or isinstance(cause, StillToCome | LineTooLong) for cause in causes(error))


def _is_lost(error: BaseException) -> bool:
    """Whether the connection stood, and was lost. Who keeps us waiting is not asked again."""
    lost = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, IncompleteRead, ssl.SSLEOFError)
    found = causes(error)
    return any(isinstance(cause, lost) for cause in found) and not any(isinstance(each, TimeoutError) for each in found)


def _words(text: str) -> str:
    return ascii(" ".join(text.split())[:200])[1:-1]
