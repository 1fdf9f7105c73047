"""Files that an installer put beside compiled modules, and that are gone or changed.

Compiled code imports modules that no source shows. It finds them in an image as it was installed; where RECORD says
that some file beside it isn't as it was, whether the import works is not known.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from inspector.errors import InspectorError
from inspector.python.folders import Folders
from inspector.python.record import Rows, absolute
from inspector.rootfs import Kind

MAX_TOLD = 3
_METADATA = (".dist-info", ".egg-info")
_CODE = (".py", ".so")


def unlike_record(places: Iterable[str], folders: Folders) -> list[str]:
    """Say which files in some folders are missing, or of another size than the RECORD of their distribution has it."""
    by_site: dict[str, set[str]] = {}
    for place in places:
        head, mark, tail = place.rpartition("-packages/")
        if mark:
            by_site.setdefault(f"{head}-packages", set()).add(tail)
    found = [each for site, inside in sorted(by_site.items()) for each in _of_site(folders, site, inside)]
    return found[:MAX_TOLD]


def _of_site(folders: Folders, site: str, inside: set[str]) -> Iterator[str]:
    tops = {each.partition("/")[0] for each in inside}
    for name in sorted(folders.at(site).children):
        if not name.endswith(_METADATA):
            continue
        try:
            content = folders.fs.read(f"{folders.at(site).path}/{name}/RECORD")
        except InspectorError:
            continue
        if any(f"{top}/".encode() in content for top in tops):
            yield from _changed(folders, site, name, content, inside)


def _changed(folders: Folders, site: str, name: str, content: bytes, inside: set[str]) -> Iterator[str]:
    for path, stated in Rows(content):
        folders.count_rows(1)
        if not path.endswith(_CODE) or posixpath.dirname(path) not in inside:
            continue
        node = folders.node(absolute(site, path))
        if node is None or node.kind is not Kind.FILE:
            yield f"{site}/{path} of {name} is missing, which compiled code beside it may import"
        elif stated.isdigit() and len(stated) < 20 and int(stated) != node.size:
            yield f"{site}/{path} of {name} was changed, which compiled code beside it may import"
