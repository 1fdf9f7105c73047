"""Images and outer containers that the tests of sources share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inspector.reference import parse_reference
from inspector.sources import Wanted, open_images
from inspector.sources.image import Image as Opened
from inspector.testing.image import Image, Step
from inspector.testing.tree import Dir, Member, Tree, tar_of

BASE = Step("COPY rootfs /", {"etc/os-release": b"ID=debian\n", "usr/bin/python3": b"\x7fELF" + bytes(2000)})
API = Image(steps=[BASE, Step("ENV A=1"), Step("RUN pip install flask", {"app/main.py": b"pass\n"})], tags=["api:prod"])
WORKER = API.with_steps(
    Step("RUN pip install torch", {"torch/version.py": b"cuda = None\n"}),
    Step("COPY rootfs /", BASE.tree),  # the base again: one content under two names
    tags=["worker:1", "worker:latest"],
)
"""Two images with layers in common, one of them twice within an image."""


def opened(reference: object, wanted: Wanted = None) -> tuple[Opened, ...]:
    """What a reference, or a path, holds."""
    return open_images(parse_reference(str(reference)), wanted)


def archive(path: Path, tree: Tree) -> Path:
    """A plain outer tar."""
    path.write_bytes(tar_of(tree))
    return path


def read(image: Opened, *, verify: bool = True) -> list[list[str]]:
    """The paths of every layer, each scanned from where its bytes are."""
    scans = [
        layer.blob.scan(layer.diff_id, layer.digest, verify=verify, meter=lambda _: None) for layer in image.layers
    ]
    return [[entry.path for entry in scan.index.entries] for scan in scans]


def flat(branches: dict[str, Any], prefix: str = "") -> Tree:
    """The tree of nested folders, each a dictionary."""
    tree: dict[str, Member] = {}
    for name, branch in branches.items():
        if isinstance(branch, dict):
            tree[f"{prefix}{name}"] = Dir()
            tree.update(flat(branch, f"{prefix}{name}/"))
        else:
            tree[f"{prefix}{name}"] = branch
    return tree
