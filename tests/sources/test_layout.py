"""OCI layouts beyond the forms: nested, shared, foreign, incomplete and hostile ones. All as directories."""

from __future__ import annotations

import base64
import hashlib
import json
import platform as machine
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fixtures.forms.oci import LAYOUT, REF_NAME, Blobs, other_platform
from fixtures.packing import gzip, plain
from inspector.errors import (
    DigestMismatch,
    InspectorError,
    LimitExceeded,
    Malformed,
    NoImage,
    NotFound,
    PlatformMissing,
    Unsupported,
)
from inspector.oci import Platform
from inspector.sources import assemble, contents
from inspector.testing.blobs import OCI, Descriptor, Packing
from inspector.testing.image import Image, sha256, to_json
from tests.sources.samples import API, WORKER, opened, read

AMD64 = Platform("linux", "amd64")
ARM64 = Platform("linux", "arm64")
ARM = other_platform(API)


@pytest.fixture(autouse=True)
def on_amd64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "machine", lambda: "x86_64")


def layout(path: Path, blobs: Blobs, top: Sequence[Descriptor]) -> Path:
    """A layout in a directory."""
    (path / "blobs/sha256").mkdir(parents=True)
    for name, content in blobs.tree(top).items():
        assert isinstance(content, bytes)
        (path / name).write_bytes(content)
    return path


def named(descriptor: Descriptor, name: str, **more: object) -> Descriptor:
    return {**descriptor, "annotations": {REF_NAME: name}, **more}


def manifest(blobs: Blobs, config: Descriptor, layers: list[Descriptor], **more: object) -> Descriptor:
    document = {"schemaVersion": 2, "mediaType": OCI.manifest, "config": config, "layers": layers}
    return blobs.add(to_json({**document, **more}), OCI.manifest)


def changed(image: Image, **fields: Any) -> tuple[Blobs, Descriptor]:
    """An image whose first layer's descriptor has other fields."""
    blobs = Blobs()
    layers = [blobs.add(layer, OCI.layer) for layer in image.layers]
    layers[0] |= fields
    return blobs, manifest(blobs, blobs.add(image.config, OCI.config), layers)


def test_nested_indexes_give_each_image_once_with_all_its_names(tmp_path: Path) -> None:
    blobs = Blobs()
    inner = blobs.index([blobs.manifest(API, [gzip], platform=API.platform)])
    outer = blobs.index([inner, blobs.manifest(ARM, [plain], platform=ARM.platform), inner])
    path = layout(tmp_path, blobs, [named(outer, "a"), named(outer, "b"), named(inner, "c")])
    (image,) = opened(path)
    assert (image.image_id, image.tags) == (API.image_id, ("a", "b", "c"))
    assert {one.image_id for one in opened(f"{path}:a", "all")} == {API.image_id, ARM.image_id}
    assert [one.image_id for one in opened(f"{path}:c", "all")] == [API.image_id]


def test_an_image_is_found_by_the_digest_of_its_manifest_index_or_config(tmp_path: Path) -> None:
    blobs = Blobs()
    api, arm = blobs.manifest(API, [gzip], platform=API.platform), blobs.manifest(ARM, [gzip], platform=ARM.platform)
    index = blobs.index([api, arm])
    path = layout(tmp_path, blobs, [named(blobs.manifest(WORKER, [gzip]), "w"), named(index, "both")])
    assert [one.image_id for one in opened(f"{path}@{api['digest']}")] == [API.image_id]
    assert [one.image_id for one in opened(f"{path}@{arm['digest']}")] == [ARM.image_id]
    assert [one.image_id for one in opened(f"{path}@{index['digest']}", ARM64)] == [ARM.image_id]
    assert [one.image_id for one in opened(f"{path}@{ARM.image_id}")] == [ARM.image_id]
    assert [one.image_id for one in opened(f"{path}:{WORKER.image_id[7:19]}")] == [WORKER.image_id]
    assert opened(f"{path}@{api['digest']}")[0].tags == ("both",)
    with pytest.raises(NotFound, match="'both', 'w'"):
        opened(f"{path}@sha256:{'0' * 64}")


