"""From names to images in containerd's own files; what is refused, and what each refusal says to do."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from inspector.errors import (
    InspectorError,
    LimitExceeded,
    Malformed,
    NotFound,
    PlatformMissing,
    Unreachable,
    Unsupported,
)
from inspector.layers.merge import merge
from inspector.oci import Platform
from inspector.reference import parse_reference
from inspector.sources import open_images
from inspector.sources.access import AccessUnusable
from inspector.sources.containerd import contents, native, records
from inspector.sources.containerd import open as opening
from inspector.sources.containerd.places import Place
from inspector.sources.containerd.records import DATABASE
from inspector.sources.engine import bolt
from inspector.sources.engine.diff_directory import DiffDirectory
from inspector.sources.engine.snapshots import FOLDER
from inspector.sources.image import Image as Opened
from inspector.sources.media import Media
from inspector.sources.platforms import Wanted
from inspector.testing.image import Image, Step
from tests.lab.ours import listing
from tests.sources.containerd.nodes import NAME, Node
from tests.sources.engine.boltfile import database
from tests.sources.engine.test_content_store import ARM, BLOBS, path, put, put_index
from tests.sources.samples import API, BASE, WORKER, read

if sys.platform != "linux":
    pytest.skip("containerd keeps its files on Linux alone", allow_module_level=True)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """The one containerd that is found, whose marks of removed files are shown."""
    monkeypatch.setattr(contents, "hidden_marks", lambda _: "")
    monkeypatch.setattr(opening, "find_places", lambda: [Place(tmp_path)])
    monkeypatch.delenv("CONTAINERD_NAMESPACE", raising=False)
    return Node(tmp_path)


def opened(name: str, wanted: Wanted = None, **more: str) -> tuple[Opened, ...]:
    return open_images(parse_reference(f"containerd:{name}"), wanted, media=Media(namespace=more.get("namespace")))


def refused(name: str, wanted: Wanted = None, **more: str) -> str:
    with pytest.raises(InspectorError) as raised:
        opened(name, wanted, **more)
    return str(raised.value)


@pytest.mark.parametrize("name", [NAME, "api:prod", "library/api:prod", API.image_id, API.image_id[7:19]])
def test_an_image_by_each_of_its_names(name: str, node: Node) -> None:
    node.put(API, NAME, API.image_id)
    node.write()
    (image,) = opened(name)
    assert (image.image_id, image.source, image.tags) == (API.image_id, "containerd", (NAME,))
    assert image.reference == f"containerd:{name}"
    assert read(image) == [["etc/os-release", "usr/bin/python3"], ["app/main.py"]]


def test_an_image_by_the_digest_of_its_manifest(node: Node) -> None:
    target = node.put(API, "ghcr.io/team/api:1")
    node.name(f"ghcr.io/team/api@{target}", target).write()
    for name in (target, f"ghcr.io/team/api@{target}", f"ghcr.io/team/api:2@{target}", target[7:30]):
        (image,) = opened(name)
        assert (image.manifest_digest, image.tags) == (target, ("ghcr.io/team/api:1",))
    assert "no such image" in refused(f"ghcr.io/other/api@{target}")


def test_a_config_that_no_name_tells_is_looked_for_in_the_documents(node: Node) -> None:
    node.put(WORKER, "b:1", namespace="default")
    node.put(API, namespace="default")
    node.write()
    assert [image.image_id for image in opened(WORKER.image_id)] == [WORKER.image_id]
    assert [image.image_id for image in opened(WORKER.image_id[7:20])] == [WORKER.image_id]
    assert "no such image" in refused(f"sha256:{'0' * 64}")


def test_the_beginning_of_several_digests_is_refused(node: Node) -> None:
    node.name("a:1", f"sha256:{'a' * 64}").name("b:1", f"sha256:{'a' * 63}b").write()
    assert "any of 2 images" in refused("a" * 12)


def test_the_namespace_of_kubernetes_comes_first(node: Node) -> None:
    node.put(API, namespace="k8s.io")
    node.put(WORKER, namespace="default")
    node.put(WORKER, "other:1", namespace="alpha")
    node.put(API, "other:1", namespace="default")
    node.write()
    (image,) = opened("api:prod")
    assert image.image_id == API.image_id
    (warning,) = [each for each in image.warnings if "namespace" in each]
    assert warning.startswith("read from the namespace k8s.io; another image has this name in default: ")
    assert opened("other:1")[0].image_id == API.image_id
    (named,) = opened("api:prod", namespace="default")
    assert (named.image_id, named.warnings) == (WORKER.image_id, opened("other:1", namespace="default")[0].warnings)


def test_the_environment_may_name_the_namespace(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.put(API)
    node.put(WORKER, "worker:1", namespace="default")
    node.write()
    monkeypatch.setenv("CONTAINERD_NAMESPACE", "default")
    assert opened("worker:1")
    assert "k8s.io' has it: --namespace k8s.io" in refused("api:prod")


def test_a_namespace_that_is_not_there_and_one_for_another_scheme(node: Node, tmp_path: Path) -> None:
    node.put(API)
    node.write()
    assert "no namespace 'nope'; it has 'k8s.io'" in refused("api:prod", namespace="nope")
    with pytest.raises(InspectorError, match="containerd's alone") as raised:
        open_images(parse_reference(f"oci:{tmp_path}"), media=Media(namespace="k8s.io"))
    assert raised.value.exit_code == 2


def test_a_glob_and_all_tags_of_a_repository(node: Node) -> None:
    node.put(API, NAME, "docker.io/library/api:dev", API.image_id)
    target = node.put(WORKER, "docker.io/library/api:prod", "docker.io/library/worker:1", namespace="default")
    node.name(f"ghcr.io/x/only@{target}", target, "pinned").write()
    found = opened("api*")
    assert [image.reference for image in found] == [
        f"containerd:docker.io/library/api:{tag}" for tag in ("dev", "prod")
    ]
    assert {image.image_id for image in found} == {API.image_id}
    assert [image.image_id for image in opened("ghcr.io/x/on*")] == [WORKER.image_id]
    every = open_images(parse_reference("containerd:api"), every_tag=True)
    assert [image.reference for image in every] == [image.reference for image in found]
    assert "no image matches" in refused("none*")


def test_names_that_are_near(node: Node) -> None:
    node.put(API, NAME, "registry.example/team/worker:1")
    node.write()
    for name, near in {"api:prd": "api:prod", "worker:1": "registry.example/team/worker:1"}.items():
        with pytest.raises(NotFound, match=rf"did you mean {near}\?") as raised:
            opened(name)
        assert raised.value.near == (near,)


def test_of_an_index_the_one_platform_that_was_pulled(node: Node) -> None:
    node.put(API, "unused:1")
    target = put_index(node.root, [API, ARM])
    node.name("api:1", target).name(f"sha256:{'9' * 64}", target).write()
    assert [image.image_id for image in opened("api:1")] == [API.image_id]
    with pytest.raises(PlatformMissing, match=r"only linux/amd64 was pulled.*--platform linux/arm64 api:1"):
        opened("api:1", Platform("linux", "arm64"))
    with pytest.raises(PlatformMissing, match="no image for linux/s390x"):
        opened("api:1", Platform("linux", "s390x"))
    (image,) = opened("api:1", "all")
    assert any("not there and so not read" in each for each in image.warnings)


def test_of_manifests_without_layers_none_is_taken(node: Node) -> None:
    """As a pull leaves it that fetches all manifests of an index, and the layers of one."""
    other = Image(steps=[Step("RUN", {"x": b"arm"})], architecture="arm64")
    node.put(API, "unused:1")
    node.put(other, "unused:2")
    node.name("api:1", put_index(node.root, [API, other])).discard(API).write()
    assert [image.image_id for image in opened("api:1")] == [other.image_id]
    assert "only linux/arm64 was pulled" in refused("api:1", Platform("linux", "amd64"))
    assert [image.image_id for image in opened("api:1", "all")] == [other.image_id]
    node.discard(other)
    assert "nor is it unpacked" in refused("api:1", Platform("linux", "amd64"))


def test_the_only_platform_pulled_is_taken_though_it_is_anothers(node: Node) -> None:
    node.put(ARM, "unused:1")
    node.name("api:1", put_index(node.root, [API, ARM])).write()
    (image,) = opened("api:1")
    assert (image.image_id, bool(image.warnings)) == (ARM.image_id, True)


def test_unpacked_layers_are_walked_and_blobs_verified(node: Node) -> None:
    node.put(API)
    node.unpack(API).write()
    (image,) = opened("api:prod")
    assert all(isinstance(layer.blob, DiffDirectory) for layer in image.layers)
    assert read(image) == [["etc/os-release", "usr/bin/python3"], ["app/main.py"]]
    assert image.access is not None
    saved = image.access.saved(known=lambda _: False, meter=lambda _: None)
    assert not any(layer.walked for layer in saved.layers)
    assert read(saved) == read(image)


def test_layers_whose_blobs_are_discarded_are_read_where_they_are_unpacked(node: Node) -> None:
    node.put(API)
    node.unpack(API).discard(API).write()
    (image,) = opened("api:prod")
    scans = [layer.blob.scan(layer.diff_id, layer.digest, verify=False, meter=lambda _: None) for layer in image.layers]
    assert {"etc/os-release", "app/main.py"} < set(listing(merge([scan.index for scan in scans])))
    assert image.access is not None
    with pytest.raises(AccessUnusable, match="is not kept"):
        image.access.saved(known=lambda _: False, meter=lambda _: None)
    with pytest.raises(AccessUnusable, match="digest"):
        read(image, verify=True)


def test_each_layer_is_taken_where_it_is(node: Node) -> None:
    """A base that was unpacked, and discarded, for another image, below a layer that only was fetched."""
    base = Image(steps=[BASE], tags=["base:1"])
    node.put(base, "base:1")
    node.unpack(base).discard(base).name(NAME, node.put(API))
    (node.root / BLOBS / base.diff_ids[0]).unlink()
    node.write()
    (image,) = opened("api:prod")
    assert [layer.walked for layer in image.layers] == [True, False]


def test_what_another_namespace_unpacked_is_not_taken(node: Node) -> None:
    node.put(API)
    node.unpack(API, "default").discard(API).write()
    with pytest.raises(NotFound, match="nor is it unpacked: pull the image again"):
        opened("api:prod")


@pytest.mark.parametrize("snapshotter", ["stargz", "nydus", "native", "fuse-overlayfs"])
def test_a_snapshotter_that_is_not_read_is_named(snapshotter: str, node: Node) -> None:
    node.put(API)
    node.record(API, snapshotter)
    node.write()
    assert len(opened("api:prod")) == 1, "the blobs are there, so nothing of the snapshotter is needed"
    node.discard(API)
    with pytest.raises(Unsupported, match=f"by the snapshotter {snapshotter}, of which nothing is read"):
        opened("api:prod")


def test_of_the_snapshotter_native_all_files_are_one_layer(node: Node) -> None:
    node.put(API)
    node.copy_whole(API, {"app/main.py": b"pass\n", "app/.wh.x": b"a file like any other"}).write()
    (image,) = opened("api:prod")
    assert len(image.layers) == 2, "the blobs are there"
    node.discard(API)
    (image,) = opened("api:prod")
    assert (image.image_id, image.tags, image.platform) == (None, (NAME,), Platform("linux", "amd64"))
    assert image.config.config == opened("api:prod")[0].config.config
    assert any("which layer they are of can't be told" in each for each in image.warnings)
    assert read(image, verify=False) == [["", "app", "app/.wh.x", "app/main.py"]]
    with pytest.raises(Unsupported, match="no digest can be verified"):
        read(image)


def test_a_native_snapshot_that_is_removed_meanwhile_is_no_shorter_answer(node: Node) -> None:
    node.put(API)
    node.copy_whole(API, {"app/main.py": b"pass\n"}).discard(API).write()
    (image,) = opened("api:prod")
    database(node.root / native.FOLDER / "metadata.db", {b"v1": {b"snapshots": {}}})
    with pytest.raises(AccessUnusable, match="no layer unpacked"):
        read(image, verify=False)


def test_layers_that_are_only_unpacked_need_the_marks_to_be_shown(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.put(API)
    node.unpack(API).write()
    monkeypatch.setattr(contents, "hidden_marks", lambda _: "marks are shown to root alone: run as root")
    assert not any(layer.walked for layer in opened("api:prod")[0].layers)
    node.discard(API)
    with pytest.raises(NotFound, match="can't be read: marks are shown to root alone"):
        opened("api:prod")


def test_a_snapshot_that_is_gone_is_told(node: Node) -> None:
    node.put(API)
    node.record(API, "overlayfs")
    node.discard(API).write()
    with pytest.raises(NotFound, match="its snapshot is gone"):
        opened("api:prod")


def test_a_target_that_is_gone_is_told(node: Node) -> None:
    target = node.put(API)
    node.write()
    path(node.root, target).unlink()
    with pytest.raises(NotFound, match=r"does not hold sha256:.*pull the image again"):
        opened("api:prod")


def test_files_that_are_for_root_alone(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.put(API)
    node.write()

    def denied(*_: object) -> object:
        raise PermissionError

    monkeypatch.setattr(bolt, "_newest", denied)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Unreachable, match=r"run as root.*, or save the image.*images export.*nerdctl save"):
        opened("api:prod")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "export" not in refused("api:prod")


def test_a_root_without_a_database_is_passed_over(
    node: Node, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.put(API)
    empty = Place(tmp_path_factory.mktemp("empty"))
    monkeypatch.setattr(opening, "find_places", lambda: [empty, Place(node.write())])
    assert opened("api:prod")
    assert "no such image" in refused("other:1")
    monkeypatch.setattr(opening, "find_places", lambda: [empty])
    with pytest.raises(Unreachable, match="there is no"):
        opened("api:prod")


def test_databases_that_are_damaged_or_too_large(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.put(API, "a:1", "b:1", "c:1")
    node.unpack(API).write()
    monkeypatch.setattr(records, "MAX_NAMES", 2)
    with pytest.raises(LimitExceeded, match="more than 2 names"):
        opened("a:1")
    monkeypatch.setattr(records, "MAX_NAMES", 3)
    (node.root / FOLDER / "metadata.db").write_bytes(b"no database")
    assert not any(layer.walked for layer in opened("a:1")[0].layers), "the blobs do"
    (node.root / DATABASE).write_bytes(b"no database")
    with pytest.raises(Malformed, match="bolt"):
        opened("a:1")


def test_records_that_are_none_are_passed_over(node: Node) -> None:
    node.put(API)
    node.name("bad:1", "../../etc/passwd").name("x" * 5000, f"sha256:{'0' * 64}").write()
    assert "no such image" in refused("bad:1")
    assert opened("api:prod")


def test_an_image_of_an_artifact_is_refused(node: Node) -> None:
    step = Step("RUN", {"a": b"b"})
    target = node.put(Image(steps=[step], tags=["a:1"]), "a:1")
    manifest = (
        path(node.root, target).read_bytes().replace(b"vnd.oci.image.layer.v1.tar", b"vnd.cncf.helm.chart.v1.tar")
    )
    node.name("chart:1", put(node.root, manifest)).write()
    with pytest.raises(Unsupported, match="no image but an artifact"):
        opened("chart:1")
