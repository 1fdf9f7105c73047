"""JSON that Go's decoder, which engines have, reads otherwise than most: case, repeated keys, half characters."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inspector.testing.blobs import OCI
from inspector.testing.image import sha256, to_json
from inspector.testing.tree import tar_of
from tests.cli.program import run
from tests.hostile.raw import BASE, PATH, Layout, Raw, docker_archive, judged, torch_tree

ELSEWHERE = tar_of(torch_tree("opt/x"))
"""A layer with a torch that only PYTHONPATH leads to."""
CLEAN = Raw([BASE, ELSEWHERE])
HIDDEN = Raw([BASE, ELSEWHERE], [PATH, "PYTHONPATH=/opt/x"])
LEADS = ["PATH=/usr/local/bin:/usr/bin:/bin", "PYTHONPATH=/opt/x"]
LONG_S, KELVIN = "\N{LATIN SMALL LETTER LONG S}", "\N{KELVIN SIGN}"

Pairs = list[tuple[str, Any]]


def said(*pairs: tuple[str, Any]) -> bytes:
    """An object with its keys as they are given, repeated ones too."""
    return (
        b"{"
        + b",".join(
            to_json(key) + b":" + (value if isinstance(value, bytes) else to_json(value)) for key, value in pairs
        )
        + b"}"
    )


def fields(image: Raw) -> Pairs:
    """The configuration's, in order."""
    return list(json.loads(image.config).items())


def run_part(image: Raw) -> dict[str, Any]:
    """What the configuration says of running it."""
    part: dict[str, Any] = json.loads(image.config)["config"]
    return part


CONFIGS: dict[str, bytes] = {
    "plain": HIDDEN.config,
    "another case behind": said(*fields(CLEAN), ("Config", run_part(HIDDEN))),
    "the same key again": said(*fields(CLEAN), ("config", run_part(HIDDEN))),
    "another case inside": said(
        *fields(CLEAN)[:2], ("config", {"Env": [PATH], "Cmd": ["python"], "env": LEADS}), *fields(CLEAN)[3:]
    ),
    "merged": said(*fields(HIDDEN), ("config", {"Cmd": ["python"]})),
    "merged with another case": said(*fields(HIDDEN), ("CONFIG", {"Labels": {"a": "b"}})),
    "null takes nothing back": said(*fields(HIDDEN), ("config", {"Env": None, "env": LEADS})),
}
"""Each of them is, for an engine, an image whose Python finds torch."""


@pytest.mark.parametrize("document", CONFIGS.values(), ids=CONFIGS)
def test_a_configuration_that_leads_to_torch(document: bytes, tmp_path: Path) -> None:
    """Read as engines do, or refused."""
    image = Raw(CLEAN.layers, document=document)
    assert judged(docker_archive(tmp_path / "t.tar", image), folder=tmp_path) in (1, 3)


def _layers_twice(key: str, ids: str) -> bytes:
    """For Go, an image of both layers; for others perhaps of one."""
    one, both = Raw([BASE]), HIDDEN
    rootfs = {"type": "layers", "diff_ids": json.loads(one.config)["rootfs"]["diff_ids"]}
    more = {"type": "layers", ids: json.loads(both.config)["rootfs"]["diff_ids"]}
    return said(*fields(both)[:3], ("rootfs", rootfs), (key, more))


@pytest.mark.parametrize("key", ["rootfs", "RootFS", f"rootf{LONG_S}"])
@pytest.mark.parametrize("ids", ["diff_ids", "Diff_IDs", f"diff_id{LONG_S}"])
def test_layers_named_twice_in_a_configuration(key: str, ids: str, tmp_path: Path) -> None:
    image = Raw(CLEAN.layers, document=_layers_twice(key, ids))
    assert judged(docker_archive(tmp_path / "t.tar", image), folder=tmp_path) in (1, 3)


def _items(*pairs: tuple[str, Any]) -> bytes:
    return b"[" + said(*pairs) + b"]"


NAMED = (("Config", "clean.json"), ("RepoTags", ["t:1"]), ("Layers", ["l0"]))
MANIFESTS: dict[str, bytes] = {
    "another case": _items(*NAMED, ("config", "c.json"), ("layers", ["l0", "l1"])),
    "the same again": _items(*NAMED, ("Config", "c.json"), ("Layers", ["l0", "l1"])),
    "capitals": _items(*NAMED, ("CONFIG", "c.json"), ("LAYERS", ["l0", "l1"])),
    "a letter that folds": _items(*NAMED, ("Config", "c.json"), (f"Layer{LONG_S}", ["l0", "l1"])),
    "only another case": _items(("config", "c.json"), ("repotags", ["t:1"]), ("layers", ["l0", "l1"])),
}


@pytest.mark.parametrize("manifest", MANIFESTS.values(), ids=MANIFESTS)
def test_a_manifest_json_that_leads_to_torch(manifest: bytes, tmp_path: Path) -> None:
    path = docker_archive(tmp_path / "t.tar", HIDDEN, manifest=manifest, more={"clean.json": Raw([BASE]).config})
    assert judged(path, folder=tmp_path) in (1, 3)


def _manifest(layout: Layout, *more: tuple[str, Image]) -> bytes:
    """The manifest of the clean image, and then what `more` says of the other."""
    parts = {name: _parts(layout, image) for name, image in (("config", Raw([BASE])), ("other", HIDDEN))}
    config, layers = parts["config"]
    return said(
        ("schemaVersion", 2),
        ("config", config),
        ("layers", layers),
        *((key, parts["other"][which]) for key, which in more),
    )


Image = int
"""Which of an image's parts is meant: 0 its configuration, 1 its layers."""


