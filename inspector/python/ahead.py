"""What stands on the search path ahead of the modules that Python imports at its start, and what no image has."""

from __future__ import annotations

import ast
import builtins
import posixpath
from collections.abc import Iterable, Iterator

from inspector.errors import Malformed, Unsupported
from inspector.python.environment import Environment
from inspector.python.files import exists, find, is_listed, list_dir
from inspector.python.inert import NotSimple, parse_small
from inspector.python.running import closed_paths
from inspector.python.search_path import Python, python_path
from inspector.python.sources import read_source
from inspector.rootfs import NotKept, Rootfs, follow_links, is_file
from inspector.unknown import Tri

_FROZEN = (3, 11)
_STARTED = ("_collections_abc", "abc", "codecs", "genericpath", "io", "os", "posixpath", "site", "stat")
"""What Python imports at its start before 3.11, from which on all but `encodings` is compiled into it (frozen.c)."""
_ENCODINGS = ("encodings/__init__.py", "encodings/aliases.py", "encodings/utf_8.py")
_FORMS = ("/__init__.py", "/__init__.pyc", ".py", ".pyc")


def displaced(fs: Rootfs, python: Python, environment: Environment) -> tuple[Tri, tuple[str, ...]]:
    """Tell whether Python starts with the modules that PYTHONPATH puts ahead of its own, and why not.

    Copies of its own do no harm. An `encodings` that holds nothing registers no codec, without which Python stops, as
    it does at one that raises.
    """
    library = python.prefixes.standard_library(python.minor)[1]
    entries = () if python.prefixes.path_file else python_path(environment)
    first = next((entry for entry in entries if exists(fs, entry)), None)
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
            stops = empty or (entry == first and _raises(fs, path, environment))
            return "no" if stops else "unknown", (f"{path!r} takes the place of what Python imports at its start",)
    return "yes", ()


def of_processes(fs: Rootfs, entries: Iterable[str]) -> Iterator[str]:
    """Yield a clause for each entry that leads into /proc, where the kernel shows a process folders of its own."""
    for entry in entries:
        end, there = follow_links(fs, entry)
        if not there and f"{end}/".startswith("/proc/"):
            yield f"{entry!r} on the search path leads to {end!r}, which only a running process has"


def _raises(fs: Rootfs, path: str, environment: Environment) -> bool:
    """Tell whether an import of a source surely raises: nothing else may be loaded in its place, or hide it."""
    folder, file = posixpath.split(path)
    names = list_dir(fs, folder)
    if environment.get("PYTHONPYCACHEPREFIX") or not is_listed(names) or closed_paths(fs, [f"{folder}/"], environment):
        return False
    stem = file.removesuffix("py")
    if not file.endswith(".py") or any(each.startswith((stem, "__pycache__")) and each != file for each in names):
        return False
    try:
        body = parse_small(read_source(fs, path) or "").body
    except (NotSimple, RecursionError, Malformed, Unsupported, NotKept):
        return False
    does = (each for each in body if not isinstance(each, ast.Pass) and not _is_constant(each))
    return _surely_raises(next(does, None))


def _is_constant(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _surely_raises(node: ast.stmt | None) -> bool:
    """Tell so of `raise`, but with a call of no more than a built-in exception, and of a division of numbers by 0."""
    match node:
        case ast.Raise(exc=None | ast.Name(), cause=None):
            return True
        case ast.Raise(exc=ast.Call(func=ast.Name(id=name), args=values, keywords=[]), cause=None):
            kind = getattr(builtins, name, None)
            plain = all(isinstance(each, ast.Constant) for each in values)
            return plain and isinstance(kind, type) and issubclass(kind, BaseException)
        case ast.Expr(
            value=ast.BinOp(
                left=ast.Constant(value=int() | float()),
                op=ast.Div() | ast.FloorDiv() | ast.Mod(),
                right=ast.Constant(value=0),
            )
        ):
            return True
        case _:
            return False


def _same(fs: Rootfs, path: str, other: str) -> bool:
    """Tell whether two paths lead to one content, as far as that is known."""
    first, second = find(fs, path), find(fs, other)
    if first is None or second is None or first[1].size != second[1].size:
        return False
    try:
        return first[1].inode == second[1].inode or fs.sum(first[0]) == fs.sum(second[0])
    except NotKept:
        return False
