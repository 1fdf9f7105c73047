"""Images of a registry: what is asked for, what is chosen, what is read."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from fixtures.forms.oci import Blobs, other_platform
from fixtures.packing import plain, zstd
from inspector.errors import (
    CorruptLayer,
    DigestMismatch,
    InspectorError,
    InvalidReference,
    LimitExceeded,
    Malformed,
    NotFound,
    PlatformMissing,
    Refused,
    Unsupported,
)
from inspector.layers.cache import IndexCache
from inspector.layers.documents import DocumentCache
from inspector.layers.indexer import Indexer
from inspector.oci import Platform
from inspector.reference import parse_reference
from inspector.registry.settings import Settings
from inspector.sources import indexes
from inspector.sources.registry.open import Registries, open_registry_images
from inspector.testing import gzipped
from inspector.testing.blobs import DOCKER, OCI
from inspector.testing.image import sha256, to_json
from inspector.testing.registry import Answer, Asked, FakeRegistry, answer_json
from tests.sources.registry.conftest import Opened
from tests.sources.samples import API, WORKER, read

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")


def index_of(*images: Any, types: Any = OCI, attested: bool = True) -> tuple[Blobs, dict[str, Any]]:
    """An index of images, with BuildKit's attestations of both kinds."""
    blobs = Blobs(types)
    entries = [blobs.manifest(image, [gzipped], platform=image.platform) for image in images]
    notes = [blobs.attestation(entry, artifact=bool(at)) for at, entry in enumerate(entries)] if attested else []
    return blobs, blobs.index([*notes, *entries])


def fetched(fake: FakeRegistry) -> list[str]:
    """What was asked for, without the question whether TLS is spoken."""
    return [path for path in fake.paths() if path != "GET /v2/"]


@pytest.mark.parametrize("packing", [gzipped, zstd, plain])
@pytest.mark.parametrize("types", [OCI, DOCKER])
def test_an_image(packing: Any, types: Any, fake: FakeRegistry, opened: Opened) -> None:
    fake.push("a/api", "prod", API, packing, types)
    (image,) = opened("a/api:prod", AMD64)
    assert image.reference == f"registry:{fake.host}/a/api:prod"
    assert (image.source, image.image_id, image.platform) == ("registry", API.image_id, AMD64)
    assert image.tags == (f"{fake.host}/a/api:prod",)
    assert [layer.diff_id for layer in image.layers] == [f"sha256:{digest}" for digest in API.diff_ids]
    assert [layer.digest for layer in image.layers] == [f"sha256:{sha256(packing(tar))}" for tar in API.layers]
    assert [layer.stored_size for layer in image.layers] == [len(packing(tar)) for tar in API.layers]
    assert {layer.compressed for layer in image.layers} == {packing is not plain}
    assert [layer.created_by for layer in image.layers] == ["COPY rootfs /", "RUN pip install flask"]
    assert not any("blobs" in path and API.image_id not in path for path in fake.paths()), "no layer is read yet"
    assert read(image)[1] == ["app/main.py"]


def test_the_requests_of_a_plain_image(fake: FakeRegistry, opened: Opened) -> None:
    digest = fake.push("a/api", "prod", API)
    opened("a/api:prod", AMD64)
    assert fetched(fake) == [
        "HEAD /v2/a/api/manifests/prod",
        f"GET /v2/a/api/manifests/{digest}",
        f"GET /v2/a/api/blobs/{API.image_id}",
    ]


def test_what_was_fetched_once_is_not_fetched_again(
    fake: FakeRegistry, opened: Opened, settings: Settings, tmp_path: Path
) -> None:
    """In this run from memory, in the next from the cache; the registry is only asked what the tag means now."""
    fake.push("a/api", "prod", API)
    first = opened("a/api:prod", AMD64)
    fake.asked.clear()
    assert opened("a/api:prod", AMD64)[0].config == first[0].config
    assert fetched(fake) == ["HEAD /v2/a/api/manifests/prod"]
    fake.asked.clear()
    kept = DocumentCache(tmp_path / "cache")
    later = Registries(settings, kept=kept)
    reference = parse_reference(f"registry:{fake.host}/a/api:prod")
    assert open_registry_images(reference, AMD64, later)[0].config == first[0].config
    assert fetched(fake) == ["HEAD /v2/a/api/manifests/prod"]
    later.close()
    kept.close()


