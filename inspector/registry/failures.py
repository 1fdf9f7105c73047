"""A registry's refusals, as one sentence each; nothing that a registry says is repeated."""

from __future__ import annotations

import re

import msgspec

from inspector.errors import InspectorError, NotFound, RateLimited, Refused
from inspector.oci import decoder

_CODE = re.compile(r"[A-Z][A-Z_]{2,39}", re.ASCII)


class _Error(msgspec.Struct):
    code: str = ""


class _Errors(msgspec.Struct):
    errors: list[_Error] = []


def error_code(body: bytes) -> str:
    """Return the first of the specification's error codes in an answer; its free text may repeat what we sent."""
    try:
        codes = [error.code for error in decoder(_Errors).decode(body).errors]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return next((code for code in codes if _CODE.fullmatch(code)), "")


def refusal(where: str, status: int, body: bytes) -> InspectorError:
    """Return the error for a status that says no, and that no one had a better sentence for."""
    code = error_code(body)
    said = f"{status} ({code})" if code else str(status)
    if status == 404:
        return NotFound(f"{where}: the registry has no such thing: {said}")
    if status == 429:
        return RateLimited(f"{where}: the registry limits how often it is asked; try again later, or log in")
    return Refused(f"{where}: the registry answers {said}")
