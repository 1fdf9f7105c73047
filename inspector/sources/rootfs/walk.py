"""A walk over a root file system as it stands: names and attributes mean nothing beyond themselves."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from inspector.errors import NotFound
from inspector.layers.blob import Meter
from inspector.layers.entry import Attributes
from inspector.rootfs import Kind
from inspector.sources.below import FOLLOWED
from inspector.sources.engine.walk import Walk
from inspector.words import first_few

_MOUNTS = Path("/proc/self/mountinfo")
_MADE_UP = re.compile(
    r"(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|efivarfs|fusectl|mqueue|nsfs|proc|pstore|rpc_pipefs"
    r"|securityfs|sysfs|tracefs) "
)
"""Types of file systems that the kernel makes up: no program is installed in one."""
_KERNELS_PLACES = frozenset({"dev", "proc", "sys"})
"""Where these are mounted, should their type not be known."""
_CAPABILITY = "security.capability"
_MAX_TOLD = 5


class RootWalk(Walk):
    """Walks over a root file system that is mounted or unpacked at `top`.

    Further file systems that are mounted in it belong to it, as a program that runs there sees them, unless they are
    the kernel's own. Raises `OSError`, with the whole path, `AccessUnusable` for what changes meanwhile, and
    `LimitExceeded`.
    """

    opening = FOLLOWED  # the user may name a link, such as /proc/PID/root, whose text is not where it leads

    def __init__(self, top: Path, meter: Meter) -> None:
        super().__init__(top, meter)
        self._kernels = _kernels_devices()
        self._left_out: list[str] = []
        self._mounted: list[str] = []
        self._marks: list[str] = []

    @property
    def warnings(self) -> list[str]:
        """See `Walk.warnings`."""
        told = super().warnings
        for paths, sentence in (
            (self._left_out, "file systems of the kernel are mounted at {}: they were left out"),
            (self._mounted, "further file systems are mounted at {}: they were read as part of it"),
            (self._marks, "devices 0:0 lie in it ({}), as overlayfs marks removed files: a layer alone is no root"),
        ):
            if paths:
                told.append(sentence.format(first_few([f"{path[:200]!a}" for path in paths], _MAX_TOLD)))
        return told

    def _whiteout(self, name: str, kind: Kind | None, status: os.stat_result) -> str:
        if kind is Kind.CHAR and status.st_rdev == 0:
            self._marks.append(name)
        return ""

    def _is_opaque(self, descriptor: int, path: str) -> bool:  # noqa: ARG002 - there are none
        return False

    def _enters(self, path: str, name: str, status: os.stat_result, device: int) -> bool:  # noqa: ARG002 - as above
        if status.st_dev == device:
            return True
        is_kernels = status.st_dev in self._kernels or path in _KERNELS_PLACES
        (self._left_out if is_kernels else self._mounted).append(f"/{path}")
        return not is_kernels

    def _attributes(self, path: str, name: str, status: os.stat_result, descriptor: int) -> Attributes:  # noqa: ARG002 - none is refused
        """Return a program's capabilities, where this system and the file system have any."""
        place = f"/proc/self/fd/{descriptor}/{name}"
        with contextlib.suppress(OSError, AttributeError):
            return ((_CAPABILITY, os.getxattr(place, _CAPABILITY, follow_symlinks=False)),)
        return ()


def _kernels_devices() -> frozenset[int]:
    """Return the devices of the file systems that the kernel makes up (proc_pid_mountinfo(5)); none off Linux."""
    found = set()
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        fields, _, rest = line.partition(" - ")
        if _MADE_UP.match(rest):
            major, _, minor = fields.split()[2].partition(":")
            found.add(os.makedev(int(major), int(minor)))
    return frozenset(found)


def unreadable(top: Path, error: OSError) -> NotFound:
    """Say which file of a root file system can't be read; a part of one would be another one."""
    path = top / os.fsdecode(error.filename or "")
    if isinstance(error, PermissionError):
        return NotFound(
            f"{str(path)!a} can't be read ({error.strerror}), and without it the answer could be wrong; run as a user "
            "who may read it, such as root, or under `podman unshare` or `buildah unshare`"
        )
    return NotFound(f"{str(path)!a} can't be read: {error.strerror or error}")
