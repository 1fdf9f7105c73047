"""Every access method to one image, by name: each gives the facts of an image that is described step by step."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from fixtures.forms import FORMS
from fixtures.forms.oci import Blobs
from fixtures.lazy import Writer, estargz, lazy_image, zstd_chunked
from inspector.facts import Evidence, ImageFacts, Size, gather
from inspector.layers.cache import IndexCache
from inspector.layers.indexer import Indexer
from inspector.pipeline import Options, inspect
from inspector.sources.access import AccessMethod
from inspector.sources.engine.overlay2 import open_overlay2
from inspector.testing.engine import FakeEngine
from inspector.testing.image import Image
from inspector.testing.registry import FakeRegistry
from tests.sources.engine import unpacked

Way = Callable[[Image, Path, IndexCache | None], ImageFacts]
"""Reads the image by one access method, in an empty folder, with a cache or none."""

_NOWHERE = Evidence(bytes_read=0, layers_read=0, layers_cached=0, digests_verified=False, how="")
_TAG = "ways/image:1"


def _form(name: str) -> Way:
    def read(image: Image, folder: Path, cache: IndexCache | None) -> ImageFacts:
        path = folder / name
        if not path.exists():
            FORMS[name](path, [image])
        return inspect(f"{'oci' if path.is_dir() else 'docker-archive'}:{path}", Options(cache=cache))

    return read


def _registry(write: Writer | None = None) -> Way:
    def read(image: Image, folder: Path, cache: IndexCache | None) -> ImageFacts:
        del folder
        with FakeRegistry() as registry:
            if write is None:
                registry.push("ways/image", "1", image)
            else:
                blobs = Blobs()
                _, descriptor = lazy_image(image, write, blobs)
                registry.take("ways/image", blobs, [("1", descriptor)])
            options = Options(cache=cache, trust_toc="all" if write else ())
            return inspect(f"registry:{registry.host}/{_TAG}", options)

    return read


def _engine(access: AccessMethod) -> Way:
    def read(image: Image, folder: Path, cache: IndexCache | None) -> ImageFacts:
        del folder
        named = image.with_steps(tags=[_TAG])
        with FakeEngine("graph", [named]) as engine, _variable("DOCKER_HOST", engine.address):
            return inspect(f"docker:{_TAG}", Options(cache=cache, access=access))

    return read


def _storage(image: Image, folder: Path, cache: IndexCache | None) -> ImageFacts:
    root = folder / "engine"
    if not root.exists():
        unpacked.overlay2(root, image)
    stored = open_overlay2(root, image.image_id, [f"sha256:{digits}" for digits in image.diff_ids], tags=image.tags)
    return gather(stored, Indexer(cache, verify=False, meter=lambda _: None))


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


OF_BYTES: Mapping[str, Way] = {
    "docker-archive, sought": _form("docker-24"),
    "docker-archive, packed as a whole": _form("docker-24-gzip"),
    "docker-archive, packed layers": _form("containerd-zstd"),
    "oci, sought": _form("oci-plain"),
    "oci, packed layers": _form("oci-gzip"),
    "registry": _registry(),
    "engine, save": _engine("save"),
}
"""Those that see each byte of each layer's tar: their answers are equal."""

OF_FILES: Mapping[str, Way] = {"engine, storage": _storage}
"""Those that see the files that engines unpack: their answers are equal to those, of images as engines have them."""

BY_TABLE: Mapping[str, Way] = {"estargz": _registry(estargz), "zstd:chunked": _registry(zstd_chunked)}
"""Those that believe a table of contents: what they state is the same, less what they can't know."""

BY_NAME: Mapping[str, Way] = {"engine, files": _engine("files")}
"""Those that ask for single files: they say that they rest on these alone."""

WHOLE = {**OF_BYTES, **OF_FILES}
EVERY = {**WHOLE, **BY_TABLE, **BY_NAME}


def comparable(facts: ImageFacts) -> ImageFacts:
    """The facts less what honestly differs: where the bytes came from, how they were stored and read."""
    layers = tuple(
        msgspec.structs.replace(layer, digest=None, compressed_size=None, cached=False, entries=None)
        for layer in facts.layers
    )
    return msgspec.structs.replace(
        facts,
        reference="",
        source="",
        size=Size(facts.size.uncompressed, None),
        layers=layers,
        evidence=msgspec.structs.replace(_NOWHERE, proof=facts.evidence.proof),
        tags=(),
        manifest_digest=None,
    )
