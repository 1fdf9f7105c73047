"""Who made a container: a process, told apart from others that had or will have its number."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from functools import cache
from pathlib import Path

import msgspec

_FORM = re.compile(r"([0-9a-f]{12})-([0-9]{1,10})-([0-9]{1,20})", re.ASCII)

_LONG = 3600.0


class Owner(msgspec.Struct, frozen=True):
    """A process of a host: `host`, twelve hex digits, changes with each boot where the system tells that.

    `start` is when the process began, in ticks since the boot; 0 where the system doesn't tell.
    """

    host: str
    process: int
    start: int

    def __str__(self) -> str:
        return f"{self.host}-{self.process}-{self.start}"

    @classmethod
    def parse(cls, text: str) -> Owner | None:
        """Read what `str` wrote; None for anything else."""
        form = _FORM.fullmatch(text)
        return cls(form[1], int(form[2]), int(form[3])) if form else None

    def is_dead(self, age: float) -> bool:
        """Tell whether the process has ended on this host; where only guessing is left, by the `age` in seconds."""
        start = started(self.process)
        if start is None:
            return True
        if 0 in (start, self.start):
            return os.name == "nt" and age > _LONG
        return start != self.start


def this_owner() -> Owner:
    """Return the process that asks."""
    return Owner(_host(), os.getpid(), started(os.getpid()) or 0)


def started(process: int) -> int | None:
    """When a process started, in ticks since boot; 0 where the system doesn't tell, None where it is gone."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        return int(text.rpartition(")")[2].split()[19])
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
    except (OSError, ValueError, IndexError):
        return 0
    return _without_proc(process)


def _without_proc(process: int) -> int | None:
    if os.name == "nt":  # where asking this way would end the process
        return 0
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return None
    except OSError:
        return 0
    return 0


@cache
def _host() -> str:
    """Name the running system and, since a container has numbers of its own, the namespace of its processes."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        known = f"{boot.strip()} {Path('/proc/self/ns/pid').readlink()}"
    except (OSError, ValueError):
        known = platform.node()
    return hashlib.sha256(known.encode("utf-8", "surrogateescape")).hexdigest()[:12]
