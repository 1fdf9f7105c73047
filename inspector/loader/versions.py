"""Whether the versions that an object needs are defined by the libraries that it names (`elf/dl-version.c`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from inspector.loader.errors import LoadStops
from inspector.loader.model import Loaded, LoadFailure

_RELR_CHECKED_FROM = (2, 36)
_ASSERTION = "Assertion `needed != NULL' failed!"


def missing_versions(of: Loaded, named: Mapping[str, Loaded], glibc: tuple[int, int]) -> Iterator[LoadFailure]:
    """Yield a failure for each version that is missing, in glibc's order.

    Raises `LoadStops` where no object is named as a library: an assertion kills the process.
    """
    has_libc = marked = False
    for need in of.skeleton.needs:
        provider = named.get(need.file)
        if provider is None:
            raise _assertion(of, need.file)
        names = [name for name, _ in need.versions]
        has_libc |= need.file.startswith("libc.so.")
        marked |= "GLIBC_ABI_DT_RELR" in names
        defined = provider.skeleton.defined
        for name, weak in need.versions if defined is not None else ():
            if name not in (defined or ()) and not weak:
                yield _missing(of, provider, name, need.file)
    if of.skeleton.relr and has_libc and not marked and glibc >= _RELR_CHECKED_FROM:
        path = of.shown
        yield LoadFailure(
            kind="version", object=path, text=f"{path}: DT_RELR without GLIBC_ABI_DT_RELR dependency", needed_by=path
        )


def _missing(of: Loaded, provider: Loaded, version: str, library: str) -> LoadFailure:
    needed_by, path = of.shown, provider.shown
    return LoadFailure(
        kind="version",
        object=path,
        text=f"{path}: version `{version}' not found (required by {needed_by})",
        needed_by=needed_by,
        library=library,
        symbol=version,
    )


def _assertion(of: Loaded, library: str) -> LoadStops:
    return LoadStops(
        LoadFailure(
            kind="assertion",
            certainty="dies",
            object=of.shown,
            text=f"Inconsistency detected by ld.so: dl-version.c: _dl_check_map_versions: {_ASSERTION}",
            needed_by=of.shown,
            library=library,
            status=127,
        )
    )
