"""The answer "not known, because …", as a value; and yes, no and unknown where no value is asked for."""

from __future__ import annotations

from typing import Literal

import msgspec

Tri = Literal["yes", "no", "unknown"]


class Unknown(msgspec.Struct, frozen=True):
    """What can't be decided from the bytes at hand; `unknown` holds the reason as a clause."""

    unknown: str


class Absent(Unknown, frozen=True):
    """What certainly is not there; `unknown` holds the sentence that says so."""

    absent: bool = True
