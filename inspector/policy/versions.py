"""Versions against ranges, with "can't be told" where either is no version (PEP 440)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.python.ranges import plain_release, plainly_within

if TYPE_CHECKING:
    from packaging.version import Version

    from inspector.unknown import Tri

_PATCHES = range(100)
"""Patch levels tried where only X.Y is known: more than any Python ever had."""


def public_of(text: str | None) -> str | None:
    """Return a version without its local part, in its normal form; None where `text` is no version."""
    if (plain := plain_release(text or "")) is not None:
        return plain
    version = parsed(text)
    return None if version is None else version.public


def parsed(text: str | None) -> Version | None:
    """Return the version; None where `text` is none."""
    from packaging.version import InvalidVersion, Version  # not every role compares versions

    try:
        return Version(text or "")
    except InvalidVersion:
        return None


def within(text: str | None, wanted: str) -> Tri:
    """Tell whether the version lies in the range; pre-releases count as what they are, since they are installed."""
    plainly = plainly_within(text or "", wanted)
    if plainly is not None:
        return "yes" if plainly else "no"
    version = parsed(text)
    if version is None:
        return "unknown"
    from packaging.specifiers import SpecifierSet  # 10 ms, and only where a role states a range

    return "yes" if SpecifierSet(wanted).contains(version, prereleases=True) else "no"


def python_within(text: str, wanted: str) -> Tri:
    """Return as `within`; where only X.Y is known, the answer must be the same for every patch level."""
    version = parsed(text)
    if version is None or len(version.release) > 2:
        return within(text, wanted)
    answers = {within(f"{version}.{patch}", wanted) for patch in _PATCHES}
    return answers.pop() if len(answers) == 1 else "unknown"
