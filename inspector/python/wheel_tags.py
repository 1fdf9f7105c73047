"""Whether a wheel's tags fit the image's interpreter, machine and C library (platform compatibility tags)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from inspector.python.model import Interpreter, Libc

MAX_TAGS = 200
"""Lines of a WHEEL file that are taken in."""
MAX_TAG = 200
"""Characters of one tag."""
MAX_PARTS = 16
"""Dots in one tag: each part that they join multiplies the tags that it stands for."""

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})")
_LEGACY_NAMES = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
_MANYLINUX = re.compile(r"manylinux_(\d{1,4})_(\d{1,4})_")


def parse_tags(wheel: str) -> tuple[str, ...]:
    """Return the `Tag` lines of a WHEEL file."""
    lines = (line.partition(":") for line in wheel.splitlines()[:MAX_TAGS])
    values = (value.strip() for key, _, value in lines if key.strip().lower() == "tag")
    return tuple(
        value for value in values if len(value) <= MAX_TAG and value.count("-") == 2 and value.count(".") <= MAX_PARTS
    )


def misfit(tags: Sequence[str], interpreter: Interpreter) -> str | None:
    """Say why none of the tags fits the interpreter, as a clause; None where one does, or where it can't be told."""
    version = _VERSION.match(interpreter.version)
    if not tags or version is None or not interpreter.abi or interpreter.machine is None or interpreter.libc is None:
        return None
    import packaging.tags as known

    python = (int(version[1]), int(version[2]))
    places = list(platforms(interpreter.libc, interpreter.machine))
    supported = {str(tag) for tag in known.cpython_tags(python, [interpreter.abi], places)}
    supported |= {str(tag) for tag in known.compatible_tags(python, interpreter.abi, places)}
    if any(str(tag) in supported for text in tags for tag in known.parse_tag(text)):
        return None
    libc = f"{interpreter.libc.name} {interpreter.libc.version or ''}".strip()
    shown = ", ".join(repr(tag) for tag in tags[:3])
    return f"its wheel is for {shown}, the interpreter is {interpreter.abi} on {interpreter.machine} with {libc}"


def platforms(libc: Libc, machine: str) -> Iterator[str]:
    """Yield the platform tags that fit, best first; of a C library of unknown version, all."""
    version = _VERSION.match(libc.version or "")
    minor = int(version[2]) if version else 99
    if libc.name == "musl":
        yield from (f"musllinux_1_{number}_{machine}" for number in range(minor, -1, -1))
    else:
        for number in range(min(minor, 999), 4, -1):
            yield f"manylinux_2_{number}_{machine}"
            if (2, number) in _LEGACY_NAMES:
                yield f"{_LEGACY_NAMES[2, number]}_{machine}"
    yield f"linux_{machine}"


def glibc_needed(tags: Sequence[str]) -> tuple[int, int] | None:
    """Return the least glibc that any of the tags asks for; None where one asks for none in particular."""
    needed = [_glibc(part) for tag in tags for part in tag.rpartition("-")[2].split(".")]
    told = [version for version in needed if version is not None]
    return min(told) if told and len(told) == len(needed) else None


def _glibc(platform: str) -> tuple[int, int] | None:
    exact = _MANYLINUX.match(platform)
    if exact:
        return int(exact[1]), int(exact[2])
    return next((version for version, name in _LEGACY_NAMES.items() if platform.startswith(f"{name}_")), None)
