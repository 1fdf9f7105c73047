"""The answer "not known, because …", as a value; and yes, no and unknown where no value is asked for."""

from __future__ import annotations

import enum
from typing import Literal, NoReturn

import msgspec

Tri = Literal["yes", "no", "unknown"]


class Importable(enum.StrEnum):
    """Yes, no or unknown. It equals its text, and is that text in JSON; it refuses to be a truth value.

    >>> inspector.Importable.NO == "no"
    True
    >>> bool(inspector.Importable.NO)
    Traceback (most recent call last):
    TypeError: importable is 'no', which has no truth value: compare it, as in importable == 'yes'
    """

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    def __bool__(self) -> NoReturn:
        """Refuse: a text that says "no" would be true."""
        raise TypeError(f"importable is {str(self)!r}, which has no truth value: compare it, as in importable == 'yes'")


class Unknown(msgspec.Struct, frozen=True):
    """What can't be decided from the bytes at hand; `unknown` holds the reason as a clause."""

    unknown: str


class Absent(Unknown, frozen=True):
    """What certainly is not there; `unknown` holds the sentence that says so."""

    absent: bool = True
