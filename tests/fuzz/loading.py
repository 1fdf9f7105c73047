"""What the loader's model reads of an image: its cache, search paths and names, and torch's own text."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from inspector.elf import LoaderFacts
from inspector.errors import InspectorError
from inspector.loader import Process
from inspector.loader.cache import LoaderCache
from inspector.loader.torch_preloads import read_preloads
from tests.loader.test_cache import new_format, old_format
from tests.loader.test_loader_bounds import LOADER, PLAIN, MadeUp

CACHES = (new_format(), old_format(with_new=True), old_format(with_new=False))
PATHS = b"\0".join((b"$ORIGIN/../lib:/usr/lib:", b"/a/$LIB", b"liba.so", b"/b;:/c", b"libb.so"))
TORCH = b"""def _preload_cuda_deps(err=None):
    cuda_libs: list[tuple[str, str]] = [("cublas", "libcublas.so.*[0-9]")]
    _preload_cuda_lib("nvtx", "libnvToolsExt.so.*[0-9]", required=False)
def _load_global_deps() -> None:
    if "libcudart.so" not in open("/proc/self/maps").read():
        return
"""


def cached(content: bytes) -> None:
    """Look names up in a cache of these bytes, of either byte order."""
    for order in "<>":
        cache = LoaderCache(content, order)
        for name in ("libz.so.1", "libb.so.9", "liba.so", ""):
            assert len(list(cache.look_up(name))) <= cache.count


def searched(content: bytes) -> None:
    """Open a library whose search paths and names are these bytes."""
    rpath, runpath, needed, environment, preload, *_ = (*content.decode("utf-8", "replace").split("\0"), *[""] * 5)
    skeleton = msgspec.structs.replace(
        PLAIN, rpath=rpath or None, runpath=runpath or None, needed=tuple(needed.split("\n"))
    )
    for loader, facts in ((LOADER, LoaderFacts(("/lib",), "2.36")), ("/lib/ld-musl-x86_64.so.1", LoaderFacts())):
        program = msgspec.structs.replace(PLAIN, interpreter=loader)
        files = {"/program": program, loader: PLAIN, "/lib/liba.so": skeleton, "/b/libb.so": PLAIN}
        process = Process(MadeUp(files, facts), {"LD_LIBRARY_PATH": environment, "LD_PRELOAD": preload})
        process.start("/program")
        process.dlopen("liba.so")


def preloads(content: bytes) -> None:
    """Read torch's `__init__`."""
    with suppress(SyntaxError, ValueError, TypeError, RecursionError, MemoryError, InspectorError):
        read_preloads(content)