def test_the_first_of_a_platform_counts_in_an_index_and_all_of_a_layout(tmp_path: Path) -> None:
    blobs = Blobs()
    both = [blobs.manifest(image, [gzip], platform=image.platform) for image in (API, WORKER)]
    assert len(opened(layout(tmp_path / "top", blobs, both))) == 2
    assert len(opened(layout(tmp_path / "nested", blobs, [blobs.index(both)]))) == 1


@pytest.mark.parametrize("platform", [{"os": "linux", "architecture": "arm64", "variant": "v8"}, ARM.platform])
def test_variants_are_normalised(platform: dict[str, str], tmp_path: Path) -> None:
    blobs = Blobs()
    entries = [blobs.manifest(ARM, [gzip], platform=platform), blobs.manifest(API, [gzip], platform=API.platform)]
    path = layout(tmp_path, blobs, [blobs.index(entries)])
    assert opened(path, Platform.parse("linux/arm64"))[0].image_id == ARM.image_id
    assert opened(path, Platform.parse("linux/arm64/v8"))[0].image_id == ARM.image_id
    assert opened(path)[0].image_id == API.image_id


def test_no_other_platform_is_taken(tmp_path: Path) -> None:
    blobs = Blobs()
    arm = blobs.manifest(ARM, [gzip], platform=ARM.platform)
    s390 = blobs.manifest(ARM, [plain], platform={"os": "linux", "architecture": "s390x"})
    several = layout(tmp_path / "several", blobs, [blobs.index([arm, s390])])
    one = layout(tmp_path / "one", blobs, [blobs.index([arm, blobs.attestation(arm, artifact=True)])])
    for wanted in (None, AMD64):
        with pytest.raises(PlatformMissing, match="'linux/arm64', 'linux/s390x'"):
            opened(several, wanted)
    with pytest.raises(PlatformMissing, match="'linux/arm64'"):
        opened(one, AMD64)
    (image,) = opened(one)
    assert image.warnings == ("the image is for linux/arm64; this machine is linux/amd64",)


def test_an_index_and_a_config_that_disagree_are_told(tmp_path: Path) -> None:
    blobs = Blobs()
    entries = [blobs.manifest(API, [gzip], platform=ARM.platform)]
    (image,) = opened(layout(tmp_path, blobs, [blobs.index(entries)]), ARM64)
    assert str(image.platform) == "linux/amd64"
    assert image.warnings == ("the index lists the image as linux/arm64, its config says linux/amd64",)


def test_a_platform_that_was_not_saved_is_missed_only_if_it_is_asked_for(tmp_path: Path) -> None:
    blobs = Blobs()
    absent = Blobs().manifest(ARM, [gzip], platform=ARM.platform)
    path = layout(
        tmp_path, blobs, [named(blobs.index([absent, blobs.manifest(API, [gzip], platform=API.platform)]), "a")]
    )
    assert opened(path)[0].image_id == API.image_id
    assert opened(path)[0].warnings == ()
    with pytest.raises(NotFound, match=rf"linux/arm64 \(manifest {absent['digest']}\).*there: linux/amd64") as raised:
        opened(path, ARM64)
    assert str(path) in str(raised.value)
    (image,) = opened(path, "all")
    assert image.warnings == (f"listed, but not there and so not read: linux/arm64 (manifest {absent['digest']})",)


def test_what_is_absent_is_never_replaced_by_another_platform(tmp_path: Path) -> None:
    blobs = Blobs()
    absent = Blobs().manifest(API, [gzip], platform=API.platform)
    path = layout(tmp_path, blobs, [blobs.index([absent, blobs.manifest(ARM, [gzip], platform=ARM.platform)])])
    with pytest.raises(NotFound, match="linux/amd64"):
        opened(path)


