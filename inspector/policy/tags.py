"""Tags as versions: which one a tag states, and which of several is the newest.

A version is what PEP 440 takes for one, with or without a `v` before it. What follows it after `-` or `_` and
belongs to no version names a variant: `2.3.0-cuda12.1` is 2.3.0, but `2.3.0-rc1` a release candidate.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from inspector.errors import UsageError
from inspector.policy.audited import natural

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

_BEGINS = r"(?ia)v?[0-9]"
_ENDS = r"[-_]"


def version_of(tag: str) -> Version | None:
    """Return the version that the tag states; None where it states none."""
    from packaging.version import InvalidVersion, Version  # 10 ms, and most audits ask for none

    if not re.match(_BEGINS, tag):
        return None
    ends = [len(tag), *reversed([found.start() for found in re.finditer(_ENDS, tag)])]
    for end in ends:
        try:
            return Version(tag[:end])
        except InvalidVersion:
            continue
    return None


@lru_cache(maxsize=16)
def parse_range(text: str) -> SpecifierSet:
    """Read a range as Python packages state it, its parts joined by commas or spaces. Raises `UsageError`."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    parts = [part for part in re.split(r"[,\s]+(?=[<>=!~])|,", text.strip()) if part.strip()]
    try:
        found = SpecifierSet(",".join(parts))
    except InvalidSpecifier:
        found = SpecifierSet()
    if not len(found):
        raise UsageError(
            f"--semver {text!r}: no version range; write one as in '>=1.2,<2', '~=1.4' or '==2.*' "
            "(^1.2 is '>=1.2,<2', ~1.2.3 is '~=1.2.3')"
        )
    return found


def is_within(tag: str, versions: str) -> bool:
    """Tell whether the tag states a version in that range; a pre-release only where the range names one."""
    version, wanted = version_of(tag), parse_range(versions)
    return version is not None and wanted.contains(version, prereleases=bool(wanted.prereleases))


def in_order(tags: Iterable[str]) -> list[str]:
    """Return tags in the order of their versions; those that state none follow, numbers in them by their value."""
    return sorted(tags, key=order_of)


@lru_cache(maxsize=4096)
def order_of(tag: str) -> tuple[bool, Version | int, tuple[tuple[str, int], ...]]:
    """Return the key by which tags are ordered."""
    version = version_of(tag)
    return version is None, 0 if version is None else version, natural(tag)


def newest(tags: Sequence[str], count: int) -> list[str] | None:
    """Return the `count` highest versions, the highest first; None where fewer than half of the tags state one."""
    versions = [(version, natural(tag), tag) for tag in tags if (version := version_of(tag)) is not None]
    if len(versions) * 2 < len(tags):
        return None
    return [tag for *_, tag in sorted(versions, reverse=True)[:count]]
