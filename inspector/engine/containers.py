"""Containers made for a question: created, removed on leaving, and what a killed run left is removed by a later one.

Nothing that an image can set decides what is removed: an image sets labels, entrypoint and command of every
container made from it, but not the container's name, which says what process made it.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from inspector import work
from inspector.engine.client import Engine
from inspector.engine.model import ListedContainer
from inspector.errors import InspectorError, NotFound, Refused

_OWNER = r"([0-9a-f]{12})-([0-9]{1,10})-([0-9]{1,20})"
_FORM = re.compile(_OWNER, re.ASCII)
_NAME = re.compile(rf"inspector-(?P<owner>{_OWNER})-[0-9a-f]{{16}}", re.ASCII)
_NEVER_STARTS = "/inspector-never-starts-this"
_LONG = 3600.0
"""Seconds after which a container is left over whose process can't be looked for."""
_LATE_SECONDS = 3.0
"""How long a container is looked for that an engine may still be making."""
_MADE_SECONDS = 0.5
"""How long after a stop the engine's answer to its making is waited for."""
_DYING_SECONDS = 30.0
"""How long one that was started, and killed, may take to end."""


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


@contextmanager
def created(
    engine: Engine, image: str, *, body: Mapping[str, Any] | None = None, starts: bool = False
) -> Iterator[str]:
    """Create a container of `image`, best an id, and yield its id; it is removed on leaving, whatever happens.

    Its volumes without a name go with it. It has no network, and runs a program that does not exist unless `body`
    says otherwise; a caller that starts it says so by `starts`, and then it is killed if it still runs. Raises
    `NotFound` on leaving where somebody else removed it meanwhile, since its files then looked absent.
    """
    name = f"inspector-{this_owner()}-{secrets.token_hex(8)}"
    container = ""
    work.check()
    try:
        with work.shielded(_MADE_SECONDS):  # else a stop leaves a container whose making nobody waited for
            container = engine.create(_whole(image, body or {}), name=name)
        with work.cleanup_pending():
            yield container
    except BaseException as error:
        if container or not isinstance(error, NotFound | Refused):  # a refused one was not made: the name is not ours
            _clean_up(engine, name, known=bool(container), starts=starts)
        raise
    if not _removed(engine, name, starts=starts):
        raise NotFound(f"a container of {image[:200]!a} was removed by somebody else while it was read; try again")


def remove_leftovers(engine: Engine) -> int:
    """Remove the containers of runs that were killed, on this host, or an hour ago, on another; return how many.

    Only a container with a name of our form, our command, in state `created` and never started is one of them; it is
    removed without force and without volumes, so that an engine refuses where it was started meanwhile.
    """
    count = 0
    for container in engine.containers("created"):
        if _is_left(container):
            with suppress(InspectorError):
                count += _never_started(engine.container(container.id)) and engine.remove(container.id, volumes=False)
    return count


def _is_left(container: ListedContainer) -> bool:
    """Tell whether the name says that a run made the container which has ended."""
    form = _NAME.fullmatch(container.name)
    owner = Owner.parse(form["owner"]) if form and container.state == "created" else None
    if owner is None or owner == this_owner():
        return False
    return owner.is_dead(container.age) if owner.host == this_owner().host else container.age > _LONG


def _never_started(document: Mapping[str, Any]) -> bool:
    """Tell whether a container's document shows our command and no start."""
    state = document.get("State")
    if not isinstance(state, dict) or state.get("Status") != "created" or state.get("Running") is not False:
        return False
    return document.get("Path") == _NEVER_STARTS and str(state.get("StartedAt", "")).startswith("0001-01-01T")


def _whole(image: str, body: Mapping[str, Any]) -> dict[str, Any]:
    host = {"NetworkMode": "none", **body.get("HostConfig", {})}
    return {"Entrypoint": [_NEVER_STARTS], "NetworkDisabled": True, **body, "Image": image, "HostConfig": host}


@work.shielded()
def _removed(engine: Engine, name: str, *, starts: bool) -> bool:
    """Remove by name; one that was started is killed first, and waited for; a Ctrl-C waits until that is done."""
    until = time.monotonic() + _DYING_SECONDS
    interrupt: KeyboardInterrupt | None = None
    while True:
        try:
            removed = engine.remove(name)
        except KeyboardInterrupt as error:
            if interrupt is not None:
                raise
            interrupt = error
            continue
        except Refused:
            if not starts or time.monotonic() >= until:
                raise
            with suppress(InspectorError):
                engine.kill(name)
        else:
            if interrupt is not None:
                raise interrupt
            return removed
        time.sleep(_LATE_SECONDS / 20)


@work.shielded(_LATE_SECONDS)
def _clean_up(engine: Engine, name: str, *, known: bool, starts: bool) -> None:
    """Remove after a failure, which is what will be reported, by the name that we gave.

    An engine may still be at work on a container whose id nobody waited for: then it is looked for a while.
    """
    until = time.monotonic() + _LATE_SECONDS
    with suppress(InspectorError):
        while not _removed(engine, name, starts=starts) and not known and time.monotonic() < until:
            time.sleep(_LATE_SECONDS / 20)
