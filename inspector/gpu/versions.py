"""Versions of drivers and of CUDA, compared as the programs compare them that refuse a container."""

from __future__ import annotations

import re
from typing import Literal

Order = Literal[-1, 0, 1]
_MAX_NUMBER = (1 << 64) - 1
_MAX_DIGITS = len(str(_MAX_NUMBER))
_DOTTED = r"(?a)[0-9.]*"
SEMANTIC = r"(?a)v?(0|[1-9]\d*)(?:\.(0|[1-9]\d*)(?:\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)?)?"
"""One to three numbers and what follows them, as Go's semver takes them; its groups are the numbers and the release."""


def compare(left: str, right: str) -> Order | None:
    """Compare two versions number by number, missing parts as 0; None for what is not one (dsl_compare_version).

    >>> compare("535.104.05", "535"), compare("12.2", "12.2.0"), compare("12.10", "12.9"), compare("12.x", "12")
    (1, 0, 1, None)
    """
    if not (re.fullmatch(_DOTTED, left) and re.fullmatch(_DOTTED, right)):
        return None
    while left and right:
        one, other = re.match("[0-9]+", left), re.match("[0-9]+", right)
        if one is None or other is None:
            return None
        mine, theirs = _number(one[0]), _number(other[0])
        if mine is None or theirs is None:
            return None
        if mine != theirs:
            return -1 if mine < theirs else 1
        left, right = left[one.end() :].lstrip("."), right[other.end() :].lstrip(".")
    left, right = left.lstrip(".0"), right.lstrip(".0")
    # Both left over can't be: the loop ends where one of them does.
    return 0 if not left and not right else (1 if left else -1)


def _number(digits: str) -> int | None:
    significant = digits.lstrip("0")
    number = int(significant or 0) if len(significant) <= _MAX_DIGITS else _MAX_NUMBER
    return number if number < _MAX_NUMBER else None


def compare_semantic(left: str, right: str) -> Order | None:
    """Compare two versions as Go's semver does, which takes one to three numbers; None where `right` is not one.

    What is not a version is smaller than all that are.
    """
    other = re.fullmatch(SEMANTIC, right)
    if other is None:
        return None
    one = re.fullmatch(SEMANTIC, left)
    if one is None:
        return -1
    for mine, theirs in zip(one.groups("0")[:3], other.groups("0")[:3], strict=True):
        if mine != theirs:  # numbers without zeros before them: the longer is the larger
            return -1 if (len(mine), mine) < (len(theirs), theirs) else 1
    return _of_release(one[4] or "", other[4] or "")


def _of_release(left: str, right: str) -> Order:
    """Compare what follows the numbers: a release without it is the later one."""
    if left == right:
        return 0
    if not left or not right:
        return 1 if not left else -1
    return -1 if left < right else 1


def major_of(version: str) -> int | None:
    """Return the first number of a version; None where there is none that a driver or CUDA could have."""
    found = re.match(r"\d{1,5}(?![0-9])", version, re.ASCII)
    return int(found[0]) if found else None
