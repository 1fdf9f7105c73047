"""Containers made for a question: created, never left behind, and what an earlier run left is removed."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from inspector import work
from inspector.engine.client import Engine
from inspector.engine.owner import Owner, this_owner
from inspector.errors import InspectorError, NotFound, Refused

LABEL = "io.inspector.owner"
PURPOSE_LABEL = "io.inspector.purpose"
_FOREIGN_SECONDS = 3600.0
_LATE_SECONDS = 3.0
_MADE_SECONDS = 0.5
_DYING_SECONDS = 30.0
_DYING = "did not receive an exit event"
"""An engine's words for what it killed and does not see dead yet, as where a container has made processes on end."""
_DUMMY = "/inspector-never-starts-this"


@contextmanager
def created(engine: Engine, image: str, *, body: Mapping[str, Any] | None = None, purpose: str) -> Iterator[str]:
    """A container of `image`, best an id; removed with its volumes on leaving, whatever happens.

    It is not started, has no network and runs nothing that exists, unless `body` says otherwise. Raises `NotFound`
    on leaving where somebody else removed it meanwhile, since its files then looked absent.
    """
    name = f"inspector-{os.getpid()}-{secrets.token_hex(8)}"
    container = ""
    work.check()
    try:
        with work.shielded(_MADE_SECONDS):  # else a stop leaves a container whose making nobody waited for
            container = engine.create(_whole(image, body or {}, purpose), name=name)
        with work.cleanup_pending():
            yield container
    except BaseException as error:
        refused = isinstance(error, NotFound | Refused)  # then there is none, and none will come
        _clean_up(engine, name, known=bool(container) or refused)
        raise
    if not _removed(engine, name):
        raise NotFound(f"a container of {image[:200]!a} was removed by somebody else while it was asked: ask again")


def remove_leftovers(engine: Engine) -> int:
    """Remove containers whose run was killed, on this host, or is an hour old, on another; how many."""
    here = this_owner()
    count = 0
    for container in engine.containers(LABEL):
        owner = Owner.parse(container.labels.get(LABEL, ""))
        if owner is None or owner == here:
            continue
        stale = owner.is_dead(container.age) if owner.host == here.host else container.age > _FOREIGN_SECONDS
        if stale:
            with suppress(InspectorError):
                engine.remove(container.id)
                count += 1
    return count


def _whole(image: str, body: Mapping[str, Any], purpose: str) -> dict[str, Any]:
    labels = {**body.get("Labels", {}), LABEL: str(this_owner()), PURPOSE_LABEL: purpose}
    host = {"NetworkMode": "none", **body.get("HostConfig", {})}
    return {"Cmd": [_DUMMY], "NetworkDisabled": True, **body, "Image": image, "Labels": labels, "HostConfig": host}


@work.shielded()
def _removed(engine: Engine, name: str) -> bool:
    """Remove by name, again while it is still dying; a Ctrl-C meanwhile waits until that is done."""
    until = time.monotonic() + _DYING_SECONDS
    while True:
        try:
            return engine.remove(name)
        except KeyboardInterrupt:
            engine.remove(name)
            raise
        except Refused as error:
            if _DYING not in str(error) or time.monotonic() >= until:
                raise
        time.sleep(_LATE_SECONDS / 20)


@work.shielded(_LATE_SECONDS)
def _clean_up(engine: Engine, name: str, *, known: bool) -> None:
    """Remove after a failure, which is what will be told, by the name that we gave.

    An engine may still be at work on a container whose id nobody waited for: then it is looked for a while.
    """
    until = time.monotonic() + _LATE_SECONDS
    with suppress(InspectorError):
        while not _removed(engine, name) and not known and time.monotonic() < until:
            time.sleep(_LATE_SECONDS / 20)
