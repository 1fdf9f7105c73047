"""Whether an interpreter, once found, could come up: the kernel's part, its standard library, and the user's rights."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from inspector.oci import Platform
from inspector.python.access import EXECUTE, READ, allowed
from inspector.python.environment import Environment
from inspector.python.launch import can_start
from inspector.python.search_path import Python
from inspector.python.which import Found
from inspector.rootfs import Kind, Rootfs, is_file, resolve
from inspector.unknown import Tri

_MAX_SEED = 2**32 - 1
_HANDLER = r"[^:]*(?::(?:strict|ignore|replace|surrogateescape|(?:backslash|xmlcharref|name)replace)?)?"
"""A PYTHONIOENCODING whose handler of errors Python has, which it looks up at its start in development mode alone."""
_SETTINGS = {
    "PYTHONHASHSEED": r"random|[ \t]*\+?[0-9]{1,19}",
    "PYTHONUTF8": r"0|1",
    "PYTHONIOENCODING": (
        r"(?i:(?:utf[-_]?(?:8|16|32)(?:[-_]?(?:sig|le|be))?|ascii|us-ascii|latin[-_]?1|iso[-_]?8859[-_]\d+|cp\d+|mbcs)?"
        r"(?::.*)?)"
    ),
    "PYTHONTRACEMALLOC": r"[0-9]{1,5}",
    "PYTHONINTMAXSTRDIGITS": r"0|[1-9][0-9]{3,8}|[7-9][0-9]{2}|6[5-9][0-9]|64[0-9]",
    "PYTHONMALLOC": r"default|debug|malloc(?:_debug)?|(?:py|mi)malloc(?:_debug)?",
}
"""What each may hold; other values are refused by all versions. The empty one is as good as none."""


def interpreter_runs(
    fs: Rootfs, found: Found, program: str, python: Python, environment: Environment, platform: Platform
) -> tuple[Tri, tuple[str, ...]]:
    """Tell whether the resolved `program`, found as `found`, comes up, and why not or why that isn't known."""
    if environment.trouble:
        return "no" if environment.uid is None else "unknown", (environment.trouble,)
    refused = refused_settings(environment)
    if refused:
        return "no", refused
    start = can_start(fs, program, environment, platform)
    if start.starts != "yes":
        return start.starts, start.reasons
    archive, library, _ = python.prefixes.standard_library(python.minor)
    if python.prefixes.path_file is None and not _has_encodings(fs, library):
        starts: Tri = "unknown" if is_file(fs, archive) or python.prefixes.assumed else "no"
        clause = f"the standard library of Python {python.minor} is not at {library!r}, so it stops at its start"
        return starts, (clause,)
    closed = closed_paths(fs, [found.path, *start.chain, library], environment)
    return ("unknown", closed) if closed else ("yes", ())


def refused_settings(environment: Environment) -> tuple[str, ...]:
    """Name each variable whose value makes Python stop at its start (CPython's initconfig.c, preconfig.c)."""
    set_here = [(name, value, allowed) for name, allowed in _SETTINGS.items() if (value := environment.get(name))]
    refused = [name for name, value, allowed in set_here if not re.fullmatch(allowed, value)]
    seed = environment.get("PYTHONHASHSEED")
    if "PYTHONHASHSEED" not in refused and seed.isdigit() and int(seed) > _MAX_SEED:
        refused.append("PYTHONHASHSEED")
    if environment.get("PYTHONDEVMODE") and not re.fullmatch(_HANDLER, environment.get("PYTHONIOENCODING")):
        refused.append("PYTHONIOENCODING")
    return tuple(f"Python stops at its start at {name}={environment.get(name)[:100]!r}" for name in refused)


def closed_paths(fs: Rootfs, paths: Iterable[str], environment: Environment) -> tuple[str, ...]:
    """Return a clause for each of the paths that the user may be kept from, one a folder."""
    first: dict[str, str] = {}
    for path in paths:
        folder = closed_folder(fs, path, environment)
        if folder is not None:
            first.setdefault(folder, path)
    user = environment.user
    return tuple(
        f"{folder!r}{'' if folder == path.rstrip('/') else f', on the way to {path!r},'} may be closed to user {user!r}"
        for folder, path in first.items()
    )


def closed_folder(fs: Rootfs, path: str, environment: Environment) -> str | None:
    """Return the first folder above `path`, or `path` itself, that the user may not use, or may not as far as is known.

    Where owners aren't told, the user's home is taken for its own.
    """
    if environment.uid == 0:
        return None
    resolved = resolve(fs, posixpath.dirname(path))
    folder = "/"
    for name in (resolved or "/").split("/")[1:]:
        folder = posixpath.join(folder, name)
        node = fs.lstat(folder)
        own = folder == environment.own_folder
        if node is not None and not own and allowed(node, environment, EXECUTE) != "yes":
            return folder
    return _closed_end(fs, path.rstrip("/"), environment)


def is_shut(fs: Rootfs, path: str, environment: Environment) -> bool:
    """Tell whether the user certainly may not enter a folder, so that nothing in it is found."""
    resolved = resolve(fs, path)
    node = fs.lstat(resolved) if resolved is not None else None
    return (
        node is not None
        and node.kind is Kind.DIRECTORY
        and resolved != environment.own_folder
        and allowed(node, environment, EXECUTE) == "no"
    )


def _closed_end(fs: Rootfs, path: str, environment: Environment) -> str | None:
    """Check `path` itself: a folder that can't be listed has no modules, a program not executable doesn't start."""
    reached = resolve(fs, path) if path else None
    node = fs.lstat(reached) if reached is not None else None
    if node is None or reached == environment.own_folder:
        return None
    wanted = {Kind.DIRECTORY: READ | EXECUTE, Kind.FILE: EXECUTE}.get(node.kind, 0)
    return path if allowed(node, environment, wanted) != "yes" else None


def _has_encodings(fs: Rootfs, library: str) -> bool:
    """Tell whether the modules are there that Python imports at its start: the package encodings, and os for site."""
    names = ("encodings/__init__", "encodings/aliases", "encodings/utf_8", "os")
    return all(any(is_file(fs, f"{library}/{name}.{suffix}") for suffix in ("py", "pyc")) for name in names)
