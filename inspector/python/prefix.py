"""Where an interpreter finds its standard library: CPython's Modules/getpath.py, for Linux.

Versions 3.8 to 3.10 had the same in C, with small differences; 3.14 made virtual environments a matter
of this step rather than of site.py.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from functools import partial

import msgspec

from inspector.errors import LimitExceeded
from inspector.python.environment import Environment
from inspector.python.files import find, join, one_link, read_text, upward
from inspector.python.version import Minor, has_library
from inspector.rootfs import Rootfs, is_dir, is_file
from inspector.unknown import Unknown

MAX_CONFIG = 32 << 10
"""Bytes of a pyvenv.cfg or `._pth` (Modules/getpath.c)."""
_SYSTEM_PREFIXES = ("/usr", "/usr/local")


class PathFile(msgspec.Struct, frozen=True):
    """A `._pth` file, which replaces the whole computation: its path lines, and whether it asks for site.py."""

    path: str
    entries: tuple[str, ...]
    with_site: bool


class Prefixes(msgspec.Struct, frozen=True, kw_only=True):
    """What getpath comes to. `venv` is the environment's folder where that is its matter (3.14 on).

    `libdir` is the compiled `lib` or `lib64`; `assumed` says why the compiled prefix had to be taken.
    """

    executable: str
    base: str
    exec_base: str
    libdir: str
    venv: str | None = None
    path_file: PathFile | None = None
    assumed: str = ""

    def standard_library(self, minor: Minor) -> tuple[str, ...]:
        """Return the zip, the folder and that of its extension modules, in the order searched."""
        folder = f"{self.libdir}/{minor.folder}"
        return (
            join(self.base, self.libdir, minor.archive),
            join(self.base, folder),
            join(self.exec_base, folder, "lib-dynload"),
        )


def find_prefixes(fs: Rootfs, executable: str, minor: Minor, environment: Environment) -> Prefixes | Unknown:
    """Return the prefixes of the interpreter that runs as `executable`, links in this not followed.

    Raises `NotKept`.
    """
    path_file = _path_file(fs, executable) if minor.at_least >= (3, 11) else None
    explicit = environment.get("PYTHONHOME")
    folder, venv = _starting_folder(fs, executable, minor, explicit=bool(explicit))
    folder = join(environment.cwd, folder)
    if not explicit and is_file(fs, f"{folder}/pybuilddir.txt"):
        return Unknown(f"{executable!r} runs from the folder that it was built in, {folder!r}")
    if path_file:
        explicit = posixpath.dirname(path_file.path)
    libdirs = _libdirs(environment, minor)
    if explicit:
        base, colon, exec_base = explicit.partition(":")
        base, exec_base = (join(environment.cwd, part) for part in (base, exec_base if colon else base))
        libdir = next((name for name in libdirs if _has_library(fs, base, name, minor)), libdirs[0])
        return Prefixes(
            executable=executable, base=base, exec_base=exec_base, libdir=libdir, venv=venv, path_file=path_file
        )
    return _search(fs, executable, minor, _StartingPoint(folder, libdirs, venv))


class _StartingPoint(msgspec.Struct, frozen=True):
    """Where the search for the library begins, what its folder may be called, and the environment, if any."""

    folder: str
    libdirs: tuple[str, ...]
    venv: str | None


def _libdirs(environment: Environment, minor: Minor) -> tuple[str, ...]:
    """Return what the compiled name of the library folder may be; PYTHONPLATLIBDIR (3.9 on) overrides it."""
    stated = environment.get("PYTHONPLATLIBDIR")
    return (stated,) if stated and minor.at_least >= (3, 9) else ("lib", "lib64")


def _starting_folder(fs: Rootfs, executable: str, minor: Minor, *, explicit: bool) -> tuple[str, str | None]:
    """Say where the search starts: pyvenv.cfg's `home`, else the program's own folder; and the environment, if any."""
    own = posixpath.dirname(one_link(fs, executable))
    beside = posixpath.dirname(executable)
    modern = minor.at_least >= (3, 14)
    if explicit and not modern:
        return own, None
    if minor.at_least < (3, 11):
        candidates, key = (own, posixpath.dirname(own)), _old_home
    else:
        candidates, key = (posixpath.dirname(beside), beside), _home
    for folder in candidates:
        text = _config(fs, f"{folder}/pyvenv.cfg")
        if text is not None:
            return key(text) or own, folder if modern else None
    return own, None


def stated_homes(fs: Rootfs, executable: str) -> list[str]:
    """Return the absolute `home` of the pyvenv.cfg one above the program or beside it: where its base is said to be."""
    beside = posixpath.dirname(executable)
    texts = (_config(fs, f"{folder}/pyvenv.cfg") for folder in (posixpath.dirname(beside), beside))
    homes = (_home(text) for text in texts if text is not None)
    return [home for home in homes if home and home.startswith("/")][:1]


def _config(fs: Rootfs, path: str) -> str | None:
    """Get the text of a file that Python reads before it has codecs: in lines that newlines end, and up to a null byte.

    Raises `LimitExceeded` for one that Python from 3.11 on stops at; its older versions read no such long line.
    """
    text = read_text(fs, path)
    if text is not None and len(text.encode("utf-8", "surrogateescape")) >= MAX_CONFIG:
        raise LimitExceeded(f"{path!r} has {MAX_CONFIG} bytes or more, which Python does not read at its start")
    return None if text is None else text.partition("\0")[0]


def _home(text: str) -> str | None:
    for line in text.split("\n"):
        key, equals, value = line.partition("=")
        if equals and key.strip().lower() == "home":
            return value.strip() or None
    return None


def _old_home(text: str) -> str | None:
    """Return `home = …` as 3.10 and older want it: in small letters, and with spaces around the equals sign."""
    for line in text.split("\n"):
        words = line.split(None, 2)
        if len(words) > 2 and words[:2] == ["home", "="]:
            return line.partition("=")[2].strip(" \t")
    return None


def _path_file(fs: Rootfs, executable: str) -> PathFile | None:
    """Return the `._pth` beside the program, as it is named or behind its links."""
    for program in dict.fromkeys((executable, one_link(fs, executable))):
        path = f"{program}._pth"
        text = _config(fs, path)
        if text is None:
            continue
        lines = [line.partition("#")[0].strip() for line in text.split("\n")]
        entries = tuple(
            join(posixpath.dirname(path), line) for line in lines if line and not line.startswith("import ")
        )
        return PathFile(path, entries, "import site" in lines)
    return None


def _search(fs: Rootfs, executable: str, minor: Minor, start: _StartingPoint) -> Prefixes | Unknown:
    """Upward from the folder for the library's landmarks; where there are none, the compiled prefix."""
    base, libdir = _search_library(fs, minor, start)
    exec_base = base if base and minor.at_least >= (3, 14) and _has_extensions(fs, base, libdir, minor) else None
    exec_base = exec_base or _nearest(start.folder, lambda prefix: _has_extensions(fs, prefix, libdir, minor))
    assumed = ""
    if base is None or exec_base is None:
        compiled = _compiled_prefix(fs, executable, minor, start.libdirs)
        if isinstance(compiled, Unknown):
            return compiled
        if base is None:
            assumed = (
                f"no library of Python {minor} from {start.folder!r} upward; its compiled prefix is {compiled[0]!r}"
            )
            base, libdir = compiled
        exec_base = exec_base or compiled[0]
    return Prefixes(
        executable=executable, base=base, exec_base=exec_base, libdir=libdir, venv=start.venv, assumed=assumed
    )


