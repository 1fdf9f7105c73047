"""What `docker save` writes, broken in every way that it can be; the forms themselves are in test_forms."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from fixtures.forms import FORMS
from fixtures.forms.docker import until_24
from fixtures.packing import gzip
from inspector.errors import (
    CorruptLayer,
    DigestMismatch,
    InspectorError,
    LimitExceeded,
    Malformed,
    NotFound,
    PlatformMissing,
)
from inspector.oci import MAX_DOCUMENT, Platform
from inspector.sources import assemble
from inspector.testing.image import Image, Step, sha256, to_json
from inspector.testing.tree import Link, Tree, tar_of
from tests.sources.samples import API, WORKER, archive, opened, read

CONFIG = f"{sha256(API.config)}.json"
ARM = Image(steps=API.steps, tags=API.tags, architecture="arm64")


def manifest(tree: Tree, **fields: Any) -> Tree:
    """`tree`, one image long, with other fields in its manifest.json."""
    content = tree["manifest.json"]
    assert isinstance(content, bytes)
    return {**tree, "manifest.json": to_json([{**json.loads(content)[0], **fields}])}


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"manifest.json": b"not JSON"}, Malformed, "manifest.json"),
        ({"manifest.json": b"{}"}, Malformed, "array"),
        ({"manifest.json": b"[]"}, NotFound, "lists no image"),
        ({"manifest.json": b"[" * 100_000}, Malformed, "manifest.json"),
        ({"manifest.json": b'[{"Config": "a", "x": ' + b"[" * 100_000}, Malformed, "manifest.json"),
        ({"manifest.json": b'[{"Config": 5, "Layers": []}]'}, Malformed, r"\$\[0\]\.Config"),
        ({"manifest.json": b'[{"Layers": []}]'}, Malformed, "Config"),
        ({"manifest.json": b'[{"Config": "none.json", "Layers": []}]'}, NotFound, "'none.json'"),
        ({"manifest.json": b"[" + b" " * MAX_DOCUMENT + b"]"}, LimitExceeded, "bytes"),
        ({"manifest.json": b"[" + b",".join([b'{"Config":"c"}'] * 1001) + b"]"}, LimitExceeded, "1001 images"),
        ({"manifest.json": Link("manifest.json")}, Malformed, "never end"),
        ({CONFIG: b"{}"}, DigestMismatch, CONFIG),
        ({CONFIG: API.config + b" "}, DigestMismatch, CONFIG),
    ],
    ids=range(13),
)
def test_a_broken_archive_is_refused_in_one_sentence(
    changes: Tree, error: type[InspectorError], says: str, tmp_path: Path
) -> None:
    path = archive(tmp_path / "x.tar", {**until_24([API]), **changes})
    for reference in (f"docker-archive:{path}", str(path)):
        if changes.get("manifest.json") == b"{}" and reference == str(path):
            continue  # then it is skopeo's form by its looks
        with pytest.raises(error, match=says) as raised:
            opened(reference)
        assert type(raised.value) is error
        assert str(raised.value).startswith(str(path))
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("config", [b"{}", b"[]", b'{"rootfs": {"type": "layers", "diff_ids": ["sha256:../x"]}}'])
def test_a_config_that_is_none_is_malformed(config: bytes, tmp_path: Path) -> None:
    path = archive(tmp_path / "x.tar", manifest({**until_24([API]), "c.json": config}, Config="c.json"))
    with pytest.raises(Malformed, match=r"config 'c\.json'"):
        opened(path)


@pytest.mark.parametrize("layers", [[], ["a/layer.tar"], ["a/layer.tar"] * 3, None])
def test_layers_must_be_as_many_as_diff_ids(layers: list[str] | None, tmp_path: Path) -> None:
    path = archive(tmp_path / "x.tar", manifest(until_24([API]), Layers=layers))
    with pytest.raises(Malformed, match=rf"{len(layers or [])} layers, but .* lists 2 diff_ids"):
        opened(path)


def test_a_missing_layer_is_named(tmp_path: Path) -> None:
    tree = dict(until_24([API]))
    gone = next(name for name in tree if name.endswith("layer.tar"))
    del tree[gone]
    with pytest.raises(NotFound, match=rf"x\.tar: holds no '{gone}'"):
        opened(archive(tmp_path / "x.tar", tree))


def test_a_layer_behind_links_that_never_end_is_malformed(tmp_path: Path) -> None:
    tree = manifest({**until_24([API]), "a": Link("b"), "b": Link("a")}, Layers=["a", "b"])
    with pytest.raises(Malformed, match="never end"):
        opened(archive(tmp_path / "x.tar", tree))


@pytest.mark.parametrize("form", ["docker-24", "docker-24-gzip"])
def test_swapped_layers_are_found_out_when_they_are_verified(form: str, tmp_path: Path) -> None:
    content = until_24([API])["manifest.json"]
    assert isinstance(content, bytes)
    layers = json.loads(content)[0]["Layers"]
    swapped = manifest(until_24([API]), Layers=layers[::-1])
    path = tmp_path / "x.tar"
    if form == "docker-24":
        archive(path, swapped)
    else:
        path.write_bytes(gzip(tar_of(swapped)))
    (image,) = opened(path)
    with pytest.raises(DigestMismatch):
        read(image)


@pytest.mark.parametrize("content", [b'{"a": 1}', b"no tar at all", b"x" * 2000])
def test_a_layer_that_is_no_tar_is_corrupt(content: bytes, tmp_path: Path) -> None:
    tree = manifest({**until_24([API]), "odd": content}, Layers=["odd", "odd"])
    (tmp_path / "packed").write_bytes(gzip(tar_of(tree)))
    for path in (archive(tmp_path / "plain", tree), tmp_path / "packed"):
        (image,) = opened(path)
        with pytest.raises(CorruptLayer, match="no tar"):
            read(image)


@pytest.mark.parametrize("form", ["docker-24", "containerd-gzip", "podman", "docker-25-by-digest"])
def test_names_of_one_image_are_put_together(form: str, tmp_path: Path) -> None:
    reference = FORMS[form](tmp_path / "it", [WORKER])
    (image,) = opened(reference)
    expected = {"docker-24": 2, "containerd-gzip": 2, "podman": 2, "docker-25-by-digest": 0}
    assert len(image.tags) == expected[form]
    assert image.reference == reference


def test_the_same_image_listed_twice_is_one(tmp_path: Path) -> None:
    content = until_24([API])["manifest.json"]
    assert isinstance(content, bytes)
    (item,) = json.loads(content)
    twice = to_json([item, {**item, "RepoTags": ["b:1"]}])  # as `podman save A B` does without -m
    (image,) = opened(archive(tmp_path / "x.tar", {**until_24([API]), "manifest.json": twice}))
    assert image.tags == ("api:prod", "b:1")


def test_images_without_names_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    first, second = Image(steps=API.steps), Image(steps=WORKER.steps)
    path = archive(tmp_path / "x.tar", until_24([first, second]))
    references = [image.reference for image in opened(path)]
    assert references == [f"{path}@{first.image_id}", f"{path}@{second.image_id}"]
    assert [opened(reference)[0].image_id for reference in references] == [first.image_id, second.image_id]


@pytest.mark.parametrize("selector", ["nope", "api:dev", "prod2", "@sha256:" + "0" * 64, "0" * 12])
def test_a_name_that_is_not_there_is_refused_with_those_that_are(selector: str, tmp_path: Path) -> None:
    path = archive(tmp_path / "x.tar", until_24([API, WORKER]))
    separator = "" if selector.startswith("@") else ":"
    with pytest.raises(NotFound, match="holds 'api:prod', 'worker:1', 'worker:latest'"):
        opened(f"{path}{separator}{selector}")


def test_another_platform_is_never_taken_instead(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.tar", until_24([ARM]))
    with pytest.raises(PlatformMissing, match="linux/arm64"):
        opened(path, Platform("linux", "amd64"))
    assert opened(path, Platform("linux", "arm64"))[0].image_id == ARM.image_id
    path = archive(tmp_path / "y.tar", until_24([ARM, WORKER]))
    with pytest.raises(PlatformMissing, match="'api:prod'"):
        opened(path, Platform("linux", "amd64"))
    assert opened(f"{path}:worker:1", Platform("linux", "amd64"))[0].image_id == WORKER.image_id


def test_one_name_may_stand_for_several_platforms(tmp_path: Path) -> None:
    amd = Image(steps=API.steps, tags=API.tags)
    path = archive(tmp_path / "x.tar", until_24([ARM, amd]))
    assert [image.image_id for image in opened(path, Platform("linux", "amd64"))] == [amd.image_id]
    assert [image.image_id for image in opened(path, "all")] == [ARM.image_id, amd.image_id]
    with pytest.raises(PlatformMissing, match="several images go by this name, for 'linux/amd64', 'linux/arm64'"):
        opened(path)  # of which Docker takes the last


def test_an_unpacked_archive_is_read_like_a_packed_one(tmp_path: Path) -> None:
    for name, content in until_24([API]).items():
        if isinstance(content, bytes):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(content)
    for reference in (f"docker-archive:{tmp_path}", str(tmp_path), f"{tmp_path}:api:prod"):
        (image,) = opened(reference)
        assert (image.image_id, image.source) == (API.image_id, "docker-archive")
        assert len(read(image)) == 2


def test_hostile_names_are_shown_escaped(tmp_path: Path) -> None:
    hostile = Image(steps=API.steps, tags=["\x1b[31mred:1\n"])
    path = archive(tmp_path / "x.tar", until_24([hostile]))
    with pytest.raises(NotFound) as raised:
        opened(f"{path}:nope")
    assert "\x1b" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_too_many_layers_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assemble, "MAX_LAYERS", 3)
    image = API.with_steps(*[Step("RUN x", {f"f{number}": b""}) for number in range(2)])
    with pytest.raises(LimitExceeded, match="4 layers"):
        opened(archive(tmp_path / "x.tar", until_24([image])))


def test_a_broken_image_does_not_hide_another_that_is_named(tmp_path: Path) -> None:
    tree = dict(until_24([API, WORKER]))
    del tree[f"{sha256(API.config)}.json"]
    path = archive(tmp_path / "x.tar", tree)
    assert opened(f"{path}:worker:1")[0].image_id == WORKER.image_id
    with pytest.raises(NotFound, match=sha256(API.config)):
        opened(path)


def test_a_config_of_many_names_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As values, nine hundred of four MiB took eighteen GB."""
    layer = tar_of({"etc/x": b""})
    config = to_json(
        {"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(layer)}"]}}
    )
    items = [{"Config": "./" * at + "c", "Layers": ["l"], "RepoTags": [f"a:{at}"]} for at in range(9)]
    path = archive(tmp_path / "a.tar", {"c": config, "l": layer, "manifest.json": to_json(items)})
    monkeypatch.setattr("inspector.sources.docker_archive.MAX_CONFIGS", len(config))
    (image,) = opened(path)
    assert len(image.tags) == 9
    other = {"c2": config + b" ", "manifest.json": to_json([items[0], {"Config": "c2", "Layers": ["l"]}])}
    path = archive(tmp_path / "b.tar", {"c": config, "l": layer, **other})
    with pytest.raises(LimitExceeded, match="configs"):
        opened(path)