@pytest.mark.parametrize("kind", ["manifest", "config", "layer"])
@pytest.mark.parametrize("fault", ["absent", "altered", "shorter", "longer"])
def test_every_blob_must_be_there_whole(kind: str, fault: str, tmp_path: Path) -> None:
    blobs = Blobs()
    top = blobs.manifest(API, [plain])
    path = layout(tmp_path, blobs, [top])
    digest = {"manifest": top["digest"][7:], "config": sha256(API.config), "layer": API.diff_ids[1]}[kind]
    blob = path / "blobs/sha256" / digest
    content = blob.read_bytes()
    match fault:
        case "absent":
            blob.unlink()
        case "altered":
            blob.write_bytes(content[:-1] + b"?")
        case "shorter":
            blob.write_bytes(content[:-512])
        case _:
            blob.write_bytes(content + b" ")
    expected = {"absent": NotFound, "altered": DigestMismatch}.get(fault, Malformed)
    with pytest.raises(expected, match=digest) as raised:
        read(opened(path)[0])
    assert type(raised.value) is expected


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"nonsense", Malformed, "index.json"),
        (b"[]", Malformed, "index.json"),
        (b"{}", Malformed, "neither an image index"),
        (b'{"manifests": 1}', Malformed, r"\$\.manifests"),
        (b'{"manifests": []}', Unsupported, "lists no image"),
        (b'{"manifests": null}', Unsupported, "lists no image"),
        (b'{"manifests": [], "layers": []}', Malformed, "both"),
        (b'{"manifests": ' + b"[" * 100_000, Malformed, "index.json"),
        (b'{"manifests": [{"digest": "sha256:../../x", "size": 1}]}', Malformed, r"\$\.manifests\[0\]\.digest"),
        (b'{"manifests": [{"digest": "sha256:' + b"0" * 64 + b'", "size": 1}]}', NotFound, "0" * 64),
        (b" " * (5 << 20), LimitExceeded, "bytes"),
    ],
    ids=range(11),
)
def test_a_broken_index_is_refused_in_one_sentence(
    content: bytes, error: type[InspectorError], says: str, tmp_path: Path
) -> None:
    (tmp_path / "index.json").write_bytes(content)
    for reference in (str(tmp_path), f"oci:{tmp_path}"):
        with pytest.raises(error, match=says) as raised:
            opened(reference)
        assert type(raised.value) is error
        assert str(raised.value).startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("mark", "error"),
    [(b'{"imageLayoutVersion":"2.0.0"}', Unsupported), (b"{}", Malformed), (b"x", Malformed)],
)
def test_the_layout_version_is_heeded(mark: bytes, error: type[InspectorError], tmp_path: Path) -> None:
    blobs = Blobs()
    path = layout(tmp_path, blobs, [blobs.manifest(API, [plain])])
    (path / "oci-layout").write_bytes(mark)
    with pytest.raises(error, match=r"oci-layout|version"):
        opened(path)
    (path / "oci-layout").write_bytes(LAYOUT)
    assert opened(path)


@pytest.mark.parametrize(
    ("fields", "error", "says"),
    [
        ({"mediaType": f"{OCI.layer}+gzip+encrypted"}, Unsupported, "encrypted"),
        ({"mediaType": "application/vnd.in-toto+json"}, NoImage, "artifact"),
        ({"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip"}, NoImage, "artifact"),
        ({"digest": f"sha256:{'0' * 64}", "urls": ["https://x/y"]}, Unsupported, "https://x/y"),
        ({"digest": f"sha256:{'0' * 64}"}, NotFound, "0" * 64),
        ({"size": 1 << 62}, Malformed, "are stated"),
    ],
)
def test_a_layer_that_can_not_be_read_is_refused(
    fields: dict[str, Any], error: type[InspectorError], says: str, tmp_path: Path
) -> None:
    blobs, top = changed(API, **fields)
    with pytest.raises(error, match=says) as raised:
        opened(layout(tmp_path, blobs, [top]))
    assert type(raised.value) is error


