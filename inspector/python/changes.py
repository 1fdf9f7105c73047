"""What programs change before a Python starts: the files that they write, move or remove, and which of them matter."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from inspector.python.environment import Environment
from inspector.python.files import join, upward
from inspector.python.search_path import python_path
from inspector.python.which import Found
from inspector.rootfs import Kind, Rootfs, is_dir, resolve

PACKAGES = "packages: "
"""Begins what stands for the packages that an installer changes, with its words behind."""
MODES = "modes: "
"""Begins what stands for a path of whose files rights are taken."""
MAX_CHANGES = 256
"""Files of one way through the scripts that are remembered."""
MAX_PATHS = 8192
"""Characters of the search paths that changes are compared with; where they are longer, any change matters."""

_ALL = frozenset({"rm", "unlink", "rmdir", "shred", "truncate", "mv", "tee", "patch", "gunzip"})
_LAST = frozenset({"cp", "ln", "install", "rsync"})
_INTO = {"tar": ("-C", "--directory"), "unzip": ("-d",), "bsdtar": ("-C", "--directory")}
_INSTALLERS = {
    "pip": {"install", "uninstall"},
    "uv": {"sync", "add", "remove"},
    "poetry": {"install", "add", "remove", "update", "sync"},
    "pdm": {"install", "sync", "add", "remove", "update"},
    "conda": {"install", "update", "remove", "uninstall", "env"},
}
_SAME = {"mamba": "conda", "micromamba": "conda"}
_PIP = re.compile(r"pip[23]?(?:\.\d+)?", re.ASCII)
_DRIVERS = ("libcuda.so", "libnvidia-", "libnvcuvid", "libjemalloc", "libtcmalloc")
_SED = frozenset({"-e", "-f", "--expression", "--file"})
_BYTECODE = frozenset({"__pycache__", "*.pyc", "*.pyo", "*.py[co]"})
"""Names of what Python makes again, so that a `find` may remove them."""
_FIRST = frozenset({"torch", "torchgen", "functorch", "nvidia", "sitecustomize", "usercustomize", "typing_extensions"})
_IMPORTED = frozenset({"", ".py", ".pyc", ".so", ".pth", ".zip", ".egg", ".whl", ".dist-info", ".egg-info"})
"""Ends of the names that imports look for; none is that of packages."""
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/cuda")


def changed_by(fs: Rootfs, words: Sequence[str], cwd: str) -> list[str]:
    """Return the files that a program changes, as far as its words say, or what stands for packages."""
    name, rest = posixpath.basename(words[0]), list(words[1:])
    if rest[:1] == ["-m"] and name.startswith("python"):
        name, rest = (rest[1] if len(rest) > 1 else ""), rest[2:]
    operands = [word for word in rest if not word.startswith("-")]
    tool = "pip" if _PIP.fullmatch(name) else _SAME.get(name, name)
    if tool == "uv" and operands[:1] == ["pip"]:
        tool, operands = "pip", operands[1:]
    if operands and operands[0] in _INSTALLERS.get(tool, ()):
        return [PACKAGES + " ".join(words)[:100]]
    modes = MODES if name == "chmod" else ""
    return [modes + join(cwd, path) for path in _paths(fs, name, rest, operands, cwd)]


def _paths(  # noqa: PLR0911 - one answer a kind of program
    fs: Rootfs, name: str, rest: list[str], operands: list[str], cwd: str
) -> list[str]:
    if name in _ALL:
        return operands
    if name in _LAST:
        return _targets(fs, operands, cwd)
    if name == "sed" and any(re.match(r"-[a-zA-Z]*i|--in-place", word) for word in rest):
        values = {one for option, one in pairwise(rest) if option in _SED}
        stated = values or any(word.startswith(("--expression=", "--file=")) for word in rest)
        return [word for word in operands if word not in values][0 if stated else 1 :]
    if name == "chmod" and operands and _closes(operands[0], rest):
        return operands[1:] or operands
    if name == "find" and {"-delete", "-exec", "-execdir"} & set(rest):
        if any(option == "-name" and one in _BYTECODE for option, one in pairwise(rest)) and "-o" not in rest:
            return []
        return rest[: next((at for at, word in enumerate(rest) if word.startswith(("-", "!", "("))), len(rest))]
    if name in _INTO:
        return [one for option, one in pairwise(rest) if option in _INTO[name]]
    return []


def _closes(mode: str, rest: list[str]) -> bool:
    """Tell whether chmod may take a right from somebody."""
    symbolic = next((word for word in rest if re.fullmatch(r"[ugoa]*[-=].*", word) and word != "-R"), "")
    octal = re.fullmatch(r"0?[0-7]{3,4}", mode)
    return bool(symbolic and not symbolic.startswith("--")) or bool(octal and int(mode[-1]) & 5 != 5)


def _targets(fs: Rootfs, operands: list[str], cwd: str) -> list[str]:
    """Return where copies and links are made: in a folder they have the name of what they are made of."""
    if len(operands) < 2:
        return [posixpath.basename(operand) for operand in operands]
    *sources, target = operands
    if is_dir(fs, join(cwd, target)) or target.endswith("/"):
        return [posixpath.join(target, posixpath.basename(source.rstrip("/"))) for source in sources]
    return [target]


def that_matter(fs: Rootfs, python: Found, environment: Environment, changed: Iterable[str]) -> Iterator[str]:
    """Say of each change that may be seen by a Python what is changed before it starts."""
    if len(environment.get("PYTHONPATH")) + len(environment.get("LD_LIBRARY_PATH")) > MAX_PATHS:
        yield from (f"{path!r} is changed before" for path in sorted(changed)[:1])
        return
    for path in sorted(changed):
        if path.startswith(PACKAGES):
            yield f"{path.removeprefix(PACKAGES)!r} runs before"
        elif path.startswith(MODES) and environment.uid == 0:  # who may all, but starts only what somebody may
            closed = path.removeprefix(MODES)
            if any(closed in upward(each) for each in (python.path, python.resolved)):
                yield f"{closed!r} is changed before"
        elif any(_matters(fs, each, python, environment) for each in _names(fs, path.removeprefix(MODES))):
            yield f"{path.removeprefix(MODES)!r} is changed before"


def _names(fs: Rootfs, path: str) -> set[str]:
    return {path, resolve(fs, path) or path}


def _matters(fs: Rootfs, path: str, python: Found, environment: Environment) -> bool:
    """Tell whether a path is, or holds, or lies in what the Python is started from or imports from."""
    folder, name = posixpath.split(path)
    stem = name.partition(".")[0]
    prefixes = {posixpath.dirname(posixpath.dirname(each)) for each in (python.path, python.resolved)}
    above = {each for prefix in prefixes for each in upward(f"{prefix}/lib")} | {python.path, python.resolved}
    if path in above or path in _looked_for(python, environment):
        return True
    if any(path.startswith((f"{prefix}/lib/python", f"{prefix}/lib64/python")) for prefix in prefixes):
        return True
    if name == "pyvenv.cfg" or (name.startswith("python") and folder in environment.path):
        return True
    on_path = any(_within(path, join(entry)) for entry in python_path(environment))
    if on_path and (_is_looked_for(fs, path) or not _FIRST.isdisjoint(path.split("/"))):
        return True
    if folder == environment.cwd and stem in _FIRST | sys.stdlib_module_names:
        return True
    libraries = (*_LIBRARIES, *_entries(environment, "LD_LIBRARY_PATH"), *(f"{prefix}/lib" for prefix in prefixes))
    library = ".so" in name and not name.startswith(_DRIVERS)
    return path == "/etc/ld.so.preload" or (library and any(_within(path, each) for each in libraries))


def _is_looked_for(fs: Rootfs, path: str) -> bool:
    """Tell whether an import looks for something of the name; for one without a suffix only if it is a folder."""
    suffix = posixpath.splitext(path)[1]
    node = None if suffix else fs.lstat(path)
    return suffix in _IMPORTED and (node is None or node.kind is not Kind.FILE)


def _looked_for(python: Found, environment: Environment) -> Iterator[str]:
    """Yield where PATH has the program looked for before it is found, with all folders above."""
    folder, name = posixpath.split(python.path)
    for entry in environment.path:
        where = join(environment.cwd, entry)
        if where == folder:
            return
        yield from upward(join(where, name))


def _entries(environment: Environment, variable: str) -> list[str]:
    return [entry for entry in environment.get(variable).split(":") if entry]


def _within(path: str, top: str) -> bool:
    return path == top or path.startswith(f"{top.rstrip('/')}/")
