"""Which bytes the further names of hard-linked files ask for: a content is kept if any of its names is of use."""

from __future__ import annotations

import re

from inspector.elf import MAX_LOADER, holds_list, is_loader
from inspector.layers.entries import CODES, Entries
from inspector.layers.objects import Objects
from inspector.layers.retention import may_be_program, wanted
from inspector.layers.sums import is_summed
from inspector.layers.taking import may_be_object
from inspector.rootfs import Kind

_FILE, _HARDLINK = CODES[Kind.FILE], CODES[Kind.HARDLINK]
_STORE = r"(?:^|/)(?:ostree|objects|cas)/|[0-9a-f]{32}"


def may_be_stored(path: str) -> bool:
    """Tell whether a file is named by its content, so that it is likely to have a further name."""
    return bool(re.search(_STORE, path))


def asked_by_links(entries: Entries, objects: Objects, *, later: bool = False) -> dict[int, str]:
    """Return the files, by position, of which a further name asks for more than is kept, with that name.

    With `later`, ELF files are read and sums are taken when they are asked for, so that no name asks for one now.
    """
    found: dict[int, str] = {}
    for link, position in _linked(entries):
        path, mode, size = entries.path(link), entries.modes[position], entries.sizes[position]
        data = entries.data.get(position, b"")
        wants_sum = not later and position not in objects.sums and is_summed(path)
        if not size or (len(data) == size and not wants_sum):
            continue
        wants_data = size <= wanted(path) or (not data and may_be_program(path, mode))
        is_object = position in objects.skeletons
        wants_object = not (is_object or later or objects.all_seen) and may_be_object(path, mode)
        wants_loader = is_object and position not in objects.loaders and size <= MAX_LOADER and is_loader(path)
        wants_list = is_object and not later and position not in objects.listed and holds_list(path)
        wants_any = wants_data or wants_object or wants_loader or wants_list or wants_sum
        if wants_any and (position not in found or size <= wanted(path)):
            found[position] = path
    return found


def _linked(entries: Entries) -> list[tuple[int, int]]:
    """Return the hard links of the layer that may ask for bytes, each with the file that it is a name of."""
    links = [at for at in entries.linked if entries.kinds[at] == _HARDLINK]
    targets = {entries.link(at) for at in links}
    if not targets:
        return []
    files: dict[str, int] = {}
    found: list[tuple[int, int]] = []
    parents = {target.rpartition("/")[0] for target in targets}
    homes = {home for home, parent in enumerate(entries.parents) if parent in parents}
    for at, kind in enumerate(entries.kinds):
        if kind == _HARDLINK:
            position = files.get(entries.link(at))
            if position is None:
                continue
            found.append((at, position))
        elif kind == _FILE and entries.homes[at] in homes:
            position = at
        else:
            continue
        path = entries.path(at)
        if path in targets:
            files[path] = position
    return found
