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
from inspector.python.built import Built
from inspector.python.environment import Environment
from inspector.python.files import find, join, one_link, read_text, upward
from inspector.python.version import Minor, has_library
from inspector.rootfs import Rootfs, is_dir, is_file
from inspector.unknown import Absent, Unknown

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


def find_prefixes(
    fs: Rootfs, program: str, minor: Minor, environment: Environment, compiled: Callable[[], Built | Unknown] = Built
) -> Prefixes | Unknown:
    """Return the prefixes of the interpreter that runs as `program`, links in this not followed.

    A variable may have it take another path for its own. `compiled` tells what it was built as. Raises `NotKept`.
    """
    executable = _stated_program(environment) if minor.at_least >= (3, 11) else ""
    if executable and executable != join(executable):
        return Unknown(f"Python takes the path {executable!r} for its own, which is relative or not plain")
    own = posixpath.dirname(executable or one_link(fs, program))
    executable = executable or program
    path_file = _path_file(fs, executable, program) if minor.at_least >= (3, 11) else None
    explicit = environment.get("PYTHONHOME")
    folder, venv = _starting_folder(fs, executable, own, minor, explicit=bool(explicit))
    folder = join(environment.cwd, folder)
    for built in {folder, posixpath.dirname(one_link(fs, program))}:
        if not explicit and is_file(fs, f"{built}/pybuilddir.txt"):
            return Unknown(f"{program!r} runs from the folder that it was built in, {built!r}")
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
    start = _StartingPoint(executable, folder, libdirs, venv)
    return _search(fs, start, minor, lambda: _compiled_prefix(fs, program, minor, libdirs, compiled))


def _stated_program(environment: Environment) -> str:
    """Return what Python is told to be its own program (getpath.py, from 3.11 on), with options like `-I` too."""
    return environment.get("PYTHONEXECUTABLE") or environment.get("__PYVENV_LAUNCHER__")


class _StartingPoint(msgspec.Struct, frozen=True):
    """Where the search for the library begins, what its folder may be called, and the environment, if any."""

    executable: str
    folder: str
    libdirs: tuple[str, ...]
    venv: str | None


def _libdirs(environment: Environment, minor: Minor) -> tuple[str, ...]:
    """Return what the compiled name of the library folder may be; PYTHONPLATLIBDIR (3.9 on) overrides it."""
    stated = environment.get("PYTHONPLATLIBDIR")
    return (stated,) if stated and minor.at_least >= (3, 9) else ("lib", "lib64")


def _starting_folder(fs: Rootfs, executable: str, own: str, minor: Minor, *, explicit: bool) -> tuple[str, str | None]:
    """Say where the search starts: pyvenv.cfg's `home`, else the program's own folder; and the environment, if any."""
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


def _path_file(fs: Rootfs, executable: str, program: str) -> PathFile | None:
    """Return the `._pth` beside the program, as it is named or behind its links."""
    for each in dict.fromkeys((executable, one_link(fs, program))):
        path = f"{each}._pth"
        text = _config(fs, path)
        if text is None:
            continue
        lines = [line.partition("#")[0].strip() for line in text.split("\n")]
        entries = tuple(
            join(posixpath.dirname(path), line) for line in lines if line and not line.startswith("import ")
        )
        return PathFile(path, entries, "import site" in lines)
    return None


def _search(
    fs: Rootfs, start: _StartingPoint, minor: Minor, compiled: Callable[[], _Compiled | Unknown]
) -> Prefixes | Unknown:
    """Upward from the folder for the library's landmarks; where there are none, the compiled prefix."""
    base, libdir = _search_library(fs, minor, start)
    exec_base = base if base and minor.at_least >= (3, 14) and _has_extensions(fs, base, libdir, minor) else None
    exec_base = exec_base or _nearest(start.folder, lambda prefix: _has_extensions(fs, prefix, libdir, minor))
    assumed = ""
    if base is None or exec_base is None:
        taken = compiled()
        if isinstance(taken, Unknown):
            return taken
        if base is None:
            base, libdir = taken.prefix, taken.libdir
            why = f"no library of Python {minor} from {start.folder!r} upward; its compiled prefix is {base!r}"
            assumed = "" if taken.certain else why
        exec_base = exec_base or taken.prefix
    return Prefixes(
        executable=start.executable, base=base, exec_base=exec_base, libdir=libdir, venv=start.venv, assumed=assumed
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


class _Compiled(msgspec.Struct, frozen=True):
    """A prefix that a program was built for, its library folder's name, and whether that is more than likely."""

    prefix: str
    libdir: str
    certain: bool


def _compiled_prefix(
    fs: Rootfs, program: str, minor: Minor, libdirs: tuple[str, ...], compiled: Callable[[], Built | Unknown]
) -> _Compiled | Unknown:
    """Return the prefix that a program was built for.

    It stands in the program's code. Where that can't be read, one that lies below /usr or /usr/local,
    beside its library, was put there by a package or by `make install`, which build for that place;
    conda rewrites it on installing. Anything else, as builds made to be moved, may say what it likes.
    """
    built = compiled()
    if isinstance(built, Absent):
        return built
    stated = built.prefix if isinstance(built, Built) else None
    found = find(fs, program)
    prefix = stated or (posixpath.dirname(posixpath.dirname(found[0])) if found else "")
    if stated or prefix in _SYSTEM_PREFIXES or find(fs, f"{prefix}/conda-meta/history"):
        libdir = next((name for name in libdirs if _has_library(fs, prefix, name, minor)), libdirs[0])
        return _Compiled(prefix, libdir, certain=stated is not None)
    return Unknown(
        f"the standard library of Python {minor} is not above {program!r} nor where its pyvenv.cfg points, "
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
