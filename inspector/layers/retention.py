"""Which files' bytes are kept in a layer's index: decided by name alone, while the layer goes by."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import compress
from operator import itemgetter

import msgspec

MAX_KEPT = 64 << 20
"""Bytes kept of one layer, in all; what comes after is listed, but can't be read."""
SCRIPT_HEAD = 4 << 10
"""Bytes kept of a script: its `#!` line, and in a shim what chooses the program to run."""
ELF_HEAD = 1 << 10
"""Enough for the ELF header, the program headers and, where linkers put it, the loader's name."""

COMPAT_HEAD = 4 << 10
"""Bytes kept of CUDA's compat libraries, whose first page says which drivers they support."""

_KIB, _MIB = 1 << 10, 1 << 20


class _Rule(msgspec.Struct, frozen=True):
    """Keep files of at most `limit` bytes, if the whole path, from the root, matches `where`."""

    limit: int
    where: re.Pattern[str] | None = None


_METADATA = re.compile(r"(?:\.dist-info|\.egg-info|(?:^|/)EGG-INFO)/[^/]+\Z")
_PYENV = re.compile(r"(?:^|/)\.?pyenv/version\Z")
_TORCH = re.compile(r"(?:^|/)(?:torch|~orch|torchvision|torchaudio)/version\.py\Z")
SITES = ("site-packages", "dist-packages")
"""The names of directories that modules are installed into."""

_SITE = re.compile(r"(?:^|/)(?:site|dist)-packages/[^/]+\Z")
_CONDA = re.compile(r"(?:^|/)conda-meta/[^/]+\Z")
_FINDER = re.compile(r"(?:^|/)__editable__[^/]*_finder\.py\Z")
_ACTIVATE = re.compile(r"(?:^|/)bin/activate\Z")
_HOME = re.compile(r"\A(?:root|home/[^/]+)/[^/]+\Z")
_MODULE = re.compile(r"(?:site|dist)-packages/[^/]+\Z")
_TORCH_ELF = re.compile(r"(?:^|/)(?:torch/_C[^/]*\.so|torch/lib/[^/]+\.so[.\d]*|libtorch_global_deps\.so[.\d]*)\Z")
_COMPAT = re.compile(r"(?:^|/)libcuda\.so\.\d+\.\d+(?:\.\d+)?\Z", re.ASCII)

_BY_NAME = {
    "METADATA": _Rule(_MIB, _METADATA),
    "PKG-INFO": _Rule(_MIB, _METADATA),
    "RECORD": _Rule(16 * _MIB, _METADATA),
    "installed-files.txt": _Rule(16 * _MIB, _METADATA),
    "WHEEL": _Rule(64 * _KIB, _METADATA),
    "INSTALLER": _Rule(_KIB, _METADATA),
    "direct_url.json": _Rule(64 * _KIB, _METADATA),
    "entry_points.txt": _Rule(256 * _KIB, _METADATA),
    "requires.txt": _Rule(256 * _KIB, _METADATA),
    "version.py": _Rule(64 * _KIB, _TORCH),
    "cpp_lib.json": _Rule(64 * _KIB, re.compile(r"(?:^|/)xformers/cpp_lib\.json\Z")),
    "version": _Rule(_KIB, _PYENV),
    ".condarc": _Rule(64 * _KIB),
    ".python-version": _Rule(_KIB),
    ".tool-versions": _Rule(4 * _KIB),
    "pyvenv.cfg": _Rule(64 * _KIB),
    "site.py": _Rule(64 * _KIB),
    "sitecustomize.py": _Rule(64 * _KIB),
    "usercustomize.py": _Rule(64 * _KIB),
    "patchlevel.h": _Rule(64 * _KIB),
    "ld.so.cache": _Rule(4 * _MIB, re.compile(r"\Aetc/ld\.so\.cache\Z")),
    "ld.so.preload": _Rule(64 * _KIB, re.compile(r"\Aetc/ld\.so\.preload\Z")),
    "__init__.py": _Rule(_MIB, re.compile(r"(?:^|/)(?:torch|encodings|(?:site|user)customize)/__init__\.py\Z")),
    "__init__.pyc": _Rule(256 * _KIB, re.compile(r"(?:^|/)torch/__init__\.pyc\Z")),
    "passwd": _Rule(256 * _KIB, re.compile(r"\Aetc/passwd\Z")),
    "group": _Rule(256 * _KIB, re.compile(r"\Aetc/group\Z")),
    "login.defs": _Rule(64 * _KIB, re.compile(r"\Aetc/login\.defs\Z")),
    "README": _Rule(4 * _KIB, re.compile(r"\Aetc/sudoers\.d/README\Z")),
    "sudoers": _Rule(64 * _KIB, re.compile(r"\Aetc/sudoers\Z")),
    "environment": _Rule(64 * _KIB, re.compile(r"\Aetc/environment\Z")),
    "su": _Rule(64 * _KIB, re.compile(r"\Aetc/pam\.d/su\Z")),
    "supervisord.conf": _Rule(64 * _KIB),
    "poetry.toml": _Rule(64 * _KIB),
    "config.toml": _Rule(64 * _KIB, re.compile(r"(?:^|/)pypoetry/config\.toml\Z")),
    "profile": _Rule(64 * _KIB, re.compile(r"\Aetc/profile\Z")),
    "bash.bashrc": _Rule(64 * _KIB, re.compile(r"\Aetc/bash\.bashrc\Z")),
    ".profile": _Rule(64 * _KIB, _HOME),
    ".bash_profile": _Rule(64 * _KIB, _HOME),
    ".bash_login": _Rule(64 * _KIB, _HOME),
    ".bashrc": _Rule(64 * _KIB, _HOME),
    "activate": _Rule(64 * _KIB, _ACTIVATE),
    "shell-hook": _Rule(64 * _KIB),
    "mise.toml": _Rule(64 * _KIB),
    ".mise.toml": _Rule(64 * _KIB),
    "status": _Rule(4 * _MIB, re.compile(r"\Avar/lib/dpkg/status\Z")),
    "installed": _Rule(4 * _MIB, re.compile(r"\A(?:usr/)?lib/apk/db/installed\Z")),
}
_BY_SUFFIX = {
    ".path": _Rule(64 * _KIB, re.compile(r"\Aetc/ld-musl-[^/]+\.path\Z")),
    ".pth": _Rule(256 * _KIB),
    "._pth": _Rule(64 * _KIB),
    ".start": _Rule(64 * _KIB, _SITE),
    ".egg-info": _Rule(_MIB),
    ".json": _Rule(16 * _MIB, _CONDA),
    ".sh": _Rule(64 * _KIB),
    ".py": _Rule(16 * _KIB, _MODULE),
}
_EDITABLE = _Rule(256 * _KIB, _FINDER)
_ENTRYPOINT = _Rule(64 * _KIB)
_NAMES = frozenset(name.encode() for name in _BY_NAME)
_PARTS = (b".so", b"entrypoint", b"__editable__")
_ENDINGS = frozenset(ending.encode() for ending in _BY_SUFFIX)
_TAILS = frozenset(ending[-3:] for ending in _ENDINGS) - {b".py"}
_TAIL = itemgetter(slice(-3, None))


