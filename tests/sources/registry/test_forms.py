"""The contract of all sources, for registries: the same image, held in whatever form, gives the same facts."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.forms import FORMS, Producer, oci
from fixtures.packing import gzip, plain, zstd
from fixtures.roles import right_images
from inspector.facts import gather
from inspector.layers.indexer import Indexer
from inspector.oci import INDEX_TYPES, MANIFEST_TYPES, Platform, parse_manifest
from inspector.reference import parse_reference
from inspector.sources import open_images
from inspector.testing.blobs import DOCKER
from inspector.testing.image import sha256
from inspector.testing.registry import FakeRegistry
from tests.comparable import comparable
from tests.sources.registry.conftest import Opened

GPU = right_images()["worker-gpu"]
AMD64 = Platform("linux", "amd64")
HELD: dict[str, Producer] = {
    "oci-gzip": oci.layout(gzip),
    "oci-zstd": oci.layout(zstd),
    "oci-plain": oci.layout(plain),
    "oci-mixed": oci.layout(gzip, zstd, plain),
    "oci-docker-types": oci.layout(gzip, types=DOCKER),
    "oci-embedded": oci.embedded,
    "oci-platforms": oci.platforms,
    "oci-platforms-docker-types": oci.platforms_of_docker,
    "oci-nested": oci.nested,
}


def hold(fake: FakeRegistry, producer: Producer, tag: str) -> None:
    """Put a layout's blobs into the registry, and what its index.json lists first under a tag."""
    tree = producer([GPU])
    for name, content in tree.items():
        if not name.startswith("blobs/") or not isinstance(content, bytes):
            continue
        digest = f"sha256:{sha256(content)}"
        fake.blobs[digest] = content
        for media_type in INDEX_TYPES | MANIFEST_TYPES:
            if f'"mediaType":"{media_type}"'.encode() in content[:120]:
                fake.manifests["a/gpu", digest] = content, media_type
    index = tree["index.json"]
    assert isinstance(index, bytes)
    top = parse_manifest(index, "", "index.json")
    fake.manifests["a/gpu", tag] = fake.manifests["a/gpu", top.manifests[0].digest]  # type: ignore[union-attr]


@pytest.mark.parametrize("form", HELD)
def test_the_same_image_gives_the_same_facts(form: str, fake: FakeRegistry, opened: Opened, tmp_path: Path) -> None:
    indexer = Indexer(None, verify=False, meter=lambda _: None)
    (image,) = open_images(parse_reference(FORMS["oci-gzip"](tmp_path / "layout", [GPU])), AMD64)
    hold(fake, HELD[form], "test")
    (held,) = opened("a/gpu:test", AMD64)
    facts = gather(held, indexer)
    assert comparable(facts) == comparable(gather(image, indexer))
    assert facts.evidence.digests_verified
    assert facts.source == "registry"
