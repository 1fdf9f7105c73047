"""What hides parts of a container's layers, and what changed in them while they were read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from inspector.engine.model import MountPoint
from inspector.sources.shown import shown

MAX_TOLD = 5
"""Mounts that a warning names."""


class ContainerView(msgspec.Struct, frozen=True):
    """See `View`. `changes` tells what was changed since."""

    mounts: Sequence[MountPoint]
    changes: Callable[[], Iterable[str]]

    @property
    def hidden(self) -> Mapping[str, str]:
        """See `View.hidden`."""
        return {mount.path: f"what is mounted at {told(mount)} is not read" for mount in self.mounts}

    def changed(self) -> Iterable[str]:
        """See `View.changed`."""
        return self.changes()


def told(mount: MountPoint) -> str:
    """Return the mount as messages name it."""
    return f"{shown(mount.path)} ({shown(mount.kind[:20])[1:-1]}{f' {shown(mount.name)}' if mount.name else ''})"


def mount_warnings(mounts: Sequence[MountPoint]) -> list[str]:
    """Return the warning that mounts hide what lies below them; none where there is none."""
    if not mounts:
        return []
    more = f" and {len(mounts) - MAX_TOLD} more" if len(mounts) > MAX_TOLD else ""
    named = ", ".join(told(mount) for mount in mounts[:MAX_TOLD])
    return [f"what is mounted in the container is not read, and hides what lies below: {named}{more}"]
