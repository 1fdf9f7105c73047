"""Measures what torch costs in bytes: alone, and with all that only it requires. Each content counts once."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.python.folders import Folders
from inspector.python.installed import Installed
from inspector.python.record import Owned, tree, union
from inspector.python.requirements import Requirements

PARTS = ("torch", "torchgen", "functorch", "torch.libs")
"""Directories that torch's wheels bring."""
_ALWAYS_THERE = frozenset({"pip", "setuptools", "wheel"})
"""What environments are made with, required or not."""


def torch_files(folders: Folders, package: str, distribution: Installed | None) -> Owned:
    """List the files in torch's directories, and those that its metadata lists elsewhere, such as scripts."""
    site = package.rpartition("/")[0]
    parts = [package, *(f"{site}/{name}" for name in PARTS[1:])]
    if distribution is None:
        return tree(folders, parts)
    parts.append(distribution.path)
    return union([_at_once(folders, distribution.site, parts) or tree(folders, parts), distribution.owned])


def _at_once(folders: Folders, site: str, parts: Sequence[str]) -> Owned | None:
    """Return all files below directories that stand in `site`; None where one is elsewhere, or a link."""
    below = folders.below(site)
    if below is None or any(
        part.rpartition("/")[0] != site or folders.at(part).path not in (part, None) for part in parts
    ):
        return None
    tops = tuple(f"{part.removeprefix(site).lstrip('/')}/" for part in parts)
    inodes = [inode for path, inode in below.inodes.items() if path.startswith(tops)]
    folders.charge(len(inodes))
    return Owned(dict(zip(inodes, below.sizes(inodes), strict=True)))


def stack_size(
    files: Owned, distribution: Installed | None, installed: tuple[Installed, ...], requirements: Requirements
) -> int | None:
    """Sum the bytes of torch and of every distribution that it requires and that nothing outside its requirements does.

    None where torch has no metadata, or one of them no list of files.
    """
    if distribution is None:
        return None
    needed = requirements.closure([distribution]).keys() - {distribution.key}
    outside = [other for other in installed if other.key not in needed and other.key != distribution.key]
    shared = requirements.closure(outside, barred={distribution.key}).keys() | _ALWAYS_THERE
    only = [other for other in installed if other.key in needed and other.key not in shared]
    if any(other.owned is None for other in only):
        return None
    return union([files, *(other.owned for other in only)]).size
