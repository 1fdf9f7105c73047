"""Podman's store on disk: names as podman takes them, layers by digest, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from inspector.errors import DigestMismatch, Malformed, NotFound
from inspector.layers.merge import merge
from inspector.sources.access import AccessUnusable
from inspector.sources.engine import containers_files, containers_storage
from inspector.sources.engine.containers_storage import ContainersStore, find_store
from inspector.sources.image import Image
from inspector.testing.image import Image as Built
from inspector.testing.image import Step
from tests.lab.ours import listing
from tests.sources.engine import unpacked
from tests.sources.samples import API

if sys.platform != "linux":
    pytest.skip("engines keep their files on Linux alone", allow_module_level=True)

NAMES = ["localhost/api:prod", "docker.io/library/web:latest", "registry.example:5000/team/api:1"]


@pytest.fixture(autouse=True)
def _all_marks_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers_storage, "refuse_hidden_marks", lambda _: None)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return unpacked.containers_storage(tmp_path / "store", API, names=NAMES)


def paths(image: Image) -> set[str]:
    scans = [layer.blob.scan(layer.diff_id, None, verify=False, meter=lambda _: None) for layer in image.layers]
    return set(listing(merge([scan.index for scan in scans])))


@pytest.mark.parametrize(
    "name",
    [
        "api:prod",
        "localhost/api:prod",
        "web",
        "docker.io/web",
        "library/web:latest",
        "registry.example:5000/team/api:1",
        API.image_id,
        API.image_id[7:],
        API.image_id[7:11],
        f"api@{API.image_id}",
        f"api:prod@{API.image_id}",
    ],
)
def test_names_as_podman_takes_them(name: str, root: Path) -> None:
    image = ContainersStore(root).open(name)
    assert (image.reference, image.source, image.image_id) == (name, "podman", API.image_id)
    assert image.tags == tuple(NAMES)


@pytest.mark.parametrize("name", ["api", "team/api:1", "quay.io/web", "other", "zz", f"other@{API.image_id}", "prod"])
def test_names_that_podman_does_not_know(name: str, root: Path) -> None:
    with pytest.raises(NotFound, match="localhost/api:prod"):
        ContainersStore(root).open(name)


def test_an_id_that_begins_two_images_is_not_guessed(root: Path) -> None:
    path = root / "overlay-images" / "images.json"
    path.write_bytes(path.read_bytes()[:-1] + b',{"id":"' + (API.image_id[7:12] + "0" * 59).encode() + b'"}]')
    with pytest.raises(NotFound, match="any of 2 images"):
        ContainersStore(root).open(API.image_id[7:12])


def test_layers_steps_and_config_are_found(root: Path) -> None:
    image = ContainersStore(root).open_id(API.image_id)
    assert [layer.created_by for layer in image.layers] == ["COPY rootfs /", "RUN pip install flask"]
    assert {"etc/os-release", "app/main.py"} < paths(image)


def test_the_list_has_all_names(root: Path) -> None:
    (listed,) = ContainersStore(root).images()
    assert (listed.id, listed.tags, listed.digests) == (API.image_id, tuple(NAMES), ())


def test_an_image_without_layers(tmp_path: Path) -> None:
    empty = Built(steps=[Step("ENV A=1")], tags=["none:1"])
    image = ContainersStore(unpacked.containers_storage(tmp_path / "s", empty, names=["localhost/none:1"])).open(
        "none:1"
    )
    assert image.layers == ()


def test_images_and_layers_of_a_further_store_are_found_too(root: Path, tmp_path: Path) -> None:
    more = API.with_steps(Step("RUN more", {"more": b"m"}), tags=["more:1"])
    unpacked.containers_storage(tmp_path / "own", more, names=["localhost/more:1"])
    layers = tmp_path / "own" / "overlay-layers" / "layers.json"
    layers.write_bytes(b"[" + b"{" + layers.read_bytes().split(b"{")[-1])  # its base is in the further store alone
    store = ContainersStore(tmp_path / "own", [root, tmp_path / "not there"])
    assert {"more", "app/main.py"} < paths(store.open("more:1"))
    assert store.open("api:prod").image_id == API.image_id


LAYERS, IMAGES = "overlay-layers/layers.json", "overlay-images/images.json"


@pytest.mark.parametrize(
    ("path", "changes", "reason"),
    [
        (LAYERS, {"diff-digest": f"sha256:{'0' * 64}"}, "other layers"),
        (LAYERS, {"diff-digest": ""}, "not pulled whole"),
        (LAYERS, {"flags": {"incomplete": True}}, "being made or removed"),
        (LAYERS, {"parent": ""}, "other layers"),
        (IMAGES, {"layer": "0" * 64}, "has no layer"),
    ],
)
def test_a_store_that_contradicts_the_config_is_refused(
    path: str, changes: dict[str, object], reason: str, root: Path
) -> None:
    unpacked.edit(root / path, **changes)
    with pytest.raises(AccessUnusable, match=reason):
        ContainersStore(root).open("api:prod")


def test_layers_in_a_circle_end(root: Path) -> None:
    top = ContainersStore(root)._folders[0].images[0].layer
    unpacked.edit(root / LAYERS, parent=top)
    with pytest.raises(AccessUnusable, match="chain of more than"):
        ContainersStore(root).open("api:prod")


@pytest.mark.parametrize("digest", ["sha256:" + "0" * 64, "sha512:" + "0" * 128])
def test_an_altered_manifest_is_found_out(digest: str, root: Path) -> None:
    unpacked.edit(root / IMAGES, digest=digest)
    with pytest.raises(DigestMismatch):
        ContainersStore(root).open("api:prod")


@pytest.mark.parametrize("content", [b"{", b"{}", b'[{"id": 1}]', b'[{"id": "\xff"}]', b"[" * 100_000])
def test_lists_that_are_none(content: bytes, root: Path) -> None:
    (root / IMAGES).write_bytes(content)
    with pytest.raises(Malformed, match=r"images\.json"):
        ContainersStore(root).images()


def test_a_list_of_images_is_no_image(root: Path) -> None:
    manifest = root / "overlay-images" / API.image_id[7:] / "manifest"
    manifest.write_bytes(b'{"manifests": []}')
    unpacked.edit(root / IMAGES, digest="")
    with pytest.raises(NotFound, match="list of images"):
        ContainersStore(root).open("api:prod")


@pytest.mark.parametrize("name", ["composefs-data", "composefs.blob"])
def test_composefs_is_refused(name: str, root: Path) -> None:
    next((root / "overlay").glob("[0-9a-f]*")).joinpath(name).mkdir()
    with pytest.raises(AccessUnusable, match="composefs"):
        ContainersStore(root).open("api:prod")


def test_ids_are_no_paths(root: Path) -> None:
    unpacked.edit(root / IMAGES, layer="../../etc")
    unpacked.edit(root / LAYERS, id="../../etc")
    with pytest.raises(AccessUnusable, match="no id"):
        ContainersStore(root).open("api:prod")


def test_another_driver_is_named(tmp_path: Path) -> None:
    (tmp_path / "vfs-images").mkdir()
    with pytest.raises(AccessUnusable, match="driver vfs"):
        ContainersStore(tmp_path).images()


def test_a_store_without_images(tmp_path: Path) -> None:
    for name in ("overlay", "overlay-images", "overlay-layers"):
        (tmp_path / name).mkdir()
    assert ContainersStore(tmp_path).images() == ()


def test_lists_that_change_while_they_are_read_are_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamps = iter("abcccccc")
    monkeypatch.setattr(containers_files, "stamp", lambda _: next(stamps))
    assert len(ContainersStore(root).images()) == 1
    stamps = iter("abcdefghijklmnopqrstuvwxyz")
    with pytest.raises(AccessUnusable, match="all the time"):
        ContainersStore(root).images()


def test_the_store_is_found_where_it_is_configured(root: Path, tmp_path: Path) -> None:
    conf = tmp_path / "storage.conf"
    environment = {"CONTAINERS_STORAGE_CONF": str(conf), "HOME": str(tmp_path)}
    conf.write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{root}"\n[storage.options]\nadditionalimagestores = ["/x", "y"]\n'
    )
    store = find_store(environment)
    assert store is not None
    assert (store.root, store._further) == (root, [Path("/x")])
    conf.write_text('[storage]\ngraphroot = "$HOME/store"\n')
    assert str(find_store(environment)) == f"the store {root}"
    conf.write_text("[storage")
    assert str(find_store(environment)) != f"the store {root}"
