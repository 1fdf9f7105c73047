"""The choice among platforms; what was not asked for is never taken instead."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal, TypeVar

from inspector.errors import PlatformMissing
from inspector.oci import Platform
from inspector.sources.shown import shown

Wanted = Platform | Literal["all"] | None
"""A platform, every one, or None: this machine's if there are several, else the only one."""

_MACHINES = {"i386": "386", "i686": "386", "x86": "386", "armv7l": "arm/v7", "armv6l": "arm/v6"}


def own_platform() -> Platform:
    """Linux on this machine's processor: what an engine here would run."""
    name = _machine().lower()
    architecture, _, variant = _MACHINES.get(name, name).partition("/")
    return Platform("linux", architecture, variant).normal()


def _machine() -> str:
    """Return this machine's name as the system has it."""
    if hasattr(os, "uname"):
        return os.uname().machine
    import platform  # ten regular expressions

    return platform.machine()


def same(one: Platform, other: Platform) -> bool:
    """Tell whether two platforms run the same images; versions of the operating system are let be."""
    one, other = one.normal(), other.normal()
    return (one.os, one.architecture, one.variant) == (other.os, other.architecture, other.variant)


Choice = TypeVar("Choice")


def choose(choices: Sequence[tuple[Platform, Choice]], wanted: Wanted, where: str) -> list[Choice]:
    """Return those for the platform wanted, in order, at least one. Raises `PlatformMissing`, listing what there is."""
    if wanted == "all":
        return [choice for _, choice in choices]
    if wanted is None:
        if len({str(platform.normal()) for platform, _ in choices}) == 1:
            return [choice for _, choice in choices]
        wanted = own_platform()
    chosen = [choice for platform, choice in choices if same(platform, wanted)]
    if not chosen:
        listed = ", ".join(sorted({shown(str(platform.normal())) for platform, _ in choices}))
        raise PlatformMissing(f"{where}: no image for {wanted}; it is for {listed}; choose one with --platform, or all")
    return chosen


def refuse_several(choices: Sequence[tuple[Platform, Choice]], wanted: Wanted, where: str) -> None:
    """Raise `PlatformMissing` where nobody said for which platform, and one name of an archive stands for several.

    Loaded, the name is that of the last to Docker, and of one for its machine to others.
    """
    listed = sorted({str(platform.normal()) for platform, _ in choices})
    if wanted is None and len(listed) > 1:
        raise PlatformMissing(
            f"{where}: several images go by this name, for {', '.join(shown(one) for one in listed)}, and engines "
            "differ in which they take; choose one with --platform, or all"
        )


def foreign(platform: Platform) -> list[str]:
    """Return the warning that an image is for another machine, where it is."""
    own = own_platform()
    if (platform.os, platform.architecture) == (own.os, own.architecture):
        return []
    return [f"the image is for {str(platform) or 'no stated platform'}; this machine is {own}"]
