"""Compares versions of torch."""

from __future__ import annotations

import re

from inspector.python.ranges import plain_release

_RELEASE = re.compile(r"v?(?:\d{1,4}!)?(\d{1,6})\.(\d{1,6})")


def release_of(version: str | None) -> tuple[int, int] | None:
    """Return major and minor of a version, its pre-releases counted as the release; None where it has none."""
    found = _RELEASE.match(version or "")
    return (int(found[1]), int(found[2])) if found else None


def same_public(one: str, other: str) -> bool | None:
    """Test whether two versions differ in their local part at most; None where either is no version (PEP 440)."""
    plain = plain_release(one), plain_release(other)
    if None not in plain:
        return plain[0] == plain[1]
    from packaging.version import InvalidVersion, Version

    try:
        return Version(one).public == Version(other).public
    except InvalidVersion:
        return None


def is_valid(version: str) -> bool:
    """Test whether `version` is one by PEP 440."""
    if plain_release(version) is not None:
        return True
    from packaging.version import InvalidVersion, Version

    try:
        Version(version)
    except InvalidVersion:
        return False
    return True
