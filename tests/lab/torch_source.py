"""A package source as PyTorch's own, `cpu` and `cu130`, with a torch of a few KB in each, for images of no GB."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from fixtures.nvidia import nvidia
from fixtures.torches import Torch
from fixtures.wheels import Wheel
from inspector.testing.tree import File

NEEDS = ("typing-extensions>=4.10.0",)
_CPU = Torch(version="2.13.0+cpu", requires=NEEDS).wheel()
_CUDA = Torch(version="2.13.0+cu130", cuda="13.0", requires=NEEDS).wheel()
_CUDA_FILES = {path: content for part in nvidia("13.0") for path, content in part.files.items()}
BUILDS = {"cpu": _CPU, "cu130": replace(_CUDA, files={**_CUDA.files, **_CUDA_FILES})}
"""CUDA's libraries are in the wheel itself: nvidia's packages, which the real one requires, are the GB."""

_SITE = "site"


def write_source(folder: Path) -> None:
    """Write the source: a directory for each build, below it one for torch, in it the wheel."""
    for name, build in BUILDS.items():
        place = folder / name / "torch"
        place.mkdir(parents=True)
        write_wheel(build, place)


def write_wheel(wheel: Wheel, folder: Path) -> None:
    """Write `wheel` as a file that installers take; without its scripts."""
    path = folder / f"{wheel.dist_info.removesuffix('.dist-info')}-{wheel.tags[0]}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in wheel.installed(_SITE, "uv").items():
            if member.startswith(f"{_SITE}/") and not member.endswith("/INSTALLER"):
                data = content.data if isinstance(content, File) else content
                assert isinstance(data, bytes)
                archive.writestr(member.removeprefix(f"{_SITE}/"), data)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which `folder` can be read for a while, from builds on the host's network too.

    It names what `folder` holds, so that a build's cache never answers with what another run served at that port.
    """
    content = hashlib.sha256()
    for path in sorted(folder.rglob("*.whl")):
        content.update(path.read_bytes())
    mark = content.hexdigest()[:16]
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, mark, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/{mark}"
        finally:
            server.shutdown()
            thread.join()


class _Silent(SimpleHTTPRequestHandler):
    def __init__(self, mark: str, *args: Any, **named: Any) -> None:
        self._mark = mark
        super().__init__(*args, **named)

    def translate_path(self, path: str) -> str:
        """Take the mark off."""
        return super().translate_path(path.removeprefix(f"/{self._mark}"))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""
