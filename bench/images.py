"""The lab's images, in its engine and as files made once and kept in the lab's folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROLES = {
    "ktrdr-backend:prod": "api",
    "ktrdr-worker-cpu:test": "worker-cpu",
    "ktrdr-worker-gpu:test": "worker-gpu",
}
"""Images that the lab may have, small to large, and their roles in `POLICY`."""

POLICY = """
[roles.api]
torch = "absent"
[roles.worker-cpu]
torch = "cpu"
[roles.worker-gpu]
torch = "cuda"
"""

LARGE = 5e9
"""Bytes from which on an image is one that the targets of DESIGN.md are about."""


@dataclass(frozen=True)
class Named:
    """An image of the engine: its name, its role, its id, and the bytes of all its files."""

    name: str
    role: str
    image_id: str
    size: int

    @property
    def large(self) -> bool:
        """Whether the targets are about it."""
        return self.size >= LARGE


@dataclass(frozen=True)
class Subject:
    """An image in a file or folder of so many bytes."""

    image: Named
    scheme: str
    path: Path
    size: int

    @property
    def reference(self) -> str:
        """What `inspector` calls it."""
        return f"{self.scheme}:{self.path}"

    @property
    def reference_of_syft(self) -> str:
        """What syft calls it."""
        return f"{'oci-dir' if self.scheme == 'oci' else self.scheme}:{self.path}"


def named() -> Iterator[Named]:
    """The images that the engine has."""
    for name, role in ROLES.items():
        told = _ask("docker", "image", "inspect", "--format", "{{.Id}} {{.Size}}", name)
        if told is not None:
            image_id, _, size = told.partition(" ")
            yield Named(name, role, image_id, int(size))


def subjects(image: Named) -> Iterator[Subject]:
    """An image of the engine as an uncompressed archive, and as a layout with gzip layers."""
    stem = folder() / f"{image.name.replace(':', '-')}-{image.image_id.removeprefix('sha256:')[:12]}"
    archive = stem.with_suffix(".tar")
    _make(archive, "docker", "save", "--output", f"{archive}.part", image.name)
    yield Subject(image, "docker-archive", archive, archive.stat().st_size)
    if shutil.which("skopeo") is not None:
        _make(stem, "skopeo", "copy", "-q", "--insecure-policy", f"docker-archive:{archive}", f"oci:{stem}.part:latest")
        yield Subject(image, "oci", stem, sum(file.stat().st_size for file in stem.rglob("*") if file.is_file()))


def folder() -> Path:
    """Where measured files lie."""
    lab = os.environ.get("LAB") or str(Path(tempfile.gettempdir()) / "inspector-lab")
    made = Path(lab) / "bench"
    made.mkdir(parents=True, exist_ok=True)
    return made


def _ask(*words: str) -> str | None:
    try:
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _make(path: Path, *words: str) -> None:
    """Run `words`, which write `path` with `.part` behind it, unless `path` is there already."""
    if not path.exists():
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        Path(f"{path}.part").rename(path)
