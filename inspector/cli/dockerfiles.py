"""The Dockerfiles below a folder, and the one that an image was built by."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from inspector.facts import ImageFacts
from inspector.policy.dockerfile import MAX_FILE, Steps, text_of
from inspector.policy.instructions import instructions_of

MAX_FOLDERS, MAX_FILES = 1000, 200
"""Folders that are looked into, and files that are read."""
FEWEST = 2
"""Steps that a file and an image must share: one may be in any."""
_PASSED_OVER = ("node_modules", "site-packages", "venv", "__pycache__")


class Dockerfiles:
    """The steps of each Dockerfile below `top`, by its path from `folder`; read when first asked for."""

    def __init__(self, top: Path, folder: Path) -> None:
        self._top = top
        self._folder = folder
        self._known: dict[str, Steps] | None = None

    def of(self, facts: ImageFacts | None) -> str | None:
        """Return the file that has most of the image's steps; None where none has, or several have as many."""
        if facts is None:
            return None
        if self._known is None:
            self._known = dict(self._read())
        steps = {layer.created_by for layer in facts.layers if layer.created_by}
        shared = {name: sum(known.line(step) is not None for step in steps) for name, known in self._known.items()}
        most = max(shared.values(), default=0)
        found = [name for name, count in shared.items() if count == most]
        return found[0] if most >= FEWEST and len(found) == 1 else None

    def _read(self) -> Iterator[tuple[str, Steps]]:
        left = MAX_FILES
        for number, (folder, folders, files) in enumerate(os.walk(self._top)):
            if number >= MAX_FOLDERS or not left:
                return
            folders[:] = sorted(name for name in folders if name[0] != "." and name not in _PASSED_OVER)
            for name in sorted(files):
                path = Path(folder) / name
                if not left or ("dockerfile" not in name.lower() and not name.startswith("Containerfile")):
                    continue
                left -= 1
                with suppress(OSError, ValueError):
                    if path.is_file() and path.stat().st_size <= MAX_FILE:
                        yield os.path.relpath(path, self._folder), Steps(instructions_of(text_of(path)))
