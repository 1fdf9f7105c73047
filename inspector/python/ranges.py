"""Versions against ranges (PEP 440) where both are plain numbers, as most are: `packaging` takes 20 ms to import."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

RELEASE = r"(?:0|[1-9][0-9]{0,8})(?:\.(?:0|[1-9][0-9]{0,8})){0,5}"
"""A final release in its normal form."""
_VERSION = rf"({RELEASE})(?:\+[a-z0-9]+(?:\.[a-z0-9]+)*)?"
_PART = rf"\s*(>=|<=|==|!=|<|>)\s*({RELEASE})\s*"
_PREFIX = rf"\s*(?:[=!]=\s*{RELEASE}\.\*|~=\s*(?=[0-9]+\.){RELEASE})\s*"
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}


def plain_release(version: str) -> str | None:
    """Return a version without its local part; None for one that is no plain release, and may be no version at all."""
    found = re.fullmatch(_VERSION, version)
    return found[1] if found else None


def is_plain(wanted: str) -> bool:
    """Tell whether a range compares with plain releases alone; one that doesn't may still be a range."""
    return all(re.fullmatch(_PART, part) for part in wanted.split(","))


def is_range(wanted: str) -> bool:
    """Tell whether `wanted` is a range for certain, also where parts of it are not plain: `==1.2.*`, `~=1.2`."""
    return all(re.fullmatch(_PART, part) or re.fullmatch(_PREFIX, part) for part in wanted.split(","))


def plainly_within(version: str, wanted: str) -> bool | None:
    """Tell whether the version lies in the range; None where only `packaging` knows.

    >>> plainly_within("2.6.0+cu124", ">=2.6,<3"), plainly_within("2.6", "!=2.6.0"), plainly_within("2.6rc1", "<3")
    (True, False, None)
    """
    release = plain_release(version)
    if release is None or not is_plain(wanted):
        return None
    parts = (re.fullmatch(_PART, part) for part in wanted.split(","))
    return all(_COMPARE[part[1]](_numbers(release), _numbers(part[2])) for part in parts if part)


def _numbers(release: str) -> tuple[int, ...]:
    """Return the numbers of a release, without the zeros at its end."""
    return tuple(map(int, re.sub(r"(?:\.0)+$", "", release).split(".")))
