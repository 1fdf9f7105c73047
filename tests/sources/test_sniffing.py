"""Archives and directories that hold an index.json and a manifest.json, which lead to one image or to two."""

from __future__ import annotations

import json
import platform as machine
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.forms import docker
from fixtures.forms.oci import REF_NAME, Blobs, other_platform, skopeo_dir
from fixtures.packing import gzip, plain, zstd
from inspector.errors import Malformed
from inspector.oci import Platform
from inspector.testing.blobs import OCI
from inspector.testing.image import Image, sha256, to_json
from inspector.testing.tree import Tree, tar_of
from tests.sources.samples import API, WORKER, archive, opened

OTHER = Image(steps=WORKER.steps, tags=API.tags)
"""Another image by the name of `API`."""
ARM = other_platform(API)
HYBRIDS: dict[str, Callable[..., Tree]] = {
    "docker-25": docker.from_25,
    "containerd": docker.containerd(gzip, zstd),
    "containerd-absent": docker.containerd(plain, absent=True),
    "buildkit": docker.buildkit,
}


@pytest.fixture(autouse=True)
def on_amd64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "machine", lambda: "x86_64")


def document(tree: Tree, name: str) -> Any:
    content = tree[name]
    assert isinstance(content, bytes)
    return json.loads(content)


def joined(index: Tree, manifest: Tree) -> Tree:
    """What `index` holds, and beside it the manifest.json of `manifest` with all that it names."""
    return {**manifest, **index, "manifest.json": manifest["manifest.json"]}


def unpacked(path: Path, tree: Tree) -> Path:
    for name, content in tree.items():
        if isinstance(content, bytes):
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
    return path


@pytest.mark.parametrize("form", HYBRIDS)
@pytest.mark.parametrize("packed", [False, True])
def test_two_images_by_one_name_are_refused(form: str, packed: bool, tmp_path: Path) -> None:  # noqa: FBT001
    tree = joined(HYBRIDS[form]([API]), docker.until_24([OTHER]))
    path = tmp_path / "x.tar"
    path.write_bytes(gzip(tar_of(tree)) if packed else tar_of(tree))
    for reference in (str(path), f"{path}:api:prod", f"{path}@{API.image_id}", f"{path}@{OTHER.image_id}"):
        with pytest.raises(Malformed, match=rf"two images.*{OTHER.image_id}.*{API.image_id}.*depends on the engine"):
            opened(reference)


def test_a_directory_is_compared_too(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="two images"):
        opened(unpacked(tmp_path / "d", joined(docker.from_25([API]), docker.until_24([OTHER]))))
    assert opened(unpacked(tmp_path / "e", docker.from_25([API])))[0].warnings == ()


def test_a_scheme_does_not_say_which_an_engine_takes(tmp_path: Path) -> None:
    tree = joined(docker.from_25([API]), docker.until_24([OTHER]))
    path, folder = archive(tmp_path / "x.tar", tree), unpacked(tmp_path / "d", tree)
    for reference in (f"docker-archive:{path}", f"oci-archive:{path}", f"oci:{folder}"):
        with pytest.raises(Malformed, match="two images"):
            opened(reference)
    whole = archive(tmp_path / "y.tar", docker.from_25([API]))
    assert opened(f"docker-archive:{whole}")[0].warnings == opened(f"oci-archive:{whole}")[0].warnings == ()


