"""Extended attributes by which overlay drivers give files and directories of a layer another meaning."""

from __future__ import annotations

import os
from pathlib import Path

from inspector.layers.entry import Attributes
from inspector.sources.access import AccessUnusable

_OPAQUE = {"trusted.overlay.opaque", "user.overlay.opaque", "user.fuseoverlayfs.opaque"}
_ELSEWHERE = {
    f"{prefix}.{name}": f"content that lies in another place ({name})"
    for prefix in ("trusted.overlay", "user.overlay", "user.fuseoverlayfs")
    for name in ("redirect", "metacopy", "whiteout")
}
_OVERRIDDEN = {
    f"{prefix}.override_stat": "modes kept in attributes (override_stat)"
    for prefix in ("user.containers", "user.fuseoverlayfs", "security.fuseoverlayfs")
}
_REFUSED = _ELSEWHERE | _OVERRIDDEN
_CAPABILITY = "security.capability"


def hides_below(descriptor: int, top: Path, path: str, *, roots: bool) -> bool:
    """Tell whether attributes of a directory say that it hides what is below it.

    Raises `AccessUnusable` where its content lies elsewhere; with `roots`, for marks of engines without root.
    """
    opaque = False
    for name in os.listxattr(descriptor):
        if name in _REFUSED:
            raise AccessUnusable(f"{shown(top, path)} has {_REFUSED[name]}")
        if name in _OPAQUE:
            value = os.getxattr(descriptor, name)
            if value not in (b"y", b"n"):  # `x` announces whiteouts that are attributes of files
                raise AccessUnusable(f"{shown(top, path)} has a mark that is not known ({name}={value[:8]!a})")
            if value == b"y" and roots and name.startswith("user."):
                raise AccessUnusable(f"{shown(top, path)} has {name}, which counts for engines without root")
            opaque = opaque or value == b"y"
    return opaque


def kept_attributes(descriptor: int, name: str, top: Path, path: str) -> Attributes:
    """Return what an entry keeps of a file's attributes; only programs have capabilities.

    A file without any block may have left its content in a lower layer, or be a whiteout. Raises `AccessUnusable`.
    """
    place = f"/proc/self/fd/{descriptor}/{name}"
    found = os.listxattr(place, follow_symlinks=False)
    if not found:
        return ()
    if refused := [mark for mark in found if mark in _REFUSED]:
        raise AccessUnusable(f"{shown(top, path)} has {_REFUSED[refused[0]]}")
    if _CAPABILITY not in found:
        return ()
    return ((_CAPABILITY, os.getxattr(place, _CAPABILITY, follow_symlinks=False)),)


def shown(top: Path, path: str) -> str:
    """Return the place of a file as messages name it."""
    return ascii(str(top / path[:200]))
