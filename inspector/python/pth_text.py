"""The text of a path configuration file, as site.py decodes it in the image's locale.

Up to 3.12 by the locale's encoding alone; from 3.13 on as UTF-8 first. What can't be decoded ends Python's start. Tried
on CPython 3.8 to 3.13 with glibc; the locale is made as PEP 538 and PEP 540 say.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from inspector.errors import Unsupported
from inspector.python.environment import Environment
from inspector.python.files import MAX_TEXT, StartFails, find
from inspector.python.version import Minor
from inspector.rootfs import Kind, Rootfs, is_file

Encoding = Literal["utf-8", "ascii", ""]
"""That of the locale; empty where it is neither, or not known."""
_PLAIN = ("C", "POSIX")
_ALWAYS = ("C.UTF-8", "C.utf8")
_LOCALES = "/usr/lib/locale"


class Reader(msgspec.Struct, frozen=True):
    """The Python that reads: its version, whether it tries UTF-8 first, whether its C library is musl."""

    minor: Minor
    as_utf8: bool
    musl: bool


def read_pth(fs: Rootfs, path: str, reader: Reader, environment: Environment) -> str | None:
    """Return the text of a .pth file; None if the file is missing. Raises `StartFails`, `Unsupported`, `NotKept`."""
    found = find(fs, path)
    if found is None or found[1].kind is not Kind.FILE:
        return None
    data = fs.read(found[0])[:MAX_TEXT]
    if data.isascii():
        return data.decode("ascii")
    encoding = locale_encoding(fs, reader, environment)
    if reader.as_utf8 and (text := _as_utf8(data)) is not None:
        named_so = encoding == "utf-8" or (encoding == "ascii" and environment.get("PYTHONUTF8") != "0")
        if named_so or environment.get("PYTHONUTF8") == "1":
            return text
        encoding = ""  # files are looked for under other names
    if not encoding:
        raise Unsupported(
            f"{path!r} has other than ASCII characters, which Python {reader.minor} reads by the encoding of this "
            "image's locale, which is not known"
        )
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise StartFails(f"UnicodeDecodeError: {error}, in {path!r}, which Python reads at its start") from error


def locale_encoding(fs: Rootfs, reader: Reader, environment: Environment) -> Encoding:
    """Return the encoding of the locale that Python starts with.

    C is coerced to C.UTF-8, but not where LC_ALL states it. Up to 3.10 UTF-8 mode counts too, which C brings.
    """
    stated, minor = environment.get, reader.minor.at_least
    before = _stated_encoding(fs, reader, environment)
    if minor < (3, 7):
        return "utf-8" if before == "utf-8" else ""
    if before in ("ascii", "utf-8 or ascii"):
        coerced = not stated("LC_ALL") and stated("PYTHONCOERCECLOCALE") != "0"
        if coerced or (minor < (3, 11) and stated("PYTHONUTF8") != "0"):
            return "utf-8"
        return "ascii" if before == "ascii" and not reader.musl else ""
    if minor < (3, 11) and stated("PYTHONUTF8") == "1":
        return "utf-8"
    return "utf-8" if before == "utf-8" else ""


def _stated_encoding(
    fs: Rootfs, reader: Reader, environment: Environment
) -> Literal["utf-8", "ascii", "utf-8 or ascii", ""]:
    """Return the encoding of the locale that the variables name: ASCII for one that isn't there, which leaves C."""
    name = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG") or "C"
    if name in _PLAIN:
        return "ascii"
    if reader.musl or name in _ALWAYS:
        return "utf-8"
    territory, dot, codeset = name.partition(".")
    normal = codeset.lower().replace("-", "")
    if "/" in name or environment.get("LOCPATH"):
        return ""
    if any(is_file(fs, f"{_LOCALES}/{each}/LC_CTYPE") for each in (name, f"{territory}{dot}{normal}")):
        return "utf-8" if normal == "utf8" else ""
    if is_file(fs, f"{_LOCALES}/locale-archive"):
        return "utf-8 or ascii" if normal == "utf8" else ""
    return "ascii"


def _as_utf8(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
