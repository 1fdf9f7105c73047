"""The documents of an image."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inspector.errors import DigestMismatch, InspectorError, LimitExceeded, Malformed, NoImage, Unsupported
from inspector.oci import (
    MAX_DOCUMENT,
    ArchiveItem,
    Descriptor,
    Index,
    Manifest,
    Platform,
    RuntimeConfig,
    check_digest,
    digest_of,
    layout_version,
    parse,
    parse_config,
    parse_items,
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


def test_null_in_a_map_is_empty() -> None:
    run = {"Volumes": {"/data": {"x": 1}, "/null": None}, "Labels": {"a": None}, "ExposedPorts": {"80/tcp": {}}}
    parsed = parse_config(config(config=run), "here")
    assert parsed.run.labels == {"a": ""}
    assert set(parsed.run.volumes or ()) == {"/data", "/null"}


RUN = b'{"rootfs": {"type": "layers", "diff_ids": []}, "config": {"Env": ["A=1"], "User": "u"}'


def run_of(more: str) -> RuntimeConfig:
    """The runtime part of a config that goes on with `more`."""
    return parse_config(RUN + f", {more}}}".encode(), "here").run


@pytest.mark.parametrize(
    ("more", "env", "user"),
    [
        ('"CONFIG": {"env": ["A=2"]}', ["A=2"], "u"),
        ('"config": {"ENV": ["A=2"], "Env": ["A=3"]}', ["A=3"], "u"),
        ('"config": {"Env": ["A=2"], "eNV": ["A=3"]}', ["A=3"], "u"),
        ('"Config": {"u\u017fer": "v"}', ["A=1"], "v"),
        ('"config": {"\\u0045nv": ["A=2"]}', ["A=2"], "u"),
        ('"config": {"Env": null, "User": null}', None, "u"),
        ('"config": {"Env": []}', [], "u"),
        ('"config": {"Env": ["A=2", "B=\\ud800\\ud83d\\ude00\\udc00"]}', ["A=2", "B=\ufffd\U0001f600\ufffd"], "u"),
        ('"unknown": {"config": {}}, "configs": 1, "konfig": 1', ["A=1"], "u"),
    ],
)
def test_keys_count_as_in_go(more: str, env: list[str] | None, user: str) -> None:
    """Whatever their case, the last counts, objects given twice are merged, and null empties what can be empty."""
    run = run_of(more)
    assert (run.env, run.user) == (env, user)


def test_a_kelvin_sign_is_a_k_and_a_long_s_an_s() -> None:
    content = document(
        {"o\u017f": "linux", "rootf\u017f": {"diff_id\u017f": [SHA]}, "config": {"Wor\u212aingDir": "/w"}}
    )
    parsed = parse_config(content, "here")
    assert (parsed.os, parsed.rootfs.diff_ids, parsed.working_dir) == ("linux", [SHA], "/w")


def test_keys_of_maps_keep_their_case_and_merge() -> None:
    run = run_of('"config": {"Labels": {"a": "1", "A": "2", "b": "3"}}, "Config": {"labels": {"A": "4"}}')
    assert run.labels == {"a": "1", "A": "4", "b": "3"}


@pytest.mark.parametrize(
    "more",
    [
        '"config": null',  # a pointer in moby, no pointer in the specification
        '"rootfs": null',
        '"history": [{"created_by": "a", "comment": "b"}], "history": [{"created_by": "c"}]',
        '"config": {"Env": [null]}',  # Go leaves what the first list had there
        '"config": {"Cmd": ["a"]}, "config": {"cmd": [null]}',
    ],
)
def test_what_engines_or_versions_of_go_make_differently_is_refused(more: str) -> None:
    with pytest.raises(Malformed, match="engines differ"):
        run_of(more)


def test_lists_given_twice_are_read_where_nothing_of_the_first_can_stay() -> None:
    assert run_of('"config": {"Env": ["B=1", "C=2"]}, "config": {"Env": ["D=3"]}').env == ["D=3"]
    assert run_of('"history": [{}], "history": [], "HISTORY": [{"comment": "c"}]').env == ["A=1"]


@pytest.mark.parametrize(
    "more",
    [
        '"created": 5',
        '"created": ""',
        '"created": "yesterday"',
        '"created": "2023-02-29T00:00:00Z"',
        '"created": "2024-01-01T1:00:00Z"',
        '"created": "2024-01-01T01:00:60Z"',
        '"config": {"Healthcheck": {"Interval": "30s"}}',
        '"config": {"Healthcheck": 1}',
        '"config": {"StopTimeout": 1.0}',
        '"config": {"StopTimeout": 1e3}',
        '"config": {"StopTimeout": 9223372036854775808}',
        '"config": {"StopTimeout": true}',
        '"config": {"Tty": 1}',
        '"config": {"Env": "A=1"}',
        '"config": {"Env": [1]}',
        '"config": {"Env": [1.5]}',
        '"config": {"Cmd": 1}',
        '"config": {"Cmd": ["a", 1]}',
        '"config": {"Volumes": ["/data"]}',
        '"config": {"Volumes": {"/data": 1}}',
        '"config": {"Labels": {"a": 1}}',
        '"config": []',
        '"history": {}',
        '"os": 1',
        '"os.features": "x"',
        '"container_config": {"Env": {}}',
        '"x": NaN',
        '"x": 01',
        '"x": "\t"',
        '"x": "\\x"',
        '"x": 1} {"y": 1',
    ],
)
def test_what_go_refuses_is_refused(more: str) -> None:
    with pytest.raises(Malformed, match=r"^here: "):
        run_of(more)


@pytest.mark.parametrize(
    "created", ["2024-02-29T23:59:59.123456789012Z", "0001-01-01T00:00:00Z", "2024-12-31T00:00:00-23:59"]
)
def test_times_that_go_takes(created: str) -> None:
    assert parse_config(config(created=created, history=[{"created": created}]), "here").created == created


def test_bytes_that_are_no_utf_8_become_as_many_replacement_characters() -> None:
    content = RUN + b', "config": {"User": "\xe2\x82\xff\xed\xa0\x80"}}'
    assert parse_config(content, "here").run.user == "\ufffd" * 6


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf{}", '{"config": {}}'.encode("utf-16"), b"{}\0"])
def test_no_other_encoding_is_guessed(content: bytes) -> None:
    with pytest.raises(Malformed):
        parse_manifest(content, "", "here")


@pytest.mark.parametrize("key", ["MANIFESTS", "manife\u017ft\u017f", "Manifests"])
@pytest.mark.parametrize("value", [[], None])
def test_a_manifest_that_is_an_index_by_a_key_in_another_case_is_refused(key: str, value: object) -> None:
    with pytest.raises(Malformed, match="both"):
        parse_manifest(document({**IMAGE, key: value}), MANIFEST, "here")
    with pytest.raises(Unsupported, match="schema 1"):
        parse_manifest(document({**IMAGE, "FSLayers": value}), MANIFEST, "here")
    with pytest.raises(Malformed, match="its media type is"):
        parse_manifest(document({**IMAGE, "mediatype": INDEX}), "", "here")


def test_the_last_layers_of_a_manifest_count() -> None:
    other = f"sha256:{'1' * 64}"
    content = document({**IMAGE, "Layers": [LAYER, {**LAYER, "digest": other}], "CONFIG": {"digest": other}})
    manifest = parse_manifest(content, "", "here")
    assert isinstance(manifest, Manifest)
    assert [layer.digest for layer in manifest.layers] == [SHA, other]
    assert (manifest.config.digest, manifest.config.media_type) == (other, CONFIG)


def test_layers_of_which_a_part_may_stay_are_refused() -> None:
    content = document({**IMAGE, "Layers": [{"digest": SHA, "size": 1}]})
    with pytest.raises(Malformed, match="engines differ"):
        parse_manifest(content, "", "here")


@pytest.mark.parametrize("data", ["e30", "e3 0=", "\u00e930=", "e30=e30=", "=", [123, 125]])
def test_embedded_data_that_is_no_base64_is_malformed(data: object) -> None:
    content = document({**IMAGE, "config": {**IMAGE["config"], "data": data}})
    with pytest.raises(Malformed, match=r"at `\$\.config\.data`"):
        parse_manifest(content, "", "here")
    with pytest.raises(Malformed, match="base64"):
        Descriptor(SHA, 2, data=str(data) + "\u00e9").embedded()


def test_line_ends_in_embedded_data_count_for_nothing() -> None:
    digest = digest_of(b"{}")
    content = document({**IMAGE, "config": {"digest": digest, "size": 2, "DATA": "e3\r\n0=\n"}})
    manifest = parse_manifest(content, "", "here")
    assert isinstance(manifest, Manifest)
    assert manifest.config.embedded() == b"{}"


def test_what_follows_manifest_json_is_passed_over_as_docker_load_does() -> None:
    (item,) = parse_items(b' [{"config": "a", "REPOTAGS": ["t:1"], "Layers": null}] and more', "here")
    assert item == ArchiveItem("a", None, ["t:1"])
    assert layout_version(b'{"imagelayoutversion": "1.0.0"}{', "here") == "1.0.0"
    for broken in (b"[", b"null", b"{}", b'[{"Config": "a", "LayerSources": []}]', b"[1]", b"\x0c[]"):
        with pytest.raises(Malformed):
            parse_items(broken, "here")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b'{"x": ' + b"[" * 501 + b"]" * 501 + b" " * 20_000 + b"}", Malformed),
        (b'{"x": [' + b"1," * 250_000 + b"1]}", LimitExceeded),
        (b'{"x": "' + b'\\"' * 300_000, Malformed),
        (b'{"x": [' + b"[],[" * 200 + b'"' + b'\\"' * 300_000, Malformed),
    ],
    ids=["deep", "many", "quotes", "unended"],
)
def test_work_on_a_document_is_bounded(content: bytes, error: type[InspectorError]) -> None:
    with pytest.raises(error):
        parse_config(content, "here")


def test_commas_and_brackets_in_a_text_are_no_values() -> None:
    text = "[{,\\" * 100_000
    assert parse_config(config(author=text), "here").os == "linux"


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        (Platform("Linux", "AMD64"), Platform("linux", "amd64")),
        (Platform("linux", "i386", "x"), Platform("linux", "386")),
        (Platform("linux", "armhf"), Platform("linux", "arm", "v7")),
        (Platform("linux", "armel"), Platform("linux", "arm", "v6")),
        (Platform("macOS", "ARM64", "V8"), Platform("darwin", "arm64")),
    ],
)
def test_platforms_are_compared_as_containerd_does(platform: Platform, expected: Platform) -> None:
    assert platform.normal() == expected


def test_threads_that_read_their_first_documents_at_once_crash_nothing() -> None:
    """Msgspec 0.22 crashes where two threads build the same type first, in four of five runs of this."""
    program = """
import sys, threading
from inspector.oci import parse_config, parse_manifest
sys.setswitchinterval(1e-6)
digest = "sha256:" + "a" * 64
blob = '{"mediaType": "application/vnd.oci.image.%s", "digest": "' + digest + '", "size": 3}'
parts = blob % "config.v1+json", blob % "layer.v1.tar"
manifest = '{"schemaVersion": 2, "config": %s, "layers": [%s]}' % parts
config = '{"os": "linux", "rootfs": {"type": "layers", "diff_ids": ["' + digest + '"]}}'
together = threading.Barrier(8)
def read(at):
    together.wait()
    parse_manifest(manifest.encode(), "", "m") if at % 2 else parse_config(config.encode(), "c")
threads = [threading.Thread(target=read, args=(at,)) for at in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    for _ in range(4):
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=Path(__file__).parents[1], capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")