def _parts(layout: Layout, image: Raw) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    return layout.put(image.config, OCI.config), [layout.put(layer, OCI.layer) for layer in image.layers]


@pytest.mark.parametrize(
    ("config", "layers"),
    [("Config", "Layers"), ("config", "layers"), ("CONFIG", f"layer{LONG_S}"), ("config", "LAYERS")],
)
def test_a_manifest_that_leads_to_torch(config: str, layers: str, tmp_path: Path) -> None:
    layout = Layout()
    document = _manifest(layout, (config, 0), (layers, 1))
    folder = layout.write(tmp_path / "layout", [layout.named(document)])
    assert judged(f"oci:{folder}", folder=tmp_path) in (1, 3)


@pytest.mark.parametrize("key", ["manifests", "Manifests", "MANIFESTS", f"manife{LONG_S}ts"])
def test_an_index_that_leads_to_torch(key: str, tmp_path: Path) -> None:
    layout = Layout()
    clean, hidden = layout.image(Raw([BASE])), layout.image(HIDDEN)
    index = said(("schemaVersion", 2), ("manifests", [clean]), (key, [hidden]))
    folder = layout.write(tmp_path / "layout", index)
    assert judged(f"oci:{folder}", folder=tmp_path) in (1, 3)


@pytest.mark.parametrize("key", ["digest", "Digest", f"dige{LONG_S}t"])
def test_a_descriptor_that_leads_to_torch(key: str, tmp_path: Path) -> None:
    layout = Layout()
    clean, hidden = layout.image(Raw([BASE])), layout.image(HIDDEN)
    entry = said(*clean.items(), (key, hidden["digest"]), ("size", hidden["size"]))
    folder = layout.write(tmp_path / "layout", b'{"schemaVersion":2,"manifests":[' + entry + b"]}")
    assert judged(f"oci:{folder}", folder=tmp_path) in (1, 3)


def test_a_letter_that_folds_in_the_working_directory(tmp_path: Path) -> None:
    """Kelvin's sign is a K to Go; torch lies where the container starts."""
    document = said(
        *fields(CLEAN)[:2],
        ("config", {"Env": [PATH], "Cmd": ["python"], "WorkingDir": "/", f"Wor{KELVIN}ingDir": "/opt/x"}),
        *fields(CLEAN)[3:],
    )
    plain = said(
        *fields(CLEAN)[:2], ("config", {"Env": [PATH], "Cmd": ["python"], "WorkingDir": "/opt/x"}), *fields(CLEAN)[3:]
    )
    image, same = (Raw(CLEAN.layers, document=each) for each in (document, plain))
    expected = judged(docker_archive(tmp_path / "s.tar", same), folder=tmp_path)
    assert judged(docker_archive(tmp_path / "t.tar", image), folder=tmp_path) in (expected, 3)


@pytest.mark.parametrize(
    "document",
    [
        Raw([BASE]).config.replace(b'"python"', rb'"\ud800"'),
        Raw([BASE]).config.replace(b'"amd64"', rb'"amd64","author":"\udfff\ud800"'),
        Raw([BASE]).config.replace(b'"python"', b'"\xff"'),
        Raw([BASE]).config.replace(b'"python"', rb'"a\u0000b"'),
        b"\xef\xbb\xbf" + Raw([BASE]).config,
        Raw([BASE]).config + b"{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        Raw([BASE]).config[:-1] + b',"' + b"a" * 100_000 + b'":1}',
        Raw([BASE]).config.replace(b"sha256:", b"sha256:\xc2\xb2", 1),
    ],
    ids=range(10),
)
def test_odd_text_is_answered(document: bytes, tmp_path: Path) -> None:
    """Go puts U+FFFD for what is no character; nothing of it ends the program with a traceback."""
    path = docker_archive(tmp_path / "t.tar", Raw([BASE], document=document))
    assert judged(path, folder=tmp_path) in (0, 1, 3)


@pytest.mark.parametrize("data", ["é", "*", "QQ", "QQ==\n", "\ud800", "A" * 70_000])
def test_embedded_data_that_is_no_base64(data: str, tmp_path: Path) -> None:
    layout = Layout()
    entry = {**layout.image(Raw([BASE])), "data": data}
    folder = layout.write(tmp_path / "layout", [entry])
    assert judged(f"oci:{folder}", folder=tmp_path) == 3


def test_a_configuration_named_by_a_digest_that_is_not_its_own(tmp_path: Path) -> None:
    name = f"blobs/sha256/{sha256(b'another')}"
    manifest = to_json([{"Config": name, "RepoTags": ["t:1"], "Layers": ["l0"]}])
    path = docker_archive(tmp_path / "t.tar", Raw([BASE]), manifest=manifest, more={name: Raw([BASE]).config})
    assert judged(path, folder=tmp_path) == 3


def _names(change: Callable[[dict[str, Any]], object], tmp_path: Path) -> int:
    item = {"Config": "c.json", "RepoTags": ["t:1"], "Layers": ["l0"]}
    change(item)
    path = docker_archive(tmp_path / "t.tar", Raw([BASE]), manifest=to_json([item]))
    return run("show", "--no-cache", path).exit_code


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "/", "..", "../../etc/passwd", "l0/", "a" * 70_000])
def test_odd_names_in_manifest_json_are_answered(name: str, tmp_path: Path) -> None:
    assert _names(lambda item: item.update(Layers=[name]), tmp_path) in (0, 3)
    assert _names(lambda item: item.update(Config=name), tmp_path) in (0, 3)
    assert _names(lambda item: item.update(RepoTags=[name]), tmp_path) in (0, 3)
