"""Archives and layouts in which two readers find two images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inspector.testing.image import to_json
from inspector.testing.tree import tar_of
from tests.cli.program import run
from tests.hostile.raw import BASE, Layout, Raw, docker_archive, judged, role, torch_tree

CLEAN, HIDDEN = Raw([BASE]), Raw([BASE, tar_of(torch_tree())])


def both(in_index: Raw, in_manifest: Raw, *, tag: str = "t:1") -> dict[str, bytes]:
    """The files of an archive whose index.json names one image, and whose manifest.json another."""
    layout = Layout()
    files = layout.files([layout.image(in_index)])
    names = [f"l{at}" for at in range(len(in_manifest.layers))]
    items = to_json([{"Config": "c.json", "RepoTags": [tag], "Layers": names}])
    return {
        **files,
        **dict(zip(names, in_manifest.layers, strict=True)),
        "c.json": in_manifest.config,
        "manifest.json": items,
    }


@pytest.mark.parametrize("hidden_in", ["index", "manifest"])
@pytest.mark.parametrize("tag", ["t:1", "docker.io/library/t:1"])
def test_two_images_under_one_name_in_an_archive(hidden_in: str, tag: str, tmp_path: Path) -> None:
    """Docker and Podman take the one of manifest.json, containerd that of index.json."""
    images = (HIDDEN, CLEAN) if hidden_in == "index" else (CLEAN, HIDDEN)
    path = tmp_path / "t.tar"
    path.write_bytes(tar_of(both(*images, tag=tag)))
    assert judged(path, folder=tmp_path) in (1, 3)


@pytest.mark.parametrize("hidden_in", ["index", "manifest"])
def test_two_images_under_one_name_in_a_pipe(hidden_in: str, tmp_path: Path) -> None:
    images = (HIDDEN, CLEAN) if hidden_in == "index" else (CLEAN, HIDDEN)
    content = tar_of(both(*images))
    assert run("check", "--no-cache", role(tmp_path), "-", stdin=content).exit_code in (1, 3)


@pytest.mark.parametrize("hidden_in", ["index", "manifest"])
def test_two_images_under_one_name_in_a_directory(hidden_in: str, tmp_path: Path) -> None:
    images = (HIDDEN, CLEAN) if hidden_in == "index" else (CLEAN, HIDDEN)
    layout = Layout()
    folder = layout.write(tmp_path / "layout", [], both(*images))
    assert judged(folder, folder=tmp_path) in (1, 3)


def test_one_image_in_both_passes(tmp_path: Path) -> None:
    path = tmp_path / "t.tar"
    path.write_bytes(tar_of(both(CLEAN, CLEAN)))
    assert judged(path, folder=tmp_path) == 0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_one_name_twice_in_an_index(order: tuple[int, int], tmp_path: Path) -> None:
    layout = Layout()
    entries = [layout.image(CLEAN), layout.image(HIDDEN)]
    folder = layout.write(tmp_path / "layout", [entries[at] for at in order])
    assert judged(f"oci:{folder}:t:1", folder=tmp_path) in (1, 3)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_one_name_twice_in_manifest_json(order: tuple[int, int], tmp_path: Path) -> None:
    items = [
        {"Config": "clean.json", "RepoTags": ["t:1"], "Layers": ["l0"]},
        {"Config": "c.json", "RepoTags": ["t:1"], "Layers": ["l0", "l1"]},
    ]
    manifest = to_json([items[at] for at in order])
    path = docker_archive(tmp_path / "t.tar", HIDDEN, manifest=manifest, more={"clean.json": CLEAN.config})
    assert judged(f"{path}:t:1", folder=tmp_path) in (1, 3)


@pytest.mark.parametrize("name", ["manifest.json", "c.json", "l0"])
def test_one_member_twice(name: str, tmp_path: Path) -> None:
    """The later one counts where an archive is unpacked; a reader that stops at the first sees another image."""
    path = docker_archive(tmp_path / "clean.tar", CLEAN)
    first = {"manifest.json": b"[]", "c.json": json.dumps({"os": "linux"}).encode(), "l0": bytes(1024)}[name]
    path.write_bytes(tar_of({name: first})[: 512 * (1 + -(-len(first) // 512))] + path.read_bytes())
    assert judged(path, folder=tmp_path) in (0, 3)


def test_a_manifest_that_is_an_index_too(tmp_path: Path) -> None:
    layout = Layout()
    entry = layout.image(CLEAN)
    manifest = json.loads(layout.blobs[f"blobs/sha256/{entry['digest'][7:]}"])
    document = to_json({**manifest, "manifests": [layout.image(HIDDEN)]})
    folder = layout.write(tmp_path / "layout", [layout.named(document)])
    assert judged(f"oci:{folder}", folder=tmp_path) == 3