@pytest.mark.parametrize("status", [404, 405])
def test_a_head_that_finds_nothing_is_confirmed_by_a_get(status: int, fake: FakeRegistry, opened: Opened) -> None:
    fake.push("a/api", "prod", API)
    fake.route("HEAD", ".*/manifests/.*", Answer(status))
    (image,) = opened("a/api:prod", AMD64)
    assert image.image_id == API.image_id
    with pytest.raises(NotFound, match="no such tag: dev; the repository is there"):
        opened("a/api:dev", AMD64)
    assert fetched(fake)[-3:-1] == ["HEAD /v2/a/api/manifests/dev", "GET /v2/a/api/manifests/dev"]


def test_a_tag_that_moves_is_followed(fake: FakeRegistry, opened: Opened) -> None:
    fake.push("a/api", "prod", API)
    opened("a/api:prod")
    fake.push("a/api", "prod", WORKER)
    assert opened("a/api:prod")[0].image_id == WORKER.image_id


def test_a_layer_in_the_cache_is_not_asked_for(fake: FakeRegistry, opened: Opened, tmp_path: Path) -> None:
    fake.push("a/api", "prod", API)
    fake.push("b/worker", "1", WORKER, zstd)
    cache = IndexCache(tmp_path / "layers.sqlite")
    indexer = Indexer(cache, verify=True, meter=lambda _: None)
    counts = []
    for name in ("a/api:prod", "b/worker:1", "a/api:prod"):
        (image,) = opened(name)
        before = len(fake.paths())
        indexed = [indexer.index(layer.diff_id, layer.digest, layer.blob) for layer in image.layers]
        assert all(one.index.verified for one in indexed)
        counts.append(len(fake.paths()) - before)
    cache.close()
    assert counts == [2, 1, 0], "the worker has the API's two layers, one of them twice, in another packing"


def test_a_registry_that_says_nothing_to_head(fake: FakeRegistry, opened: Opened) -> None:
    fake.push("a/api", "prod", API)
    fake.route("HEAD", ".*", Answer(405))
    assert opened("a/api:prod")[0].image_id == API.image_id


def test_a_registry_that_knows_its_manifests_by_tag_alone(fake: FakeRegistry, opened: Opened) -> None:
    """As some that fetch from others on demand."""
    digest = fake.push("a/api", "prod", API)
    del fake.manifests["a/api", digest]
    assert opened("a/api:prod")[0].image_id == API.image_id


def test_by_digest(fake: FakeRegistry, opened: Opened) -> None:
    digest = fake.push("a/api", "prod", API)
    (image,) = opened(f"a/api:other@{digest}")
    assert (image.image_id, image.tags) == (API.image_id, ())


@pytest.mark.parametrize("types", [OCI, DOCKER])
def test_platforms(types: Any, fake: FakeRegistry, opened: Opened) -> None:
    arm = other_platform(API)
    blobs, index = index_of(arm, API, types=types, attested=types is OCI)
    fake.take("a/api", blobs, [("1", index)])
    assert [image.image_id for image in opened("a/api:1", AMD64)] == [API.image_id]
    assert [image.image_id for image in opened("a/api:1", ARM64)] == [arm.image_id]
    assert [image.image_id for image in opened("a/api:1", "all")] == [arm.image_id, API.image_id]
    with pytest.raises(PlatformMissing, match=r"linux/amd64.*linux/arm64"):
        opened("a/api:1", Platform("linux", "s390x"))


def test_only_the_manifest_of_the_platform_is_fetched(fake: FakeRegistry, opened: Opened) -> None:
    blobs, index = index_of(other_platform(API), API)
    fake.take("a/api", blobs, [("1", index)])
    opened("a/api:1", AMD64)
    assert len([path for path in fetched(fake) if "manifests" in path]) == 3, "HEAD, index, manifest"
    assert len([path for path in fetched(fake) if "blobs" in path]) == 1, "config"


def test_another_platform_is_never_taken_instead(fake: FakeRegistry, opened: Opened) -> None:
    fake.push("a/api", "1", other_platform(API))
    with pytest.raises(PlatformMissing, match="no image for linux/amd64; it is for 'linux/arm64'"):
        opened("a/api:1", AMD64)


