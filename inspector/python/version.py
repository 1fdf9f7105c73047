"""Which version of which Python a program is: never from pyvenv.cfg, which goes stale."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

import msgspec

from inspector.python.environment import Environment
from inspector.python.files import apk_database, list_dir, names_in, read_text, upward
from inspector.rootfs import Kind, NotKept, Rootfs, is_file

_PROGRAM = re.compile(r"\.?(?:platform-)?(python|pypy)(?:(\d)(?:\.(\d{1,3})(t?))?)?(?:-?dbg|d|u|m|-wrapped)?")
_LIBRARY = r"(python|pypy)(\d)\.(\d{1,3})(t?)"
_PATCHLEVEL = re.compile(
    r'^[ \t]*+#[ \t]*+define[ \t]++PY_VERSION[ \t]++"(\d{1,3}\.\d{1,3}\.\d{1,3}[^"+\s]{0,32})\+?"', re.MULTILINE
)
_FULL = re.compile(r"(\d{1,3}\.\d{1,3}\.\d{1,3}(?:(?:a|b|rc)\d{1,3})?)")
_LIBDIRS = ("lib", "lib64")
_LIBRARIES = (
    "python2.7",
    *(f"python3.{minor}" for minor in range(20)),
    *(f"python3.{minor}t" for minor in range(13, 20)),
    *(f"pypy{minor}" for minor in ("2.7", *(f"3.{minor}" for minor in range(5, 15)))),
)
"""The names that a library's folder has, or may have, where they can't be listed."""


class Minor(msgspec.Struct, frozen=True, order=True):
    """`X.Y` of an implementation (`cpython` or `pypy`), with its free-threaded kind apart, since its folders differ."""

    implementation: str
    major: int
    minor: int
    threads: str = ""

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @property
    def at_least(self) -> tuple[int, int]:
        """The pair to compare."""
        return self.major, self.minor

    @property
    def folder(self) -> str:
        """The name of the standard library's folder, such as `python3.13t`."""
        stem = "python" if self.implementation == "cpython" else self.implementation
        return f"{stem}{self}{self.threads}"

    @property
    def archive(self) -> str:
        """The name of the zipped standard library, such as `python313t.zip`."""
        return f"python{self.major}{self.minor}{self.threads if self.at_least >= (3, 13) else ''}.zip"

    @property
    def abi(self) -> str:
        """The wheel tag's ABI, such as `cp313t`; that of PyPy is not told by its name."""
        if self.implementation != "cpython":
            return ""
        return f"cp{self.major}{self.minor}{self.threads}{'m' if self.at_least < (3, 8) else ''}"


def is_python(path: str) -> bool:
    """Tell whether a program is a Python by its name, as no shim of another make is."""
    return _PROGRAM.fullmatch(posixpath.basename(path)) is not None


def named_minor(path: str) -> Minor | None:
    """Return the version in a program's name; None for a bare `python3`."""
    match = _PROGRAM.fullmatch(posixpath.basename(path))
    if match is None or match[3] is None:
        return None
    return Minor("cpython" if match[1] == "python" else "pypy", int(match[2]), int(match[3]), match[4] or "")


def library_minors(fs: Rootfs, folder: str) -> list[Minor]:
    """Return the versions whose standard library is found from a program's folder upward, those of the nearest prefix.

    The root is no prefix to CPython.
    """
    for prefix in upward(folder):
        if prefix in ("/", ""):
            break
        found: set[Minor] = set()
        for libdir in _LIBDIRS:
            children = list_dir(fs, posixpath.join(prefix, libdir))
            for name in names_in(children, _LIBRARIES):
                match = re.fullmatch(_LIBRARY, name)
                if match is None or children[name].kind is Kind.FILE:
                    continue
                if has_library(fs, posixpath.join(prefix, libdir, name)):
                    kind = "cpython" if match[1] == "python" else "pypy"
                    found.add(Minor(kind, int(match[2]), int(match[3]), match[4]))
        if found:
            return sorted(found)
    return []


def has_library(fs: Rootfs, folder: str) -> bool:
    """Tell whether the landmark of a standard library stands in `folder`."""
    return any(is_file(fs, f"{folder}/os.{suffix}") for suffix in ("py", "pyc"))


def patch_level(fs: Rootfs, minor: Minor, prefix: str, resolved: str, environment: Environment) -> str | None:
    """Return `X.Y.Z` of the Python at `prefix`, from the first source that speaks of this X.Y; None if none does.

    In order: its own header file, conda's records, the folder that pyenv or uv names after it, the
    distribution's package database, and, for /usr/local, the official images' PYTHON_VERSION.
    """
    sources: tuple[Callable[[], str | None], ...] = (
        lambda: _from_header(fs, minor, prefix),
        lambda: _from_conda(fs, prefix),
        lambda: _from_folder(resolved),
        lambda: _from_dpkg(fs, minor) if resolved.startswith("/usr/bin/") else None,
        lambda: _from_apk(fs) if resolved.startswith("/usr/bin/") else None,
        lambda: environment.get("PYTHON_VERSION") if prefix == "/usr/local" else None,
    )
    for source in sources:
        try:
            version = source()
        except NotKept:
            continue
        match = _FULL.match(version or "")
        if match and match[1].startswith(f"{minor}."):
            return match[1]
    return None


def _from_header(fs: Rootfs, minor: Minor, prefix: str) -> str | None:
    text = read_text(fs, f"{prefix}/include/{minor.folder}/patchlevel.h")
    match = _PATCHLEVEL.search(text) if text else None
    return match[1] if match else None


def _from_conda(fs: Rootfs, prefix: str) -> str | None:
    for name in list_dir(fs, f"{prefix}/conda-meta"):
        if name.startswith("python-") and name.endswith(".json"):
            return name.removeprefix("python-")
    return None


def _from_folder(resolved: str) -> str | None:
    """Return from pyenv's `…/versions/3.11.9/bin/…`, or a standalone build's `…/cpython-3.11.9-linux-…/bin/…`."""
    parts = resolved.split("/")
    if len(parts) < 4:
        return None
    name = parts[-3]
    return name if parts[-4] == "versions" else name.removeprefix("cpython-") if name.startswith("cpython-") else None


def _from_dpkg(fs: Rootfs, minor: Minor) -> str | None:
    database = read_text(fs, "/var/lib/dpkg/status")
    packages = (f"{minor.folder}-minimal", minor.folder)
    return next((version for name in packages if (version := _field(database, "Package: ", name, "Version: "))), None)


def _from_apk(fs: Rootfs) -> str | None:
    return _field(apk_database(fs), "P:", "python3", "V:")


def _field(database: str | None, key: str, package: str, wanted: str) -> str | None:
    """Return the value after `wanted` in the paragraph of a package, in a database of paragraphs of lines."""
    start = f"\n{database or ''}".find(f"\n{key}{package}\n")
    if start < 0 or database is None:
        return None
    paragraph = database[start:].partition("\n\n")[0]
    return next((line[len(wanted) :] for line in paragraph.splitlines() if line.startswith(wanted)), None)
