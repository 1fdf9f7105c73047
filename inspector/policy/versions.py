"""Versions against ranges, with "can't be told" where either is no version (PEP 440)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.version import Version

    from inspector.unknown import Tri

_PATCHES = range(100)
"""Patch levels tried where only X.Y is known: more than any Python ever had."""


_RELEASE = r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*"
_PLAIN = rf"({_RELEASE})(?:\+[a-z0-9]+(?:\.[a-z0-9]+)*)?"
"""Most versions, `2.6.0+cu124` among them: as they are normal already, nothing needs to be imported that parses."""


def public_of(text: str | None) -> str | None:
    """Return a version without its local part, in its normal form; None where `text` is no version."""
    if (plain := re.fullmatch(_PLAIN, text or "")) is not None:
        return plain[1]
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
