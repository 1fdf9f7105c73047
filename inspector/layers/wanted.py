"""Which files' bytes are kept in a layer's index: decided by name alone, while the layer goes by."""

from __future__ import annotations

import re

MAX_KEPT = 64 << 20
"""Bytes kept of one layer, in all; what comes after is listed, but can't be read."""

_KIB, _MIB = 1 << 10, 1 << 20
SCRIPT_HEAD = 4 * _KIB
ELF_HEAD = 1 * _KIB
"""Enough for the ELF header, the program headers and, where linkers put it, the loader's name."""

_METADATA_DIRS = (".dist-info", ".egg-info", "EGG-INFO")
_IN_METADATA = {
    "METADATA": _MIB,
    "PKG-INFO": _MIB,
    "RECORD": 16 * _MIB,
    "installed-files.txt": 16 * _MIB,
    "WHEEL": 64 * _KIB,
    "INSTALLER": _KIB,
    "direct_url.json": 64 * _KIB,
    "entry_points.txt": 256 * _KIB,
    "top_level.txt": 64 * _KIB,
    "requires.txt": 256 * _KIB,
}
_BY_NAME = {
    "pyvenv.cfg": 64 * _KIB,
    "site.py": 64 * _KIB,
    "sitecustomize.py": 64 * _KIB,
    "usercustomize.py": 64 * _KIB,
    "patchlevel.h": 64 * _KIB,
    ".python-version": _KIB,
    ".tool-versions": 4 * _KIB,
    "libc.so.6": 4 * _MIB,
}
_BY_SUFFIX = {
    ".pth": 256 * _KIB,
    "._pth": 64 * _KIB,
    ".egg-link": 4 * _KIB,
    ".egg-info": _MIB,
}
_BY_PATH = {
    "etc/passwd": 256 * _KIB,
    "etc/os-release": 64 * _KIB,
    "usr/lib/os-release": 64 * _KIB,
    "var/lib/dpkg/status": 4 * _MIB,
    "lib/apk/db/installed": 4 * _MIB,
}
_ENDINGS = (
    ("/torch/version.py", 64 * _KIB),
    ("/.pyenv/version", _KIB),
    ("/pyenv/version", _KIB),
)
_PATTERNS = (
    (re.compile(r"conda-meta/[^/]+\.json"), 4 * _MIB),
    (re.compile(r"__editable__[^/]*_finder\.py"), 256 * _KIB),
)
_TORCH_ELF = re.compile(r"(?:^|/)torch/(?:_C[^/]*\.so|lib/libtorch_global_deps\.so)$")


def wanted(path: str) -> int:
    """How many bytes a file at `path` may have to be kept whole; 0 if it is none of those that matter."""
    parent, _, name = path.rpartition("/")
    if parent.endswith(_METADATA_DIRS):
        return _IN_METADATA.get(name, 0)
    limit = _BY_NAME.get(name) or _BY_PATH.get(path)
    if limit:
        return limit
    dot = name.rfind(".")
    if dot > 0 and (limit := _BY_SUFFIX.get(name[dot:])):
        return limit
    if name in ("version.py", "version"):
        return next((limit for ending, limit in _ENDINGS if f"/{path}".endswith(ending)), 0)
    if name.endswith((".json", "_finder.py")):
        tail = f"{parent.rpartition('/')[2]}/{name}"
        return next((limit for pattern, limit in _PATTERNS if pattern.search(tail)), 0)
    return 0


def may_be_program(path: str, mode: int) -> bool:
    """Whether the file's head is wanted: it can be executed and isn't named as a library, or it proves torch's ABI."""
    name = path.rpartition("/")[2]
    if ".so" in name:
        return name.startswith(("_C", "libtorch_global")) and bool(_TORCH_ELF.search(path))
    return bool(mode & 0o111)


def head_of(content: bytes) -> bytes:
    """What is kept of a program that begins with `content`: most of a script, less of ELF, the magic of others."""
    if content.startswith(b"#!"):
        return content[:SCRIPT_HEAD]
    return content[:ELF_HEAD] if content.startswith(b"\x7fELF") else content[:4]
