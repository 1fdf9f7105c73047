"""What we say of the same images, by the public way from a reference to facts."""

from __future__ import annotations

from inspector.facts import ImageFacts, gather
from inspector.layers.cache import IndexCache
from inspector.layers.indexer import Indexer
from inspector.layers.merge import MergedRootfs, merge
from inspector.reference import parse_reference
from inspector.rootfs import Kind
from inspector.sources import open_images
from inspector.sources.image import Image
from tests.lab.engine import Listed


def indexer(cache: IndexCache | None = None, *, verify: bool = False) -> Indexer:
    """One that nobody watches."""
    return Indexer(cache, verify=verify, meter=lambda _: None)


def image_of(reference: str) -> Image:
    """The one image that `reference` names."""
    (image,) = open_images(parse_reference(reference))
    return image


def facts_of(reference: str, cache: IndexCache | None = None, *, verify: bool = False) -> ImageFacts:
    """The facts of the one image that `reference` names."""
    return gather(image_of(reference), indexer(cache, verify=verify))


def merged(reference: str) -> MergedRootfs:
    """The root file system of the one image that `reference` names."""
    image, read = image_of(reference), indexer()
    return merge([read.index(layer.diff_id, layer.digest, layer.blob).index for layer in image.layers])


def listing(fs: MergedRootfs) -> dict[str, Listed]:
    """Every file, by its path from the root."""
    found: dict[str, Listed] = {}
    todo = [""]
    while todo:
        folder = todo.pop()
        for name, node in fs.scandir(folder or "/").items():
            path = f"{folder}/{name}"
            size = node.size if node.kind is Kind.FILE else 0
            found[path[1:]] = Listed(node.kind.value, node.mode, size, node.target)
            if node.kind is Kind.DIRECTORY:
                todo.append(path)
    return found