@pytest.mark.parametrize(
    "fields",
    [
        {"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar"},
        {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "urls": ["https://x/y"]},
        {"mediaType": "application/vnd.docker.image.rootfs.diff.tar.zstd"},
        {"mediaType": ""},
    ],
)
def test_a_layer_of_any_tar_type_is_read_if_it_is_there(fields: dict[str, Any], tmp_path: Path) -> None:
    blobs, top = changed(API, **fields)
    (image,) = opened(layout(tmp_path, blobs, [top]))
    assert len(read(image)) == 2


def test_artifacts_and_attestations_are_no_images(tmp_path: Path) -> None:
    blobs = Blobs()
    image = blobs.manifest(API, [gzip], platform=API.platform)
    empty = blobs.add(b"{}", "application/vnd.oci.empty.v1+json")
    chart = manifest(blobs, empty, [blobs.add(b"chart", "application/vnd.cncf.helm.chart.content.v1.tar+gzip")])
    old = {**blobs.attestation(image, artifact=False)}
    del old["annotations"], old["platform"]  # nothing then tells but its content
    path = layout(tmp_path / "beside", blobs, [named(image, "app"), named(chart, "chart")])
    (found,) = opened(path)
    assert found.image_id == API.image_id
    assert any("left out" in warning and "artifact" in warning for warning in found.warnings)
    for name, top in (("chart", named(chart, "x")), ("old", old)):
        with pytest.raises(Unsupported, match="artifact"):
            opened(layout(tmp_path / name, blobs, [top]))
    with pytest.raises(Unsupported, match="artifact"):
        opened(f"{path}:chart")
    with pytest.raises(Unsupported, match="no image"):
        opened(layout(tmp_path / "only", blobs, [blobs.index([blobs.attestation(image, artifact=True)])]))
    unknown = {**image, "mediaType": "application/vnd.new.thing+json"}
    assert len(opened(layout(tmp_path / "unknown", blobs, [unknown, image]))) == 1


def test_schema_1_is_refused(tmp_path: Path) -> None:
    blobs = Blobs()
    old = blobs.add(
        to_json({"schemaVersion": 1, "fsLayers": []}), "application/vnd.docker.distribution.manifest.v1+json"
    )
    for name, top in (("top", old), ("nested", blobs.index([old])), ("typeless", {**old, "mediaType": ""})):
        with pytest.raises(Unsupported, match="schema 1"):
            opened(layout(tmp_path / name, blobs, [top]))


def test_a_stated_type_must_be_the_true_one(tmp_path: Path) -> None:
    blobs = Blobs()
    image = blobs.manifest(API, [plain])
    lies = [{**image, "mediaType": OCI.index}, {**blobs.index([image]), "mediaType": OCI.manifest}]
    for number, top in enumerate(lies):
        with pytest.raises(Malformed, match="its media type is"):
            opened(layout(tmp_path / str(number), blobs, [top]))


def test_indexes_nested_too_deep_are_refused(tmp_path: Path) -> None:
    blobs = Blobs()
    top = blobs.manifest(API, [plain])
    for _ in range(10):
        top = blobs.index([top])
    with pytest.raises(LimitExceeded, match="nested more than 8"):
        opened(layout(tmp_path, blobs, [top]))


def test_indexes_that_lead_to_one_another_many_times_are_followed_once(tmp_path: Path) -> None:
    blobs = Blobs()
    top = blobs.manifest(API, [plain])
    for _ in range(8):
        top = blobs.index([top] * 1000)
    assert len(opened(layout(tmp_path, blobs, [top] * 1000))) == 1


def test_counts_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = Blobs()
    listed = [
        Blobs().add(b"%d" % number, OCI.manifest, platform={"os": f"os{number}", "architecture": "x"})
        for number in range(assemble.MAX_IMAGES + 1)
    ]
    with pytest.raises(LimitExceeded, match="1001 images"):
        opened(layout(tmp_path / "images", blobs, [blobs.index(listed)]))
    monkeypatch.setattr(contents, "MAX_DOCUMENTS", 1000)
    many = blobs.index([blobs.manifest(API, [plain], annotations={"n": str(number)}) for number in range(9)])
    with pytest.raises(LimitExceeded, match="1000 bytes together"):
        opened(layout(tmp_path / "bytes", blobs, [many]))


