"""What tests of several rooms build their input with."""

from __future__ import annotations

import hashlib

from inspector.layers.blob import Scanned
from inspector.layers.entry import LayerIndex
from inspector.layers.merge import MergedRootfs, merge
from inspector.layers.scan import scan_stream
from inspector.oci import ImageConfig, RuntimeConfig
from inspector.testing.tree import Tree, tar_of
from inspector.work import Bounds, Budget


def scan_bytes(content: bytes, diff_id: str) -> Scanned:
    """The index of a layer in memory, packed or plain. Raises as `scan_stream`."""
    return scan_stream(iter((content,)), diff_id, None)


def index_of(tree: Tree) -> LayerIndex:
    """The index of one layer, as the real scanner reads it from the layer's tar."""
    content = tar_of(tree)
    return scan_bytes(content, f"sha256:{hashlib.sha256(content).hexdigest()}").index


def rootfs_of(*layers: Tree, budget: Budget | None = None) -> MergedRootfs:
    """The root file system of layers, base first, through the real scanner and the real merge."""
    return merge([index_of(layer) for layer in layers], budget=budget)


def few(**bounds: int) -> Budget:
    """A budget with some bounds lower, as in `few(steps=10)`."""
    return Budget(Bounds(**bounds))


def config_of(
    *,
    env: dict[str, str] | None = None,
    entrypoint: list[str] | None = None,
    cmd: list[str] | None = None,
    working_dir: str = "",
    user: str = "",
    architecture: str = "amd64",
) -> ImageConfig:
    """An image configuration of Linux with the runtime part given."""
    run = RuntimeConfig(
        env=[f"{name}={value}" for name, value in (env or {}).items()],
        entrypoint=entrypoint,
        cmd=cmd,
        working_dir=working_dir,
        user=user,
    )
    return ImageConfig(os="linux", architecture=architecture, config=run)