def test_a_platform_that_is_listed_and_absent(fake: FakeRegistry, opened: Opened) -> None:
    arm = other_platform(API)
    blobs, index = index_of(arm, API)
    fake.take("a/api", blobs, [("1", index)])
    lost = next(key for key, (content, _) in fake.manifests.items() if arm.image_id.encode() in content)
    del fake.manifests[lost]
    assert [image.image_id for image in opened("a/api:1", AMD64)] == [API.image_id]
    with pytest.raises(NotFound, match=f"no such manifest: {lost[1]}"):
        opened("a/api:1", ARM64)
    (image,) = opened("a/api:1", "all")
    assert "listed, but not there" in " ".join(image.warnings)


def test_a_nested_index(fake: FakeRegistry, opened: Opened) -> None:
    blobs, inner = index_of(API)
    fake.take("a/api", blobs, [("1", blobs.index([inner]))])
    assert [image.image_id for image in opened("a/api:1", AMD64)] == [API.image_id]


def test_an_embedded_config_is_not_asked_for(fake: FakeRegistry, opened: Opened) -> None:
    blobs = Blobs()
    layers = [blobs.add(layer, OCI.layer) for layer in API.layers]
    config = blobs.add(API.config, OCI.config, data=base64.b64encode(API.config).decode())
    document = {"schemaVersion": 2, "mediaType": OCI.manifest, "config": config, "layers": layers}
    fake.take("a/api", blobs, [("1", blobs.add(to_json(document), OCI.manifest))])
    assert opened("a/api:1")[0].image_id == API.image_id
    assert not any("blobs" in path for path in fake.paths())


SCHEMA1 = {"schemaVersion": 1, "name": "a", "tag": "1", "fsLayers": [], "history": []}


HELM = {"schemaVersion": 2, "config": {"mediaType": "application/vnd.helm"}, "layers": []}


@pytest.mark.parametrize(
    ("document", "media_type", "error", "says"),
    [
        (SCHEMA1, "application/vnd.docker.distribution.manifest.v1+prettyjws", Unsupported, "schema 1"),
        (SCHEMA1, "application/json", Unsupported, "schema 1"),
        (HELM, OCI.manifest, Unsupported, "artifact"),
        ({"schemaVersion": 2, "manifests": []}, OCI.index, Unsupported, "lists no image"),
        ({"schemaVersion": 2, "manifests": [], "layers": []}, OCI.index, Malformed, "both an index and a manifest"),
        ({"schemaVersion": 2, "manifests": []}, OCI.manifest, Malformed, "but it is"),
        ({}, OCI.manifest, Malformed, "neither"),
        ([], OCI.manifest, Malformed, "Expected `object`"),
    ],
)  # fmt: skip
def test_what_is_no_image(
    document: object, media_type: str, error: type[InspectorError], says: str, fake: FakeRegistry, opened: Opened
) -> None:
    content = to_json(document)
    fake.manifests["a/api", "1"] = fake.manifests["a/api", f"sha256:{sha256(content)}"] = content, media_type
    with pytest.raises(error, match=says):
        opened("a/api:1")


def test_a_digest_that_the_registry_makes_up(fake: FakeRegistry, opened: Opened) -> None:
    """HEAD and GET agree on a digest that the bytes don't have."""
    fake.push("a/api", "1", API)
    made_up = "sha256:" + "0" * 64
    content, media_type = fake.manifests["a/api", "1"]
    headers = {"Docker-Content-Digest": made_up, "Content-Type": media_type}
    for method in ("HEAD", "GET"):
        fake.route(method, ".*/manifests/.*", Answer(200, content, headers))
    with pytest.raises(DigestMismatch, match=made_up):
        opened("a/api:1")


def layer_path() -> str:
    return f"/v2/a/api/blobs/sha256:{sha256(gzipped(API.layers[0]))}"


def test_a_layer_of_other_bytes(fake: FakeRegistry, opened: Opened) -> None:
    fake.push("a/api", "1", API)
    content = gzipped(API.layers[0])
    fake.route("GET", layer_path(), Answer(200, content[:-1] + b"\1"))
    with pytest.raises((DigestMismatch, CorruptLayer)):
        read(opened("a/api:1")[0])


def test_a_layer_that_unpacks_to_something_else(fake: FakeRegistry, opened: Opened) -> None:
    """The registry's bytes are what the manifest says, and not what the config says."""
    blobs = Blobs()
    config = blobs.add(API.config, OCI.config)
    layers = [blobs.add(gzipped(layer), OCI.layer + "+gzip") for layer in reversed(API.layers)]
    document = {"schemaVersion": 2, "mediaType": OCI.manifest, "config": config, "layers": layers}
    fake.take("a/api", blobs, [("1", blobs.add(to_json(document), OCI.manifest))])
    with pytest.raises(DigestMismatch, match="unpacked"):
        read(opened("a/api:1")[0])


