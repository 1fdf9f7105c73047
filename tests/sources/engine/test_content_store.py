"""containerd's blobs on disk: from a manifest's or an index's digest to the layers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from inspector.errors import DigestMismatch, Malformed, PlatformMissing
from inspector.oci import Platform
from inspector.sources.access import AccessUnusable
from inspector.sources.engine.content_store import candidate_roots, open_content_store
from inspector.testing.image import Image, to_json
from tests.sources.engine.unpacked import manifest_of
from tests.sources.samples import API, BASE, read

ARM = Image(steps=[BASE], architecture="arm64")
BLOBS = Path("io.containerd.content.v1.content", "blobs", "sha256")


def put(root: Path, content: bytes) -> str:
    """The content's digest, under which it is kept."""
    digits = hashlib.sha256(content).hexdigest()
    (root / BLOBS).mkdir(parents=True, exist_ok=True)
    (root / BLOBS / digits).write_bytes(content)
    return f"sha256:{digits}"


def path(root: Path, digest: str) -> Path:
    return root / BLOBS / digest.removeprefix("sha256:")


def put_image(root: Path, image: Image) -> str:
    for content in (image.config, *image.layers):
        put(root, content)
    return put(root, manifest_of(image))


def put_index(root: Path, images: Sequence[Image]) -> str:
    manifests = [
        {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": f"sha256:{hashlib.sha256(manifest_of(image)).hexdigest()}",
            "size": len(manifest_of(image)),
            "platform": image.platform,
        }
        for image in images
    ]
    return put(root, to_json({"schemaVersion": 2, "manifests": manifests}))


def test_a_manifest_leads_to_its_image(tmp_path: Path) -> None:
    image = open_content_store(tmp_path, put_image(tmp_path, API))
    assert (image.image_id, image.source) == (API.image_id, "docker")
    assert [layer.digest for layer in image.layers] == [f"sha256:{digits}" for digits in API.diff_ids]
    assert read(image) == [["etc/os-release", "usr/bin/python3"], ["app/main.py"]]


def test_an_index_leads_to_the_image_of_the_platform_wanted(tmp_path: Path) -> None:
    put_image(tmp_path, ARM)  # the other was never pulled
    target = put_index(tmp_path, [API, ARM])
    image = open_content_store(tmp_path, target, Platform("linux", "arm64"))
    assert (image.image_id, str(image.platform)) == (ARM.image_id, "linux/arm64")
    with pytest.raises(AccessUnusable, match="saved without it"):
        open_content_store(tmp_path, target, Platform("linux", "amd64"))
    with pytest.raises(PlatformMissing):
        open_content_store(tmp_path, target, Platform("linux", "s390x"))


@pytest.mark.parametrize("position", [0, 1])
def test_a_layer_that_was_never_fetched_is_told(position: int, tmp_path: Path) -> None:
    target = put_image(tmp_path, API)
    path(tmp_path, f"sha256:{API.diff_ids[position]}").unlink()
    with pytest.raises(AccessUnusable, match=API.diff_ids[position]):
        open_content_store(tmp_path, target)


def test_a_target_that_is_not_there(tmp_path: Path) -> None:
    put_image(tmp_path, API)
    with pytest.raises(AccessUnusable, match="does not hold sha256:000"):
        open_content_store(tmp_path, f"sha256:{'0' * 64}")


def test_documents_must_be_what_their_names_say(tmp_path: Path) -> None:
    target = put_image(tmp_path, API)
    path(tmp_path, target).write_bytes(manifest_of(API).replace(b"schemaVersion", b"schemaversion"))
    with pytest.raises(DigestMismatch):
        open_content_store(tmp_path, target)
    path(tmp_path, target).write_bytes(manifest_of(API))
    path(tmp_path, API.image_id).write_bytes(API.config.replace(b"flask", b"torch"))
    with pytest.raises(DigestMismatch):
        open_content_store(tmp_path, target)


def test_a_layer_that_was_cut_is_told(tmp_path: Path) -> None:
    target = put_image(tmp_path, API)
    layer = path(tmp_path, f"sha256:{API.diff_ids[0]}")
    layer.write_bytes(layer.read_bytes()[:-512])
    with pytest.raises(Malformed, match="are stated"):
        open_content_store(tmp_path, target)


def test_no_store_there(tmp_path: Path) -> None:
    with pytest.raises(AccessUnusable, match="on this machine"):
        open_content_store(tmp_path, f"sha256:{'0' * 64}")


def test_where_a_store_may_be(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    own = Path("/engine/containerd/daemon")
    assert candidate_roots(Path("/engine"), config) == (own, Path("/var/lib/containerd"))
    config.write_text('root = "/data/containerd"\n')
    assert candidate_roots(Path("/engine"), config) == (own, Path("/data/containerd"))
    config.write_text("root = [\n")
    assert candidate_roots(Path("/engine"), config) == (own, Path("/var/lib/containerd"))
