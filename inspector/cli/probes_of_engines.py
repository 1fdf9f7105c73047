"""What `inspector doctor` looks at of engines, access methods to their images, GPUs, and of containerd alone."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import closing

import msgspec

from inspector.engine.client import Engine, connect
from inspector.engine.endpoint import Kind, endpoints
from inspector.errors import InspectorError, Unreachable
from inspector.report.doctor import Probed, State
from inspector.runtime.host import Host, Machine, find_host
from inspector.sources.access import AccessUnusable
from inspector.sources.containerd.places import find_places, without_root
from inspector.sources.containerd.records import read_records
from inspector.sources.engine import containers_storage
from inspector.sources.engine.storage import open_storage
from inspector.unknown import Unknown

SECONDS = 10.0
"""How long one engine is waited for in all."""
_KINDS: tuple[Kind, ...] = ("docker", "podman")
_LATE = f"no answer within {SECONDS:g} s"


class Met(msgspec.Struct, kw_only=True):
    """What was learnt of one kind of engine. `how` is the access method that is tried first."""

    kind: Kind
    configured: bool = False
    error: str = ""
    described: str = ""
    how: str = ""
    why_not_storage: str = ""
    host: Host | None = None


def probe_engines() -> Iterator[Probed]:
    """Ask the engines side by side, and tell of each, of how its images would be read, and of GPUs."""
    met = [Met(kind=kind, error=_LATE) for kind in _KINDS]
    asking = [threading.Thread(target=_meet, args=(each,), daemon=True) for each in met]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(SECONDS)
    answering = [each for each in met if not each.error]
    for each in met:
        yield from _engine(each, others=bool(answering))
    yield _gpu(next((each.host for each in answering if each.host is not None), None))


def _meet(met: Met) -> None:
    """Ask one engine; only reading questions."""
    try:
        met.configured = any(endpoint.chosen for endpoint in endpoints(met.kind, os.environ))
        with closing(connect(met.kind)) as engine:
            _learn(met, engine)
            met.error = ""
    except InspectorError as error:
        met.error = str(error)
        met.configured = met.configured or not isinstance(error, Unreachable)  # a context that is named and not there
    except Exception as error:  # noqa: BLE001 - a doctor doesn't fall ill
        met.error = f"{type(error).__name__}: {error}"


def _learn(met: Met, engine: Engine) -> None:
    named = [image.tags[0] for image in engine.images() if image.tags]
    endpoint = engine.endpoint
    met.described = f"{engine.kind} {engine.info.version} at {endpoint} ({endpoint.origin}), named images: {len(named)}"
    met.host = find_host(engine)
    met.how = "save" if engine.kind == "podman" else "files"
    if not named:
        met.how, met.why_not_storage = "", "it has no image by which that could be tried"
        return
    try:
        open_storage(engine, engine.inspect(named[0]))
    except (AccessUnusable, InspectorError, OSError) as error:
        met.why_not_storage = str(error)
    else:
        met.how = "storage"


def _engine(met: Met, *, others: bool) -> Iterator[Probed]:
    if met.error:
        store = containers_storage.find_store() if met.kind == "podman" and not met.configured else None
        if store is not None:
            yield Probed(topic=met.kind, state="ok", message=f"no service answers; its store is read itself: {store}")
            return
        state: State = "fail" if met.configured else "ok" if others else "warn"
        yield Probed(topic=met.kind, state=state, message=met.error)
        return
    yield Probed(topic=met.kind, state="ok", message=met.described)
    topic = f"{met.kind} access"
    if met.how == "storage":
        yield Probed(
            topic=topic, state="ok", message="storage: its images are read from its own files, the fastest way"
        )
    elif not met.how:
        yield Probed(topic=topic, state="ok", message=f"not known: {met.why_not_storage}")
    else:
        message = f"{met.how}: storage can't be used: {met.why_not_storage}"
        advice = "" if _is_root() else "Run as root to read its own files, which is faster; all else works without"
        yield Probed(topic=topic, state="ok", message=message, advice=advice)


def _is_root() -> bool:
    return not hasattr(os, "geteuid") or os.geteuid() == 0


def _gpu(host: Host | None) -> Probed:
    """Tell of the GPU that `runtime` would use, or of this machine's driver where no engine answers."""
    if host is None:
        driver = Machine().driver() if sys.platform == "linux" else None
        message = f"driver {driver}, but no engine to hand a GPU over" if driver else "no driver found, and no engine"
        return Probed(topic="gpu", state="warn" if driver else "ok", message=message)
    offers = {"NVIDIA": host.nvidia, "AMD": host.amd}
    usable = [name for name, offer in offers.items() if not isinstance(offer, Unknown)]
    driver = f", driver {host.driver}" if host.driver else ""
    if usable:
        message = f"{' and '.join(usable)}{driver}: `inspector runtime` hands it to containers"
        return Probed(topic="gpu", state="ok", message=message)
    reasons = "; ".join(f"{name}: {offer.unknown}" for name, offer in offers.items() if isinstance(offer, Unknown))
    if host.driver:
        advice = "Install nvidia-container-toolkit for the engine; only `runtime` and `check --runtime` need it"
        return Probed(topic="gpu", state="warn", message=f"{reasons}{driver}", advice=advice)
    return Probed(topic="gpu", state="ok", message=reasons)


def probe_containerd() -> Iterator[Probed]:
    """Tell of each containerd that is found where no engine stands before it; nothing unless one is, or is named."""
    named = bool(os.environ.get("CONTAINERD_ADDRESS"))
    try:
        places = find_places()
    except InspectorError as error:
        if named:
            yield Probed(topic="containerd", state="fail", message=str(error))
        return
    for place in places:
        try:
            records = read_records(place.root)
        except InspectorError as error:
            message = f"its files below {place.root} are not read: {error}{without_root()}"
            yield Probed(topic="containerd", state="fail" if named else "ok", message=message)
            continue
        spaces = ", ".join(records.namespaces[:8]) or "none"
        count = sum(len(records.listed(each)) for each in records.namespaces)
        message = f"images: {count}, below {place.root}, namespaces: {spaces}; read as containerd:NAME"
        yield Probed(topic="containerd", state="ok", message=message)