def test_a_cut_layer_is_read_on_with_the_digests_running(fake: FakeRegistry, opened: Opened) -> None:
    fake.push("a/api", "1", API)
    content = gzipped(API.layers[0])
    fake.route("GET", layer_path(), Answer(200, content, cut=20), fake.good)
    (image,) = opened("a/api:1")
    assert read(image)[0] == ["etc/os-release", "usr/bin/python3"]
    assert [one.headers.get("range") for one in fake.asked if one.path == layer_path()] == [None, "bytes=20-"]


def test_a_layer_kept_elsewhere(fake: FakeRegistry, opened: Opened) -> None:
    blobs = Blobs()
    config = blobs.add(API.config, OCI.config)
    foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    layers = [blobs.add(gzipped(layer), foreign, urls=["http://169.254.169.254/x"]) for layer in API.layers]
    document = {"schemaVersion": 2, "mediaType": OCI.manifest, "config": config, "layers": layers}
    fake.take("a/api", blobs, [("1", blobs.add(to_json(document), OCI.manifest))])
    assert len(read(opened("a/api:1")[0])) == 2, "a registry may well have them"
    for layer in layers:
        del fake.blobs[layer["digest"]]
    with pytest.raises(Unsupported, match="addresses in images are not followed"):
        read(opened("a/api:1")[0])


def test_indexes_within_indexes_without_end(
    fake: FakeRegistry, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each entry without a platform costs a request, and may lead to as many more."""
    monkeypatch.setattr(indexes, "MAX_FOLLOWED", 20)

    def nested(depth: int, name: str) -> dict[str, object]:
        below = [nested(depth - 1, f"{name}{number}") for number in range(5 if depth else 0)]
        document = {"schemaVersion": 2, "mediaType": OCI.index, "manifests": below, "annotations": {"name": name}}
        content = to_json(document)
        for target in ("1", digest := f"sha256:{sha256(content)}"):
            fake.manifests["a/api", target] = content, OCI.index
        return {"mediaType": OCI.index, "digest": digest, "size": len(content)}

    nested(3, "n")
    with pytest.raises(LimitExceeded, match="more than 20 entries"):
        opened("a/api:1")
    assert len(fake.asked) < 30


def test_a_mirror_is_asked_first(fake: FakeRegistry, settings: Settings) -> None:
    fake.push("hub/library/api", "1", API)
    conf = settings.etc / "containers" / "registries.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text(
        f'[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "127.0.0.1:1/x"\n'
        f'[[registry.mirror]]\nlocation = "{fake.host}/hub"\n'
    )
    registries = Registries(settings)
    (image,) = open_registry_images(parse_reference("docker://api:1"), AMD64, registries)
    assert image.image_id == API.image_id
    assert image.tags == ("docker.io/library/api:1",)
    assert any("not had from a mirror: https://127.0.0.1:1: nothing listens there" in one for one in image.warnings)
    assert len(read(image)) == 2
    registries.close()


def test_nothing_leaves_the_machine_when_offline(fake: FakeRegistry, settings: Settings) -> None:
    registries = Registries(settings, offline=True)
    with pytest.raises(Unsupported, match="nothing leaves the machine"):
        open_registry_images(parse_reference(f"registry:{fake.host}/a:1"), None, registries)
    assert fake.asked == []


def test_a_name_that_is_none(opened: Opened) -> None:
    with pytest.raises(InvalidReference):
        opened("a/UPPER")


def test_an_index_without_end(fake: FakeRegistry, opened: Opened) -> None:
    """An index may list itself under ever new digests only if the registry makes them up, which shows."""

    def endless(asked: Asked) -> Answer:
        digest = sha256(asked.path.encode())
        inner = {"mediaType": OCI.index, "digest": f"sha256:{digest}", "size": 300}
        return answer_json({"schemaVersion": 2, "manifests": [inner]}, headers={"Content-Type": OCI.index})

    for method in ("GET", "HEAD"):
        fake.route(method, ".*/manifests/.*", endless)
    with pytest.raises((DigestMismatch, LimitExceeded, Malformed, Refused)):
        opened("a/api:1")
