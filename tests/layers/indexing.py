"""Layers of files, indexed as an uncompressed archive is: by seeking."""

from __future__ import annotations

from pathlib import Path

from inspector.layers.cache import IndexCache
from inspector.layers.file import FileRange
from inspector.layers.indexer import Indexed, Indexer
from inspector.testing.tree import Tree, tar_of
from tests.layers.test_scan import sha256


def sought(tree: Tree, folder: Path, cache: IndexCache | None = None) -> Indexed:
    """Index a layer that lies in `folder`, where it is written once."""
    content = tar_of(tree)
    path = folder / "layer.tar"
    if not path.exists():
        path.write_bytes(content)
    blob = FileRange(path, 0, len(content))
    return Indexer(cache, verify=False, meter=lambda _: None).index(sha256(content), None, blob)