def test_layers_must_be_as_many_as_diff_ids(tmp_path: Path) -> None:
    blobs = Blobs()
    config = blobs.add(API.config, OCI.config)
    short = manifest(blobs, config, [blobs.add(API.layers[0], OCI.layer)])
    with pytest.raises(Malformed, match="1 layers, but"):
        opened(layout(tmp_path, blobs, [named(short, "a")]))


def test_embedded_manifests_and_sha512_are_read(tmp_path: Path) -> None:
    blobs = Blobs()
    config = API.config
    digest = f"sha512:{hashlib.sha512(config).hexdigest()}"
    descriptor = {"mediaType": OCI.config, "digest": digest, "size": len(config)}
    top = manifest(blobs, descriptor, [blobs.add(layer, OCI.layer) for layer in API.layers])
    content = blobs.content.pop(top["digest"][7:])
    path = layout(tmp_path, blobs, [{**top, "data": base64.b64encode(content).decode()}])
    (path / "blobs/sha512").mkdir()
    (path / "blobs/sha512" / digest[7:]).write_bytes(config)
    (image,) = opened(path)
    assert image.image_id == API.image_id
    altered = json.dumps({**json.loads(content), "more": 1}).encode()
    lying = {**top, "data": base64.b64encode(altered).decode(), "size": len(altered)}
    with pytest.raises(DigestMismatch):
        opened(layout(tmp_path / "altered", blobs, [lying]))