def test_keys_count_whatever_their_case_and_the_last_counts(tmp_path: Path) -> None:
    tree = until_24([API, WORKER])
    content = tree["manifest.json"]
    assert isinstance(content, bytes)
    api, worker = json.loads(content)
    both = {**api, "config": worker["Config"], "LAYER\u017f": worker["Layers"], "repotags": ["x:1"]}
    (image,) = opened(archive(tmp_path / "x.tar", {**tree, "manifest.json": to_json([both]) + b" and more"}))
    assert (image.image_id, image.tags) == (WORKER.image_id, ("x:1",))


@pytest.mark.parametrize("name", ["{}.json", "sha256:{}", "blobs/sha256/{}", "x/{}"])
def test_a_config_named_by_the_hash_of_another_is_refused(name: str, tmp_path: Path) -> None:
    config = name.format(sha256(WORKER.config))
    for spelled in (config, config.replace(sha256(WORKER.config), sha256(WORKER.config).upper())):
        tree = manifest({**until_24([API]), spelled: API.config}, Config=spelled)
        path = archive(tmp_path / "x.tar", tree)
        with pytest.raises(DigestMismatch, match=sha256(WORKER.config)):
            opened(path)


def test_a_config_under_sha512_is_checked_against_it(tmp_path: Path) -> None:
    right = f"blobs/sha512/{hashlib.sha512(API.config).hexdigest()}"
    (image,) = opened(archive(tmp_path / "x.tar", manifest({**until_24([API]), right: API.config}, Config=right)))
    assert image.image_id == API.image_id
    wrong = f"blobs/sha512/{'0' * 128}"
    with pytest.raises(DigestMismatch):
        opened(archive(tmp_path / "y.tar", manifest({**until_24([API]), wrong: API.config}, Config=wrong)))


def test_a_manifest_json_that_the_archive_holds_twice_is_refused(tmp_path: Path) -> None:
    tree = until_24([API, WORKER])
    content = tree["manifest.json"]
    assert isinstance(content, bytes)
    other = to_json(json.loads(content)[:1])
    for dotted in ("./manifest.json", "x/../manifest.json"):
        with pytest.raises(Malformed, match="more than once"):
            opened(archive(tmp_path / "x.tar", {dotted: other, **tree}))
        assert len(opened(archive(tmp_path / "y.tar", {dotted: content, **tree}))) == 2
