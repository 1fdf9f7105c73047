"""What stands on the search path ahead of the modules that Python imports at its start, and what no image has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inspector.python.environment import Environment
from inspector.python.files import find
from inspector.python.search_path import Python, python_path
from inspector.rootfs import NotKept, Rootfs, follow_links, is_file
from inspector.unknown import Tri

_FROZEN = (3, 11)
_STARTED = ("_collections_abc", "abc", "codecs", "genericpath", "io", "os", "posixpath", "site", "stat")
"""What Python imports at its start before 3.11, from which on all but `encodings` is compiled into it (frozen.c)."""
_ENCODINGS = ("encodings/__init__.py", "encodings/aliases.py", "encodings/utf_8.py")
_FORMS = ("/__init__.py", "/__init__.pyc", ".py", ".pyc")


def displaced(fs: Rootfs, python: Python, environment: Environment) -> tuple[Tri, tuple[str, ...]]:
    """Tell whether Python starts with the modules that PYTHONPATH puts ahead of its own, and why not.

    Copies of its own do no harm. An `encodings` that holds nothing registers no codec, without which Python stops.
    """
    library = python.prefixes.standard_library(python.minor)[1]
    entries = () if python.prefixes.path_file else python_path(environment)
    for name in ("encodings", *(() if python.minor.at_least >= _FROZEN else _STARTED)):
        wanted = _ENCODINGS if name == "encodings" else (f"{name}.py",)
        for entry in entries:
            path = next((path for form in _FORMS if is_file(fs, path := f"{entry}/{name}{form}")), None)
            if path is None:
                continue
            if all(_same(fs, f"{entry}/{file}", f"{library}/{file}") for file in wanted):
                break
            found = find(fs, path)
            empty = name == "encodings" and found is not None and not found[1].size
            return "no" if empty else "unknown", (f"{path!r} takes the place of what Python imports at its start",)
    return "yes", ()


def of_processes(fs: Rootfs, entries: Iterable[str]) -> Iterator[str]:
    """Yield a clause for each entry that leads into /proc, where the kernel shows a process folders of its own."""
    for entry in entries:
        end, there = follow_links(fs, entry)
        if not there and f"{end}/".startswith("/proc/"):
            yield f"{entry!r} on the search path leads to {end!r}, which only a running process has"


def _same(fs: Rootfs, path: str, other: str) -> bool:
    """Tell whether two paths lead to one content, as far as that is known."""
    first, second = find(fs, path), find(fs, other)
    if first is None or second is None or first[1].size != second[1].size:
        return False
    try:
        return first[1].inode == second[1].inode or fs.sum(first[0]) == fs.sum(second[0])
    except NotKept:
        return False