def test_an_index_that_is_a_manifest_is_malformed(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_bytes(to_json({"config": Blobs().add(b"", OCI.config), "layers": []}))
    with pytest.raises(Malformed, match="is a manifest"):
        opened(f"oci:{tmp_path}")


@pytest.mark.parametrize("packing", [plain, gzip])
def test_layers_in_the_wrong_order_are_found_out(packing: Packing, tmp_path: Path) -> None:
    blobs = Blobs()
    layers = [blobs.add(packing(layer), OCI.layer) for layer in API.layers]
    top = manifest(blobs, blobs.add(API.config, OCI.config), layers[::-1])
    with pytest.raises(DigestMismatch, match=API.diff_ids[0]):
        read(opened(layout(tmp_path, blobs, [top]))[0], verify=False)


def test_of_an_index_the_first_of_a_stated_platform_counts_as_in_containerd(tmp_path: Path) -> None:
    """What has no platform, or none that engines match, comes after what has one."""
    blobs = Blobs()
    odds: list[Descriptor] = [{}, {"platform": None}, {"platform": {"os": "linux"}}, {"platform": {}}]
    for at, odd in enumerate(odds):
        entries = [
            {**blobs.manifest(API, [plain]), **odd},
            {**blobs.manifest(WORKER, [plain]), "platform": {"os": "LINUX", "architecture": "AMD64"}},
        ]
        path = layout(tmp_path / f"{at}", blobs, [named(blobs.index(entries), "a")])
        assert [image.image_id for image in opened(path)] == [WORKER.image_id]


@pytest.mark.parametrize(
    "mark",
    [
        {"artifactType": "application/x"},
        {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
        {"platform": {"architecture": "amd64"}, "artifactType": "application/x"},
    ],
)
def test_a_mark_of_an_artifact_hides_no_image(mark: Descriptor, tmp_path: Path) -> None:
    """Engines choose by platform, and pass no manifest over for what its descriptor says besides."""
    blobs = Blobs()
    platform = {"platform": {"os": "linux", "architecture": "amd64"}}
    marked = {**blobs.manifest(WORKER, [plain]), **platform, **mark}
    entries = [marked, {**blobs.manifest(API, [plain]), **platform}]
    path = layout(tmp_path / "nested", blobs, [named(blobs.index(entries), "a")])
    assert [image.image_id for image in opened(path)] == [WORKER.image_id]
    alone = layout(tmp_path / "alone", blobs, [{**blobs.manifest(WORKER, [plain]), **mark}])
    assert [image.image_id for image in opened(alone)] == [WORKER.image_id]


def test_a_marked_artifact_that_is_absent_or_no_image_is_passed_over(tmp_path: Path) -> None:
    blobs = Blobs()
    image = blobs.manifest(API, [plain], platform={"os": "linux", "architecture": "amd64"})
    artifact = blobs.attestation(image, artifact=True)
    absent = {"mediaType": OCI.manifest, "digest": f"sha256:{'0' * 64}", "size": 1, "artifactType": "application/x"}
    for at, others in enumerate([[artifact], [absent], [{**artifact, "platform": None}]]):
        path = layout(tmp_path / f"{at}", blobs, [named(blobs.index([*others, image]), "a")])
        assert [one.image_id for one in opened(path)] == [API.image_id]
        beside = layout(tmp_path / f"{at}b", blobs, [*others, named(image, "a")])
        assert [one.image_id for one in opened(beside)] == [API.image_id]


def test_one_name_for_several_platforms_is_refused_where_engines_take_the_last(tmp_path: Path) -> None:
    blobs = Blobs()
    entries = [named(blobs.manifest(one, [plain]), "a", platform=one.platform) for one in (API, ARM)]
    path = layout(tmp_path, blobs, entries)
    with pytest.raises(PlatformMissing, match="several images go by this name"):
        opened(path)
    assert [one.image_id for one in opened(path, AMD64)] == [API.image_id]
    assert len(opened(path, "all")) == 2


def test_an_index_and_its_manifest_are_read_whatever_the_case_of_their_keys(tmp_path: Path) -> None:
    blobs = Blobs()
    api, worker = (blobs.manifest(one, [plain]) for one in (API, WORKER))
    path = layout(tmp_path, blobs, [])
    (path / "index.json").write_bytes(to_json({"manifests": [], "manifest\u017f": [api], "Manifests": [api, worker]}))
    assert [one.image_id for one in opened(path)] == [API.image_id, WORKER.image_id]


def test_an_artifact_before_images_without_a_platform_is_what_engines_take(tmp_path: Path) -> None:
    blobs = Blobs()
    api = blobs.manifest(API, [plain])
    odd = manifest(blobs, blobs.add(WORKER.config, "application/x"), [])
    for at, first in enumerate([odd, {**odd, "artifactType": "application/y"}]):
        path = layout(tmp_path / f"{at}", blobs, [named(blobs.index([first, api]), "a")])
        with pytest.raises(Unsupported, match="engines take the first without a platform"):
            opened(path)
    after = layout(tmp_path / "after", blobs, [named(blobs.index([api, odd]), "a")])
    stated = layout(tmp_path / "stated", blobs, [named(blobs.index([odd, {**api, "platform": API.platform}]), "a")])
    for path in (after, stated):
        assert [image.image_id for image in opened(path)] == [API.image_id]


def test_an_index_within_an_index_counts_for_the_platform_stated_of_it(tmp_path: Path) -> None:
    blobs = Blobs()
    on = {"platform": {"os": "linux", "architecture": "amd64"}}
    inner = blobs.index([blobs.manifest(WORKER, [plain], **on)])
    api = blobs.manifest(API, [plain], **on)
    first = layout(tmp_path / "first", blobs, [named(blobs.index([{**inner, **on}, api]), "a")])
    assert [image.image_id for image in opened(first)] == [WORKER.image_id]
    wrong = {"platform": {"os": "linux", "architecture": "arm64"}}
    other = layout(tmp_path / "other", blobs, [named(blobs.index([{**inner, **wrong}, api]), "a")])
    assert [image.image_id for image in opened(other)] == [API.image_id]
