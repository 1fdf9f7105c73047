"""Containers that are called nearly as the one that is missing."""

from __future__ import annotations

import difflib
from contextlib import suppress
from itertools import islice

from inspector.errors import InspectorError, NotFound
from inspector.sources.engine.open import Engines, own_store
from inspector.sources.shown import shown

MAX_LISTED = 5000
"""Containers of an engine that are looked at."""
MAX_COMPARED, MAX_LENGTH = 300, 128
"""Names that are compared letter by letter, and their characters."""
MAX_NAMED = 4
"""Names of which the message tells."""
_NEAR = 0.6
"""How alike two names must be, of 1."""


def with_nearby(error: InspectorError, name: str, engines: Engines) -> InspectorError:
    """Return the error that a container is missing, with the names of those that there are, the nearest first."""
    if not isinstance(error, NotFound) or len(name) > MAX_LENGTH:
        return error
    names: list[str] = []
    for kind in ("docker", "podman"):
        with suppress(InspectorError):
            listed = engines.get(kind).containers()
            names += [each.name for each in islice(listed, MAX_LISTED)]
    names += _stored()
    names = [each for each in names if 0 < len(each) <= MAX_LENGTH]
    if not names:
        return NotFound(f"{error}; there is no container at all")
    near = difflib.get_close_matches(name, list(islice(dict.fromkeys(names), MAX_COMPARED)), n=1, cutoff=_NEAR)
    listed_first = list(dict.fromkeys([*near, *sorted(names)]))[:MAX_NAMED]
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    meant = f"did you mean {shown(near[0])[1:-1]}? " if near else ""
    told = ", ".join(shown(each)[1:-1] for each in listed_first)
    return NotFound(f"{error}; {meant}there are {told}{more}", near=tuple(near))


def _stored() -> list[str]:
    """List the names in the store of Podman and Buildah, as far as it can be read."""
    with suppress(InspectorError):
        store = own_store()
        held = store.containers() if store else []
        return [name for _, record in islice(held, MAX_LISTED) for name in record.names or ()]
    return []