def _search_library(fs: Rootfs, minor: Minor, start: _StartingPoint) -> tuple[str | None, str]:
    """Give the nearest prefix upward that has the zipped library (3.11 on), else the nearest that has the plain one."""
    landmarks = [_has_archive] if minor.at_least >= (3, 11) else []
    for holds in [*landmarks, _has_library]:
        for libdir in start.libdirs:
            base = _nearest(start.folder, partial(holds, fs, libdir=libdir, minor=minor))
            if base is not None:
                return base, libdir
    return None, start.libdirs[0]


def _compiled_prefix(fs: Rootfs, executable: str, minor: Minor, libdirs: tuple[str, ...]) -> tuple[str, str] | Unknown:
    """Return the prefix that a program was built for, and its library folder's name.

    It stands in the program's code, which isn't kept. A program that lies below /usr or /usr/local,
    beside its library, was put there by a package or by `make install`, which build for that place;
    conda rewrites it on installing. Anything else, as builds made to be moved, may say what it likes.
    """
    found = find(fs, executable)
    prefix = posixpath.dirname(posixpath.dirname(found[0])) if found else ""
    if prefix in _SYSTEM_PREFIXES or find(fs, f"{prefix}/conda-meta/history"):
        for libdir in libdirs:
            if _has_library(fs, prefix, libdir, minor):
                return prefix, libdir
        return prefix, libdirs[0]
    return Unknown(
        f"the standard library of Python {minor} is not above {executable!r} nor where its pyvenv.cfg points, "
        "and the prefix compiled into it can't be told"
    )


def _nearest(folder: str, holds: Callable[[str], bool]) -> str | None:
    """Get the nearest of the folder and those above it, the root left out as CPython does, of which something holds."""
    return next((prefix for prefix in upward(join(folder)) if prefix != "/" and holds(prefix)), None)


def _has_archive(fs: Rootfs, prefix: str, libdir: str, minor: Minor) -> bool:
    return is_file(fs, f"{prefix}/{libdir}/{minor.archive}")


def _has_library(fs: Rootfs, prefix: str, libdir: str, minor: Minor) -> bool:
    return has_library(fs, f"{prefix}/{libdir}/{minor.folder}")


def _has_extensions(fs: Rootfs, prefix: str, libdir: str, minor: Minor) -> bool:
    return is_dir(fs, f"{prefix}/{libdir}/{minor.folder}/lib-dynload")
