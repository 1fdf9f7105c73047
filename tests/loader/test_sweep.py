"""Every shared object of this machine, opened for real and by the model: the same answer, word for word."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.loader import LoadFailure, Process, Rights
from inspector.loader.model import Loaded
from tests.loader.host import DirectoryRootfs
from tests.loader.real import open_each, prelude
from tests.loader.room import level

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the loader is Linux's")

_SITE = str(Path(pytest.__file__).parents[1])
_SIGNALS = ("status 11", "status 256")
"""How a constructor ends that needs more than to be loaded: iptables' and sanitizers' libraries."""
_STATIC_TLS = "cannot allocate memory in static TLS block"


def shared_objects(*tops: str) -> Iterator[str]:
    """Paths of the ELF files below some folders that are named as libraries."""
    for top in tops:
        for folder, _, names in os.walk(top):
            for name in sorted(names):
                path = Path(folder, name)
                if ".so" in name and path.is_file() and not path.is_symlink() and path.read_bytes()[:4] == b"\x7fELF":
                    yield str(path)


@pytest.fixture(scope="module")
def process() -> tuple[Process, Loaded | None]:
    """A process of this interpreter as the model sees it, when it opens a library by ctypes, and its caller."""
    process = Process(DirectoryRootfs(), dict(os.environ), rights=rights(), level=level())
    started = process.start(sys.executable)
    assert isinstance(started, Loaded), started
    for path in prelude():
        assert isinstance(process.dlopen(path), Loaded)
    return process, next((each for each in process.loaded if "/_ctypes." in each.path), None)


def rights() -> Rights:
    """Those of this process."""
    return Rights(os.geteuid(), frozenset({os.getegid(), *os.getgroups()}))


def answer(process: tuple[Process, Loaded | None], path: str) -> str:
    """What the model says of a library that is opened alone."""
    mine, caller = process
    with mine.trying():
        found = mine.dlopen(path, caller=caller)
        doubts = list(mine.doubts)
    if isinstance(found, LoadFailure):
        return found.text if found.certainty == "fails" else f"{found.certainty}: {found.text}"
    return f"OK, but {doubts}" if doubts else "OK"


def disagreements(process: tuple[Process, Loaded | None], paths: list[str]) -> list[str]:
    """What is not the same, with what both say; a constructor's death and static TLS are not known to the model."""
    found = []
    for path, real in zip(paths, open_each(paths), strict=True):
        mine = answer(process, path)
        excused = (mine == "OK" and real in _SIGNALS) or (mine.startswith("unknown") and _STATIC_TLS in real)
        if mine != real and not excused:
            found.append(f"{path}\n    real: {real}\n    mine: {mine}")
    return found


@pytest.mark.thorough
def test_some_of_this_machine_s_libraries(process: tuple[Process, Loaded | None]) -> None:
    """One in 25 of the system's, and all of the environment's."""
    paths = [*list(shared_objects("/usr/lib"))[::25], *shared_objects(_SITE)]
    assert len(paths) > 50
    found = disagreements(process, paths)
    assert not found, "\n".join(found)


@pytest.mark.lab
def test_all_of_this_machine_s_libraries(process: tuple[Process, Loaded | None]) -> None:
    paths = list(shared_objects("/usr/lib", "/lib64", "/opt", str(Path(sys.base_prefix, "lib"))))
    found = disagreements(process, paths)
    assert not found, "\n".join(found)