def test_a_scheme_reads_what_can_not_be_compared_and_says_so(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.tar", {**docker.from_25([API]), "index.json": b"nonsense"})
    (image,) = opened(f"docker-archive:{path}")
    assert image.image_id == API.image_id
    assert "not compared" in image.warnings[-1]
    path = archive(tmp_path / "y.tar", {**docker.from_25([API]), "manifest.json": b"[1]"})
    assert "not compared" in opened(f"oci-archive:{path}")[0].warnings[-1]


def test_an_image_that_only_manifest_json_lists_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.tar", joined(docker.from_25([API]), docker.until_24([API, WORKER])))
    with pytest.raises(Malformed, match=f"two images for 'worker:1'.*{WORKER.image_id}"):
        opened(path)
    assert opened(f"{path}:api:prod")[0].image_id == API.image_id


def test_names_that_are_swapped_are_refused(tmp_path: Path) -> None:
    one, two = (Image(steps=API.steps, tags=["a:1"]), Image(steps=WORKER.steps, tags=["b:1"]))
    swapped = [Image(steps=WORKER.steps, tags=["a:1"]), Image(steps=API.steps, tags=["b:1"])]
    with pytest.raises(Malformed, match="two images for 'a:1'"):
        opened(archive(tmp_path / "x.tar", joined(docker.from_25([one, two]), docker.until_24(swapped))))


def test_an_absent_platform_hides_no_other_image(tmp_path: Path) -> None:
    """index.json lists API, and ARM that is not there; manifest.json has another image for API's platform."""
    tree = joined(docker.containerd(gzip, absent=True)([API]), docker.until_24([OTHER]))
    with pytest.raises(Malformed, match="two images"):
        opened(archive(tmp_path / "x.tar", tree), Platform("linux", "amd64"))


def test_a_platform_that_a_descriptor_claims_hides_no_other_image(tmp_path: Path) -> None:
    """index.json calls the image of manifest.json one for ARM, and has another for this machine."""
    blobs = Blobs()
    entries = [
        blobs.manifest(API, [plain], platform={"os": "linux", "architecture": "amd64"}),
        blobs.manifest(OTHER, [plain], platform={"os": "linux", "architecture": "arm64"}),
    ]
    top = [{**blobs.index(entries), "annotations": {REF_NAME: "api:prod"}}]
    path = archive(tmp_path / "x.tar", joined(blobs.tree(top), docker.until_24([OTHER])))
    with pytest.raises(Malformed, match="two images"):
        opened(path)


@pytest.mark.parametrize("form", HYBRIDS)
@pytest.mark.parametrize(
    "names", [["localhost/api:prod"], ["docker.io/library/api:prod"], ["other:1"], None, ["api:prod", "b:2"]]
)
def test_other_forms_of_names_are_no_difference(form: str, names: list[str] | None, tmp_path: Path) -> None:
    tree = dict(HYBRIDS[form]([API]))
    items = [{**item, "RepoTags": names} for item in document(tree, "manifest.json")]
    path = archive(tmp_path / "x.tar", {**tree, "manifest.json": to_json(items)})
    assert opened(path)[0].image_id == API.image_id


def test_tags_alone_in_index_json_are_compared_with_the_tags_of_names(tmp_path: Path) -> None:
    blobs = Blobs()
    top = [{**blobs.manifest(API, [gzip]), "annotations": {REF_NAME: "prod"}}]
    assert opened(archive(tmp_path / "x.tar", joined(blobs.tree(top), docker.until_24([API]))))[0].tags == ("prod",)
    with pytest.raises(Malformed, match="two images"):
        opened(archive(tmp_path / "y.tar", joined(blobs.tree(top), docker.until_24([OTHER]))))


def test_several_platforms_in_index_json_and_one_in_manifest_json(tmp_path: Path) -> None:
    blobs = Blobs()
    entries = [blobs.manifest(one, [gzip], platform=one.platform) for one in (API, ARM)]
    top = [{**blobs.index(entries), "annotations": {REF_NAME: "api:prod"}}]
    for beside in (API, replace(ARM, tags=API.tags)):
        path = archive(tmp_path / f"{beside.architecture}.tar", joined(blobs.tree(top), docker.until_24([beside])))
        assert opened(path)[0].image_id == API.image_id


@pytest.mark.parametrize(
    "index",
    [{"manifests": [{"mediaType": OCI.manifest}]}, {"manifests": 1}, {"manifests": [], "layers": []}, []],
)
def test_an_index_that_can_not_be_compared_does_not_give_way(index: object, tmp_path: Path) -> None:
    tree = {**docker.from_25([API]), "index.json": to_json(index)}
    with pytest.raises(Malformed, match=r"index\.json"):
        opened(archive(tmp_path / "x.tar", tree))


def test_an_index_that_leads_nowhere_by_a_key_in_another_case_gives_way(tmp_path: Path) -> None:
    index = document(docker.from_25([API]), "index.json")
    absent = {"mediaType": OCI.manifest, "digest": "sha256:" + "0" * 64, "size": 1}
    tree = {**docker.from_25([API]), "index.json": to_json({"manifests": [], **index, "MANIFESTS": [absent]})}
    with pytest.raises(Malformed, match="engines differ"):  # annotations of the first entry may stay
        opened(archive(tmp_path / "x.tar", tree))
    tree["index.json"] = to_json({"Manifests": [absent]})
    (image,) = opened(archive(tmp_path / "y.tar", tree))
    assert "in place of index.json" in image.warnings[-1]


def test_what_is_no_image_in_index_json_does_not_give_way(tmp_path: Path) -> None:
    """Containerd unpacks by the config, whatever type the manifest gives it."""
    blobs = Blobs()
    blobs.manifest(OTHER, [plain])
    parts = [blobs.add(layer, OCI.layer) for layer in OTHER.layers]
    odd = to_json({"schemaVersion": 2, "config": blobs.add(OTHER.config, "application/x"), "layers": parts})
    top = [{**blobs.add(odd, OCI.manifest), "annotations": {REF_NAME: "api:prod"}}]
    with pytest.raises(Malformed, match=r"index\.json to what is no image"):
        opened(archive(tmp_path / "x.tar", joined(blobs.tree(top), docker.until_24([API]))))


def test_a_copy_of_skopeos_beside_a_layout_is_compared(tmp_path: Path) -> None:
    blobs = Blobs()
    layout = dict(blobs.tree([blobs.manifest(API, [plain])]))
    same = unpacked(tmp_path / "same", {**layout, **skopeo_dir(plain)([API])})
    assert opened(same)[0].image_id == API.image_id
    with pytest.raises(Malformed, match="two images"):
        opened(unpacked(tmp_path / "other", {**layout, **skopeo_dir(plain)([OTHER])}))


def test_keys_in_another_case_in_either_document_are_seen(tmp_path: Path) -> None:
    """manifest.json gives its config and its layers twice, and the second time names another image."""
    tree = dict(joined(docker.from_25([API]), docker.until_24([OTHER])))
    (item,) = document(docker.from_25([API]), "manifest.json")
    (other,) = document(docker.until_24([OTHER]), "manifest.json")
    tree["manifest.json"] = to_json([{**item, "config": other["Config"], "LAYERS": other["Layers"]}])
    with pytest.raises(Malformed, match="two images"):
        opened(archive(tmp_path / "x.tar", tree))
    assert sha256(OTHER.config) in other["Config"]
