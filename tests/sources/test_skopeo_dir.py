"""skopeo's `dir:`, with several platforms and broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.forms import FORMS
from fixtures.forms.oci import Blobs, other_platform
from fixtures.packing import gzip
from inspector.errors import DigestMismatch, InspectorError, Malformed, NotFound, PlatformMissing, Unsupported
from inspector.oci import Platform
from inspector.testing.blobs import DOCKER
from inspector.testing.image import Image, sha256
from tests.sources.samples import API, opened, read

ARM64 = Platform("linux", "arm64")


def copied_with_all(path: Path) -> Path:
    """As `skopeo copy --all` writes a list: it, and each manifest by its digest."""
    blobs = Blobs(DOCKER)
    entries = [blobs.manifest(image, [gzip], platform=image.platform) for image in (API, other_platform(API))]
    index = blobs.content.pop(blobs.index(entries)["digest"][7:])
    path.mkdir()
    (path / "manifest.json").write_bytes(index)
    (path / "version").write_bytes(b"Directory Transport Version: 1.1\n")
    manifests = {entry["digest"][7:] for entry in entries}
    for digest, content in blobs.content.items():
        (path / (f"{digest}.manifest.json" if digest in manifests else digest)).write_bytes(content)
    return path


def test_a_list_of_platforms(tmp_path: Path) -> None:
    path = copied_with_all(tmp_path / "it")
    assert [image.image_id for image in opened(f"dir:{path}", "all")] == [API.image_id, other_platform(API).image_id]
    (image,) = opened(path, ARM64)
    assert image.image_id == other_platform(API).image_id
    assert len(read(image)) == 2
    assert opened(f"{path}@{API.image_id}", "all")[0].image_id == API.image_id


def test_nothing_names_the_image_but_its_id(tmp_path: Path) -> None:
    FORMS["dir-gzip"](tmp_path / "it", [API])
    assert opened(f"{tmp_path / 'it'}:{API.image_id[7:19]}")[0].image_id == API.image_id
    with pytest.raises(NotFound, match="without a name"):
        opened(f"{tmp_path / 'it'}:api:prod")
    with pytest.raises(PlatformMissing, match="linux/amd64"):
        opened(tmp_path / "it", ARM64)


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("manifest.json", b"", Malformed),
        ("manifest.json", b"nonsense", Malformed),
        ("manifest.json", b"{}", Malformed),
        ("manifest.json", b'{"schemaVersion": 1, "fsLayers": []}', Unsupported),
        ("manifest.json", b'{"manifests": []}', Unsupported),
        (sha256(API.config), b"{}", Malformed),
        (sha256(API.config), API.config[:-1] + b" ", DigestMismatch),
        (sha256(API.config), None, NotFound),
        (sha256(gzip(API.layers[0])), None, NotFound),
    ],
)
def test_a_broken_directory_is_refused(
    name: str, content: bytes | None, error: type[InspectorError], tmp_path: Path
) -> None:
    FORMS["dir-gzip"](tmp_path / "it", [Image(steps=API.steps, tags=API.tags)])
    blob = tmp_path / "it" / name
    assert blob.exists()
    blob.unlink()
    if content is not None:
        blob.write_bytes(content)
    for scheme in ("", "dir:"):
        with pytest.raises(error) as raised:
            opened(f"{scheme}{tmp_path / 'it'}")
        assert type(raised.value) is error
        assert str(raised.value).startswith(str(tmp_path))
