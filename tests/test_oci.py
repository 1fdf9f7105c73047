"""The documents of an image."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from inspector.errors import DigestMismatch, InspectorError, LimitExceeded, Malformed, NoImage, Unsupported
from inspector.oci import (
    MAX_DOCUMENT,
    Descriptor,
    Index,
    Manifest,
    Platform,
    check_digest,
    digest_of,
    parse,
    parse_config,
    parse_manifest,
)

SHA = f"sha256:{'0' * 64}"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": SHA, "size": 1}
IMAGE: dict[str, Any] = {"config": {"mediaType": CONFIG, "digest": SHA, "size": 1}, "layers": [LAYER]}


def document(content: object) -> bytes:
    return json.dumps(content).encode()


def config(**fields: object) -> bytes:
    return document({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [SHA]}, **fields})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linux/amd64", Platform("linux", "amd64")),
        ("Linux/X86_64", Platform("linux", "amd64")),
        ("linux/arm64/v8", Platform("linux", "arm64")),
        ("linux/aarch64", Platform("linux", "arm64")),
        ("linux/arm", Platform("linux", "arm", "v7")),
        ("linux/arm/6", Platform("linux", "arm", "v6")),
        ("windows/amd64", Platform("windows", "amd64")),
        ("linux/amd64/v3", Platform("linux", "amd64", "v3")),
    ],
)
def test_platforms_have_one_spelling(text: str, expected: Platform) -> None:
    assert Platform.parse(text) == expected


@pytest.mark.parametrize("text", ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux//v7"])
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="os/arch"):
        Platform.parse(text)


@pytest.mark.parametrize(
    "digest",
    [
        "sha256:",
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 65,
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 64 + "\n",
        "sha256:../../../etc/passwd",
        "md5:" + "a" * 32,
        "sha512:" + "a" * 64,
    ],
)
def test_a_digest_that_is_unsafe_in_a_path_is_refused_with_its_place(digest: str) -> None:
    content = document({**IMAGE, "layers": [LAYER, LAYER, {**LAYER, "digest": digest}]})
    with pytest.raises(Malformed, match=r"^here: Expected a SHA-256 or SHA-512 digest - at `\$\.layers\[2\]\.digest`"):
        parse(content, Manifest, "here")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"text"',
        b"[" * 100_000,
        b'{"layers":' * 100_000,
        document({**IMAGE, "config": None}),
        document({**IMAGE, "layers": [{**LAYER, "size": -1}]}),
        document({**IMAGE, "layers": [{**LAYER, "size": "1"}]}),
        document({**IMAGE, "layers": {}}),
        b'{"config": {"digest": "' + SHA.encode() + b'", "size": 1e999}, "layers": []}',
    ],
    ids=range(13),
)
def test_a_broken_manifest_is_malformed_whatever_is_wrong_with_it(content: bytes) -> None:
    with pytest.raises(Malformed, match=r"^here: "):
        parse_manifest(content, "", "here")


def test_a_document_past_the_bound_is_refused() -> None:
    with pytest.raises(LimitExceeded, match="here"):
        parse(b" " * (MAX_DOCUMENT + 1), Manifest, "here")


def test_unknown_fields_and_types_are_passed_over() -> None:
    content = document({**IMAGE, "layers": [{**LAYER, "mediaType": "application/x", "new": [1]}], "new": {"a": 1}})
    manifest = parse_manifest(content, MANIFEST, "here")
    assert isinstance(manifest, Manifest)
    assert manifest.layers[0].media_type == "application/x"


@pytest.mark.parametrize(
    ("content", "stated", "error"),
    [
        ({**IMAGE, "manifests": []}, "", Malformed),
        ({"manifests": [], "mediaType": MANIFEST}, "", Malformed),
        ({"manifests": []}, MANIFEST, Malformed),
        ({**IMAGE, "mediaType": INDEX}, "", Malformed),
        ({**IMAGE, "mediaType": MANIFEST}, INDEX, Malformed),
        ({}, "", Malformed),
        ({"schemaVersion": 1, "fsLayers": [], "history": []}, "", Unsupported),
        (IMAGE, "application/vnd.docker.distribution.manifest.v1+prettyjws", Unsupported),
        ({**IMAGE, "config": {**IMAGE["config"], "mediaType": "application/vnd.oci.empty.v1+json"}}, "", NoImage),
        (
            {**IMAGE, "config": {**IMAGE["config"], "mediaType": "application/vnd.cncf.helm.config.v1+json"}},
            "",
            NoImage,
        ),
    ],
)
def test_what_two_readers_could_take_for_two_things_is_refused(
    content: object, stated: str, error: type[InspectorError]
) -> None:
    with pytest.raises(error, match=r"^here: ") as raised:
        parse_manifest(document(content), stated, "here")
    assert type(raised.value) is error


def test_an_index_and_a_manifest_are_told_apart_without_media_types() -> None:
    assert isinstance(parse_manifest(document({"manifests": []}), "", "here"), Index)
    assert isinstance(parse_manifest(document(IMAGE), "", "here"), Manifest)


@pytest.mark.parametrize("content", [b"{}", b'{"os": "linux"}', config(rootfs={"type": "windows", "diff_ids": []})])
def test_a_config_without_layers_of_its_own_is_no_config(content: bytes) -> None:
    with pytest.raises(Malformed, match=r"^here: "):
        parse_config(content, "here")


def test_embedded_content_is_checked_by_size_and_digest() -> None:
    content = b"{}"
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    data = base64.b64encode(content).decode()
    assert Descriptor(digest, 2, data=data).embedded() == content
    assert Descriptor(digest, 2).embedded() is None
    with pytest.raises(DigestMismatch):
        Descriptor(SHA, 2, data=data).embedded()
    with pytest.raises(Malformed, match="size"):
        Descriptor(digest, 3, data=data).embedded()
    with pytest.raises(Malformed, match="base64"):
        Descriptor(digest, 2, data="e30").embedded()


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_digests(algorithm: str) -> None:
    digest = f"{algorithm}:{hashlib.new(algorithm, b'x').hexdigest()}"
    assert digest_of(b"x", algorithm) == digest
    check_digest(b"x", digest, "x")
    with pytest.raises(DigestMismatch, match=f"the thing: expected {digest}"):
        check_digest(b"y", digest, "the thing")


def test_an_unknown_digest_algorithm_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="md5"):
        digest_of(b"", "md5")


@pytest.mark.parametrize(
    ("history", "steps"),
    [
        ([{"created_by": "a"}, {"created_by": "b", "empty_layer": True}, {"created_by": "c"}], ["a", "c"]),
        ([{"created_by": "a"}, {}], ["a", None]),
        ([{"created_by": "a"}, None], ["a", None]),
        ([{"created_by": "a"}, {"created_by": "b", "empty_layer": None}], ["a", "b"]),
        ([{"created_by": "a"}], [None, None]),
        ([{"created_by": "a"}] * 3, [None, None]),
        ([], [None, None]),
        (None, [None, None]),
    ],
)
def test_build_steps_are_told_only_where_they_match_the_layers(history: object, steps: list[str | None]) -> None:
    content = config(rootfs={"type": "layers", "diff_ids": [SHA, SHA]}, history=history)
    assert parse_config(content, "here").build_steps() == steps


def test_what_a_container_runs() -> None:
    run = {"Env": ["A=1", "B", "A=2=3", "C="], "Entrypoint": "/start up", "Cmd": ["a", "b"], "WorkingDir": "app/"}
    parsed = parse_config(config(config=run), "here")
    assert parsed.env == {"A": "2=3", "C": ""}
    assert parsed.entrypoint == ("/start up",)
    assert parsed.cmd == ("a", "b")
    assert parsed.working_dir == "/app"


@pytest.mark.parametrize("run", [None, {}, {"Env": None, "Entrypoint": None, "Cmd": None, "WorkingDir": None}])
def test_an_absent_runtime_part_is_empty(run: object) -> None:
    parsed = parse_config(config(config=run, history=None, variant=None), "here")
    assert (parsed.env, parsed.entrypoint, parsed.cmd, parsed.working_dir) == ({}, (), (), "/")
    assert str(parsed.platform) == "linux/amd64"


def test_fields_that_nothing_rests_on_may_be_odd() -> None:
    run = {"Volumes": {"/data": {"x": 1}, "/null": None}, "Labels": {"a": None}, "ExposedPorts": {"80/tcp": {}}}
    assert parse_config(config(config=run, created=5), "here").run.labels == {"a": None}
