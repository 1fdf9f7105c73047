"""Which category of waste a file of the image is in, by its path and what lies beside it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from inspector.rootfs import Node

CACHES = frozenset({"pip-cache", "uv-cache", "conda-cache"})
"""Categories of files that may be links of files elsewhere, which then cost nothing: they are gone through last."""
SITE = re.compile(r"/(?:site|dist)-packages(?=/|$)")

_FOLDERS = (
    (re.compile(r"/var/lib/apt/lists"), "apt-lists"),
    (re.compile(r"/var/cache/apt"), "apt-cache"),
    (re.compile(r".*/\.cache/pip"), "pip-cache"),
    (re.compile(r".*/\.cache/uv"), "uv-cache"),
    (re.compile(r".*/[^/]*conda[^/]*/pkgs"), "conda-cache"),
    (re.compile(r".*/(?:site|dist)-packages/torch/test"), "torch-tests"),
    (re.compile(r".*/(?:site|dist)-packages/torch/include"), "torch-headers"),
    (re.compile(r".*/(?:site|dist)-packages/triton/backends/nvidia/bin"), "triton-tools"),
    (re.compile(r".*/(?:site|dist)-packages/(?:.+/)?tests|.*/lib/python3\.[0-9]+t?/test"), "tests"),
    (re.compile(r"/usr/share/(?:doc|man|info|locale)"), "docs"),
)
_LASTS = "lists apt pip uv pkgs test include bin tests doc man info locale"
_LAST = frozenset(_LASTS.split(" "))
"""Last names of all these folders: most folders have others."""
_TORCH_BIN = re.compile(r".*/(?:site|dist)-packages/torch/bin")
_TORCH_TEST = re.compile(r"test_.*|.*StoreTest")
_PIP = re.compile(r".*/(?:site|dist)-packages/pip")
_CACHE = "__pycache__"


class Categories:
    """Tells the categories of files, folder by folder."""

    def __init__(self) -> None:
        self._pip = ""

    def of_folder(self, path: str) -> str:
        """Return the category that begins with this folder; empty where none does."""
        if path.rpartition("/")[2] not in _LAST:
            return ""
        if _PIP.fullmatch(path):
            if self._pip:
                return "second-pip"
            self._pip = path
            return ""
        return next((category for form, category in _FOLDERS if form.fullmatch(path)), "")


def of_files(
    path: str, names: Mapping[str, Node], beside: Collection[str], *, in_site: bool
) -> Iterator[tuple[str, str]]:
    """Yield (name, category) of the files in a folder that have one of their own; `beside` names what is above it."""
    torch_bin = in_site and _TORCH_BIN.fullmatch(path) is not None
    bundled = path.endswith("/ensurepip/_bundled")
    for name in names:
        if name.endswith(".pyc"):
            yield name, "bytecode"
        elif name.endswith(".whl") and not bundled:
            yield name, "wheels"
        elif name.endswith(".a") and in_site:
            yield name, "static-libraries"
        elif torch_bin and _TORCH_TEST.fullmatch(name):
            yield name, "torch-tests"
    if path.endswith(f"/{_CACHE}"):
        yield from _of_bytecode(names, beside)


def _of_bytecode(names: Mapping[str, Node], beside: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the bytecode whose source is not there, and all but the biggest of those of one source."""
    by_stem: dict[str, list[str]] = {}
    for name in names:
        if name.endswith(".pyc"):
            by_stem.setdefault(name.partition(".")[0], []).append(name)
    for stem, found in by_stem.items():
        if f"{stem}.py" not in beside:
            yield from ((name, "orphaned-bytecode") for name in found)
        elif len(found) > 1:
            biggest = max(found, key=lambda name: (names[name].size, name))
            yield from ((name, "bytecode-twice") for name in found if name != biggest)
