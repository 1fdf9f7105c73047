"""What `inspector doctor` looks at of containerd, where no engine stands before it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from inspector.errors import InspectorError
from inspector.report.doctor import Probed
from inspector.sources.containerd.places import find_places, without_root
from inspector.sources.containerd.records import read_records


def probe_containerd() -> Iterator[Probed]:
    """Tell of each containerd that is found; nothing where none is, unless its socket was named."""
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
