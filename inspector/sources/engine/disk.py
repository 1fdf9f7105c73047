"""An engine's own files, read with care: bounded, never through a link, and with a reason where they can't be.

Besides, what their extended attributes mean, by which overlay drivers give files of a layer another meaning.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspector.errors import LimitExceeded
from inspector.home import home_directory
from inspector.oci import MAX_DOCUMENT
from inspector.sources.access import AccessUnusable

if TYPE_CHECKING:
    from inspector.layers.entry import Attributes

MAX_CONF = 1 << 20
"""Bytes of a file of settings."""

_FIRST_USER_NAMESPACE = 0xEFFFFFFD  # PROC_USER_INIT_INO (include/linux/proc_ns.h)
_CAP_SYS_ADMIN = 1 << 21

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


def unusable(path: str | os.PathLike[str], error: OSError) -> AccessUnusable:
    """Say why the access method ends at `path`, and what opens it."""
    shown = os.fspath(path)
    if isinstance(error, PermissionError):
        return AccessUnusable(f"{shown!a} can't be read: {_advice(shown)}")
    if isinstance(error, FileNotFoundError):
        return AccessUnusable(f"there is no {shown!a} on this machine")
    return AccessUnusable(f"{shown!a} can't be read: {error.strerror or error}")


def read_document(path: Path, limit: int = MAX_DOCUMENT) -> bytes:
    """Return a small regular file, whole. Raises `AccessUnusable`, `LimitExceeded`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - of a descriptor that was opened through no link
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise AccessUnusable(f"{str(path)!a} is no regular file")
            content = file.read(limit + 1)
    except OSError as error:
        raise unusable(path, error) from error
    if len(content) > limit:
        raise LimitExceeded(f"{str(path)!a}: larger than the {limit} bytes that are read of it")
    return content


def read_toml(path: Path, most: int = MAX_CONF) -> dict[str, Any] | None:
    """Return what a file of settings of at most so many bytes says; None where it can't be read as one."""
    import tomllib  # engines that answer tell all by themselves

    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
        return tomllib.loads(content.decode()) if len(content) <= most else None
    except (OSError, ValueError, RecursionError):  # tomllib's errors are ValueErrors
        return None


def stamp(path: Path) -> str:
    """Return device, inode and time of change of what lies at `path`, no link followed. Raises `AccessUnusable`."""
    try:
        status = path.lstat()
    except OSError as error:
        raise unusable(path, error) from error
    return f"{status.st_dev}:{status.st_ino}:{status.st_ctime_ns}"


def refuse_hidden_marks(store: Path) -> None:
    """Raise `AccessUnusable` where this process would not see overlayfs's marks in `store`, as if there were none."""
    if hidden := hidden_marks(store):
        raise AccessUnusable(hidden)


def hidden_marks(store: Path) -> str:
    """Say why this process does not see overlayfs's marks in `store`; empty where it does. Raises `AccessUnusable`.

    Those of root's stores are `trusted` attributes, which nobody sees but who has CAP_SYS_ADMIN in the first user
    namespace (xattr(7)); those of a store of one's own are not.
    """
    if sys.platform != "linux":
        raise AccessUnusable("engines keep their files on Linux alone")
    try:
        owner = store.stat().st_uid
        first = Path("/proc/self/ns/user").stat().st_ino == _FIRST_USER_NAMESPACE
    except OSError as error:
        raise unusable(store, error) from error
    if first and _may_administer():
        return ""
    if owner != os.geteuid() or (first and owner == 0):
        advice = "run as root" if os.geteuid() != 0 else "add the capability SYS_ADMIN"
        return f"the marks of removed files in {str(store)!a} are shown to root alone: {advice}"
    return ""


def is_roots(folder: Path) -> bool:
    """Tell whether an engine that runs as root keeps the folder; its overlayfs takes no `user` attribute for a mark."""
    first = Path("/proc/self/ns/user").stat().st_ino == _FIRST_USER_NAMESPACE
    return first and folder.stat().st_uid == 0


def _may_administer() -> bool:
    """Tell whether CAP_SYS_ADMIN is in effect (proc(5), /proc/pid/status)."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    (field,) = (line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(field.split()[1], 16) & _CAP_SYS_ADMIN)


def _advice(path: str) -> str:
    """Who may read it: in the home of a user, who has that user's further ids; else root."""
    home = home_directory()
    if os.geteuid() != 0 and home is not None and Path(path).is_relative_to(home):
        return "files of other ids lie in it; run under `podman unshare`"
    return "run as root" if not in_container() else "run as root (`--user 0`)"


def in_container() -> bool:
    """Tell whether this process runs in a container of Docker or Podman."""
    return any(Path(path).exists() for path in ("/.dockerenv", "/run/.containerenv"))


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