def wanted(path: str) -> int:
    """Return the most bytes that a file at `path` may have to be kept whole; 0 for a file that does not matter."""
    name = path[path.rfind("/") + 1 :]
    rule = _BY_NAME.get(name) or _BY_SUFFIX.get(name[name.rfind(".") :])
    if rule is None:
        rule = _EDITABLE if name.startswith("__editable__") else _ENTRYPOINT if "entrypoint" in name else None
        if rule is None:
            return 0
    return rule.limit if rule.where is None or rule.where.search(path) else 0


def may_be_program(path: str, mode: int) -> bool:
    """Tell whether the head is wanted: of what can be executed and isn't named a library, or of a library that tells.

    The heads of torch's prove its ABI, those of CUDA's compat libraries say which drivers they support.
    """
    is_library = ".so" in path[path.rfind("/") + 1 :]
    if not is_library:
        return bool(mode & 0o111)
    return _is_compat(path) or ("torch" in path and _TORCH_ELF.search(path) is not None)


def head_of(content: bytes, path: str = "") -> bytes:
    """Give what is kept of a program that begins with `content`: most of a script, less of ELF, the magic of others."""
    if _is_compat(path):
        return content[:COMPAT_HEAD]
    if content.startswith(b"#!"):
        return content[:SCRIPT_HEAD]
    return content[:ELF_HEAD] if content.startswith(b"\x7fELF") else content[:4]


def _is_compat(path: str) -> bool:
    return "libcuda.so." in path and _COMPAT.search(path) is not None


def is_of_use(path: str, mode: int, size: int) -> bool:
    """Tell whether any bytes of a file may be kept."""
    return may_be_program(path, mode) or size <= wanted(path)


def of_use(names: Sequence[bytes], modes: Sequence[int], sites: Sequence[bool]) -> list[int]:
    """Return the places of the files whose bytes may matter, by last components and whether modules beside each do.

    Of all others, `wanted` is 0, and neither a program's head nor an ELF file is to be expected.
    """
    places, tails = range(len(names)), [*map(_TAIL, names)]
    found = {*compress(places, map(_NAMES.__contains__, names)), *compress(places, map(_TAILS.__contains__, tails))}
    programs = {mode for mode in set(modes) if mode & 0o111}
    if programs:
        found.update(compress(places, map(programs.__contains__, modes)))
    joined = b"/".join(names)
    for part in _PARTS:
        if part in joined:  # which nearly none is
            found.update(at for at in places if part in names[at])
    if any(sites):
        found.update(at for at in compress(places, sites) if tails[at] == b".py")
    return sorted(found)


def kept(path: str, mode: int, size: int, left: int, read: Callable[[int], bytes]) -> bytes:
    """Return what an index keeps of a file: all of it, the head of a program, or nothing.

    `read` gives so many of its first bytes, and `left` is how many bytes may still be kept of the layer.
    """
    if left >= size <= wanted(path):
        return read(size)
    if left >= SCRIPT_HEAD and may_be_program(path, mode):
        return head_of(read(min(SCRIPT_HEAD, size)), path)
    return b""
