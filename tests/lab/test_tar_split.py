"""What engines keep of a layer's tar: with the layer's directory, it makes the very tar that the engine saves."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
import pytest

from inspector.errors import DigestMismatch
from inspector.layers.blob import Scanned
from inspector.sources.access import AccessUnusable
from inspector.sources.engine.diff_directory import DiffDirectory
from inspector.sources.image import Image, Layer
from tests.lab import ours, wrong
from tests.lab.conftest import ROLES
from tests.lab.others import DOCKER, Other
from tests.lab.test_storage import store_of

_SMALL = 100 << 20


def proved(layer: Layer) -> Scanned:
    """The layer, read to its digest."""
    return layer.blob.scan(layer.diff_id, layer.digest, verify=True, meter=lambda _: None)


def same(stored: Image, archived: Image, *, read: set[str]) -> None:
    """Compare all layers but those that were `read`, whose digests a scan checks besides."""
    assert len(stored.layers) == len(archived.layers)
    for one, other in zip(stored.layers, archived.layers, strict=True):
        if one.diff_id in read:
            continue
        read.add(one.diff_id)
        assert isinstance(one.blob, DiffDirectory)
        assert one.blob.split is not None
        found, wanted = proved(one).index, proved(other).index
        assert found.entries == wanted.entries
        assert found == wanted
        assert found.verified


def test_the_role_images_are_proved_where_docker_keeps_them(saved: Path) -> None:
    read: set[str] = set()
    with store_of(DOCKER) as opened:
        for name in (*ROLES, *wrong.NAMES):
            same(opened(name), ours.image_of(f"docker-archive:{saved}:{name}"), read=read)
    assert len(read) > len(ROLES)


def test_podman_s_images_are_proved_too(podman: Other, tmp_path: Path) -> None:
    name = f"localhost/{ROLES[0]}"
    podman.podman("save", "--quiet", "--output", str(tmp_path / "saved.tar"), name)
    with store_of(podman) as opened:
        same(opened(name), ours.image_of(f"docker-archive:{tmp_path}/saved.tar"), read=set())


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> tuple[Layer, DiffDirectory]:
    """A layer of the API's image and a copy of its directory, which the engine knows nothing of."""
    del saved
    with store_of(DOCKER) as opened:
        layers = opened(ROLES[0]).layers
    layer = next(layer for layer in layers if _is_handy(layer.blob))
    blob = layer.blob
    assert isinstance(blob, DiffDirectory)
    assert blob.split is not None
    top = tmp_path / "diff"
    shutil.copytree(blob.path, top, symlinks=True)
    return layer, msgspec.structs.replace(blob, path=top)


def _is_handy(blob: object) -> bool:
    """Tell whether the layer is small, and has files and no marks."""
    files = [path for path in blob.path.rglob("*") if path.is_file()] if isinstance(blob, DiffDirectory) else []
    return len(files) > 20 and sum(path.lstat().st_size for path in files) < _SMALL


def test_a_file_that_was_changed_in_a_layer_is_found(copied: tuple[Layer, DiffDirectory]) -> None:
    layer, copy = copied
    index = copy.scan(layer.diff_id, None, verify=True, meter=lambda _: None).index
    assert index == proved(layer).index
    victim = next(path for path in sorted(copy.path.rglob("*.py")) if path.stat().st_size > 100)
    status, content = victim.stat(), victim.read_bytes()
    victim.write_bytes(content.swapcase())
    os.utime(victim, ns=(status.st_atime_ns, status.st_mtime_ns))  # whoever changes it sets the time back
    told = str(victim.relative_to(copy.path))
    with pytest.raises(DigestMismatch, match=told):
        copy.scan(layer.diff_id, None, verify=True, meter=lambda _: None)
    with pytest.raises(AccessUnusable, match=told):
        copy.scan(layer.diff_id, None, verify=False, meter=lambda _: None)
