"""Content by digest: what registries, OCI layouts and archives are made of."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle
from typing import Any

from inspector.testing.image import Image, sha256, to_json
from inspector.testing.tree import Dir, Tree, tar_of

Descriptor = dict[str, Any]
Packing = Callable[[bytes], bytes]
"""Compresses a layer."""
_MAGIC = {b"\x1f\x8b": "+gzip", b"\x28\xb5": "+zstd"}


@dataclass(frozen=True)
class Types:
    """The media types of one family; a layer's compression is appended to `layer`."""

    index: str
    manifest: str
    config: str
    layer: str
    packed: str = ""


OCI = Types(
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.oci.image.layer.v1.tar",
)
DOCKER = Types(
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.docker.image.rootfs.diff.tar",
    ".gzip",
)


@lru_cache(maxsize=64)
def gzipped(content: bytes) -> bytes:
    """Compress as most registries hold layers; the same content makes the same bytes."""
    return gzip.compress(content, compresslevel=1, mtime=0)


def plain(content: bytes) -> bytes:
    """Return the content as it is."""
    return content


class Blobs:
    """Content by its hex digest, and the documents built over it."""

    def __init__(self, types: Types = OCI) -> None:
        self.content: dict[str, bytes] = {}
        self.types = types

    def add(self, content: bytes, media_type: str, **more: object) -> Descriptor:
        """Store content and return its descriptor, with `more` of its fields."""
        digest = sha256(content)
        self.content[digest] = content
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content), **more}

    def manifest(self, image: Image, packings: Iterable[Packing], **more: object) -> Descriptor:
        """Store an image, its layers compressed by each of `packings` in turn; return its manifest's descriptor."""
        packed = [pack(layer) for pack, layer in zip(cycle(packings), image.layers, strict=False)]
        layers = [self.add(one, self.types.layer + (self.types.packed or _MAGIC.get(one[:2], ""))) for one in packed]
        config = self.add(image.config, self.types.config)
        document = {"schemaVersion": 2, "mediaType": self.types.manifest, "config": config, "layers": layers}
        return self.add(to_json(document), self.types.manifest, **more)

    def index(self, manifests: Sequence[Descriptor], **more: object) -> Descriptor:
        """Store an index and return its descriptor."""
        document = {"schemaVersion": 2, "mediaType": self.types.index, "manifests": list(manifests)}
        return self.add(to_json(document), self.types.index, **more)


def archive_of(image: Image, tags: Sequence[str], packing: Packing = plain, *, hollow: bool = False) -> bytes:
    r"""Write an image as `docker save` does from version 25 on: an OCI layout with a manifest.json beside it.

    With `hollow`, the config and layers that manifest.json names are missing, as moby#49473 leaves them out.

    >>> archive_of(Image(), ["team/api:1"])[:7]
    b'blobs/\x00'
    """
    blobs = Blobs()
    top = blobs.manifest(image, [packing])
    config, *layers = (f"blobs/sha256/{sha256(one)}" for one in (image.config, *map(packing, image.layers)))
    entry = {"Config": config, "RepoTags": list(tags) or None, "Layers": layers}
    tree: Tree = {
        "blobs/": Dir(),
        "blobs/sha256/": Dir(),
        **{f"blobs/sha256/{digest}": content for digest, content in sorted(blobs.content.items())},
        "index.json": to_json({"schemaVersion": 2, "mediaType": OCI.index, "manifests": [top]}),
        "manifest.json": to_json([entry]),
        "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
    }
    absent = {config, *layers} if hollow else set()
    return tar_of({path: member for path, member in tree.items() if path not in absent})
