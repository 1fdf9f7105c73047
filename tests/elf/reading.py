"""Readers of ELF files as tests ask them: by seeking, and in one forward pass in pieces of any size."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from inspector.elf import Content, Passed, read_forward, read_skeleton, read_symbols
from inspector.elf.opened import PASSED
from inspector.layers.readers import StreamReader


def sought(content: bytes) -> tuple[object, object]:
    """What the seeking reader tells of a file."""
    return read_skeleton(Content(content)), read_symbols(Content(content))


def forward(content: bytes, piece: int = 1 << 18, *, granted: bool = True) -> Passed:
    """What the forward reader tells of a file that comes in pieces of so many bytes."""
    reader = StreamReader(content[at : at + piece] for at in range(0, len(content), piece))
    return read_forward(len(content), reader.pieces, reader.skip, lambda _: contextlib.nullcontext(granted))


def is_partial(passed: Passed) -> bool:
    """Whether the forward reader says that bytes had gone by."""
    parts = (passed.skeleton, passed.symbols)
    return any(PASSED in (getattr(part, "partial", PASSED) or "") for part in parts)


def real_files(most: int) -> list[Path]:
    """ELF files of this machine and of this virtual environment, evenly chosen: `INSPECTOR_ALL_ELF=1` takes all."""
    tops = [Path("/usr/lib"), Path(__file__).parents[2] / ".venv"]
    found = sorted(path for top in tops for path in _objects(top))
    step = 1 if os.environ.get("INSPECTOR_ALL_ELF") else max(1, len(found) // most)
    return found[::step]


def _objects(top: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(top):
        names[:] = [name for name in names if name not in ("debug", "__pycache__")]
        for name in files:
            if ".so" in name:
                path = Path(folder, name)
                if not path.is_symlink() and path.is_file():
                    with path.open("rb") as file:
                        if file.read(4) == b"\x7fELF":
                            yield path
