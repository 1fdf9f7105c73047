"""The lab's images as files to measure on, made once and kept in the lab's folder."""

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


@dataclass(frozen=True)
class Subject:
    """An image to measure on: its name in the engine, its role, and the file or folder that holds it."""

    name: str
    role: str
    scheme: str
    path: Path

    @property
    def reference(self) -> str:
        """What `inspector` calls it."""
        return f"{self.scheme}:{self.path}"

    @property
    def reference_of_syft(self) -> str:
        """What syft calls it."""
        return f"{'oci-dir' if self.scheme == 'oci' else self.scheme}:{self.path}"


def folder() -> Path:
    """Where measured files lie."""
    lab = os.environ.get("LAB") or str(Path(tempfile.gettempdir()) / "inspector-lab")
    made = Path(lab) / "bench"
    made.mkdir(parents=True, exist_ok=True)
    return made


def subjects(*, packed: bool) -> Iterator[Subject]:
    """The images that the engine has, as uncompressed archives, or as layouts with gzip layers."""
    for name, role in ROLES.items():
        image_id = _ask("docker", "image", "inspect", "--format", "{{.Id}}", name)
        if image_id is None:
            continue
        stem = folder() / f"{name.replace(':', '-')}-{image_id.removeprefix('sha256:')[:12]}"
        archive = stem.with_suffix(".tar")
        _make(archive, "docker", "save", "--output", f"{archive}.part", name)
        if not packed:
            yield Subject(name, role, "docker-archive", archive)
        elif shutil.which("skopeo") is not None:
            source = f"docker-archive:{archive}"
            _make(stem, "skopeo", "copy", "-q", "--insecure-policy", source, f"oci:{stem}.part:latest")
            yield Subject(name, role, "oci", stem)


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
