"""What an interpreter's own site.py does, told by its text where that was kept: releases and distributions differ."""

from __future__ import annotations

import posixpath
import re
from typing import Literal

import msgspec

from inspector.errors import Malformed, Unsupported
from inspector.python.files import lines_of, read_strict
from inspector.python.prefix import Prefixes
from inspector.python.sources import read_source
from inspector.python.version import Minor
from inspector.rootfs import NotKept, Rootfs, is_dir, is_file

_GENUINE = re.compile(r"^def getsitepackages\(", re.MULTILINE)
_USER_SITE = re.compile(r"^ENABLE_USER_SITE = (None|True|False)", re.MULTILINE)
FROZEN = (3, 11)
"""From this version on site.py is compiled into the program, which takes no notice of what the file says."""
_DEBIAN_DIR = "/usr/lib/python3/dist-packages"


class SiteRules(msgspec.Struct, frozen=True, kw_only=True):
    """`layout` names whose site folders; the others tell how .pth files are read.

    `start_files` is PEP 829: .start files stand in for `import` lines, and lines lose their leading space.
    `user_site` is None where environment and pyvenv.cfg decide.
    """

    layout: Literal["plain", "debian", "fedora"] = "plain"
    skips_hidden: bool = False
    accepts_mark: bool = False
    start_files: bool = False
    user_site: bool | None = None


def site_rules(fs: Rootfs, prefixes: Prefixes, minor: Minor) -> SiteRules:
    """Return the rules of the interpreter's site.py; by its version and place, where the text tells nothing.

    Raises `Unsupported` or `NotKept` where Python runs a text that can't be read.
    """
    path = f"{prefixes.standard_library(minor)[1]}/site.py"
    try:
        text = read_source(fs, path) or ""
    except (Malformed, Unsupported, NotKept) as error:
        if minor.at_least < FROZEN:
            raise Unsupported(f"{path!r}, which Python {minor} runs at its start, can't be read: {error}") from error
        text = ""
    if not _GENUINE.search(text):
        return SiteRules(
            layout="debian" if prefixes.base == "/usr" and is_dir(fs, _DEBIAN_DIR) else "plain",
            skips_hidden=minor.at_least >= (3, 13),
            accepts_mark=minor.at_least >= (3, 13),
            start_files=minor.at_least >= (3, 15),
        )
    stated = _USER_SITE.search(text)
    return SiteRules(
        layout="debian" if "dist-packages" in text else "fedora" if "RPM_BUILD_ROOT" in text else "plain",
        skips_hidden='startswith(".")' in text,
        accepts_mark="utf-8-sig" in text,
        start_files='".start"' in text,
        user_site={"True": True, "False": False}.get(stated[1]) if stated else None,
    )


def site_folders(rules: SiteRules, prefix: str, libdir: str, minor: Minor, *, venv: bool) -> list[str]:
    """Say where a prefix may hold site folders, in order.

    `venv` says whether a virtual environment is active at all.
    """
    libdirs = [libdir] if libdir == "lib" else [libdir, "lib"]
    if rules.layout != "debian":
        return [f"{prefix}/{name}/{minor.folder}/site-packages" for name in libdirs]
    own = [f"{prefix}/lib/{minor.folder}/site-packages"] if venv else []
    shared = [f"{prefix}/local/lib/{minor.folder}/dist-packages", f"{prefix}/lib/python3/dist-packages"]
    return [*own, *shared, *(f"{prefix}/{name}/{minor.folder}/dist-packages" for name in libdirs)]


def includes_system_sites(fs: Rootfs, executable: str) -> bool | None:
    """Read the pyvenv.cfg that site.py looks at: beside the program, else one above, `home` or not; None if none.

    Without `include-system-site-packages` the system's sites are included; only `true` includes them.
    """
    folder = posixpath.dirname(executable)
    for candidate in (f"{folder}/pyvenv.cfg", f"{posixpath.dirname(folder)}/pyvenv.cfg"):
        if not is_file(fs, candidate):
            continue
        value = "true"
        for line in lines_of(read_strict(fs, candidate) or ""):
            key, equals, text = line.partition("=")
            if equals and key.strip().lower() == "include-system-site-packages":
                value = text.strip().lower()
        return value == "true"
    return None
