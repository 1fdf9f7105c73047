"""Layers that containerd has unpacked: found by chain id, and let go when they are removed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from inspector.errors import Malformed
from inspector.layers.merge import merge
from inspector.sources.access import AccessUnusable
from inspector.sources.engine import content_store
from inspector.sources.engine.content_store import open_content_store
from inspector.sources.engine.diff_directory import DiffDirectory
from inspector.sources.engine.overlay2 import chain_ids
from inspector.sources.engine.snapshots import FOLDER, find
from inspector.testing.image import Image
from tests.lab.ours import listing
from tests.sources.engine.boltfile import Content, database
from tests.sources.engine.test_content_store import BLOBS, path, put_image
from tests.sources.engine.unpacked import unpack
from tests.sources.samples import API, read

if sys.platform != "linux":
    pytest.skip("engines keep their files on Linux alone", allow_module_level=True)

CHAINS = list(chain_ids([f"sha256:{digits}" for digits in API.diff_ids]))


@pytest.fixture(autouse=True)
def _all_marks_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_store, "refuse_hidden_marks", lambda _: None)


def entry(number: int, kind: bytes = b"\x03", **more: bytes) -> Content:
    return {b"id": bytes([number]), b"kind": kind, b"createdat": b"t"} | {
        name.encode(): value for name, value in more.items()
    }


def snapshots(root: Path, entries: Content) -> Path:
    return database(root / FOLDER / "metadata.db", {b"v1": {b"snapshots": entries, b"parents": {}}})


def key(position: int, namespace: str = "moby") -> bytes:
    return f"{namespace}/{position + 2}/{CHAINS[position]}".encode()


def unpacked(root: Path, image: Image = API) -> Path:
    """A containerd's root with one image, fetched and unpacked."""
    entries = {}
    for position, step in enumerate(step for step in image.steps if step.tree is not None):
        assert step.tree is not None
        files = unpack(step.tree, root / FOLDER / "snapshots" / str(position + 1) / "fs")
        inodes = 1 + sum(1 for _ in files.rglob("*"))
        entries[key(position)] = entry(position + 1, inodes=bytes([inodes * 2]))
    return snapshots(root, entries)


def test_snapshots_are_found_in_the_order_asked(tmp_path: Path) -> None:
    path = snapshots(tmp_path, {key(1): entry(5), key(0): entry(9, inodes=b"\x84\x01"), b"moby/7/other": entry(1)})
    found = find(path, CHAINS)
    assert [(each.number, each.inodes, each.files.parent.name) for each in found] == [(9, 66, "9"), (5, None, "5")]


@pytest.mark.parametrize("entries", [{}, {key(0): entry(1)}, {key(0): entry(1), key(1): entry(2, b"\x02")}])
def test_a_layer_that_is_not_unpacked_whole(entries: Content, tmp_path: Path) -> None:
    with pytest.raises(AccessUnusable, match=CHAINS[len(entries) > 0]):
        find(snapshots(tmp_path, entries), CHAINS)


def test_an_entry_without_an_id(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="no id"):
        find(snapshots(tmp_path, {key(0): {b"kind": b"\x03"}}), CHAINS[:1])


def test_no_database(tmp_path: Path) -> None:
    with pytest.raises(AccessUnusable, match="there is no"):
        find(tmp_path / "metadata.db", CHAINS)


def test_unpacked_layers_are_walked_and_packed_ones_verified(tmp_path: Path) -> None:
    target = put_image(tmp_path, API)
    unpacked(tmp_path)
    image = open_content_store(tmp_path, target)
    scans = [layer.blob.scan(layer.diff_id, layer.digest, verify=False, meter=lambda _: None) for layer in image.layers]
    assert [scan.how for scan in scans] == ["walk", "walk"]
    assert {"etc/os-release", "app/main.py"} < set(listing(merge([scan.index for scan in scans])))
    assert [layer.digest for layer in image.layers] == [f"sha256:{digits}" for digits in API.diff_ids]
    assert read(image, verify=True) == [["etc/os-release", "usr/bin/python3"], ["app/main.py"]]


def test_layers_that_a_pull_left_out_are_read_where_they_are_unpacked(tmp_path: Path) -> None:
    target = put_image(tmp_path, API)
    unpacked(tmp_path)
    for digits in API.diff_ids:
        (tmp_path / BLOBS / digits).unlink()
    image = open_content_store(tmp_path, target)
    assert [scan[0] for scan in read(image, verify=False)] == ["", ""]
    with pytest.raises(AccessUnusable, match="digest"):
        read(image, verify=True)


def test_layers_that_are_not_unpacked_are_read_packed(tmp_path: Path) -> None:
    target = put_image(tmp_path, API)
    unpacked(tmp_path).write_bytes(b"no database")
    assert not any(isinstance(layer.blob, DiffDirectory) for layer in open_content_store(tmp_path, target).layers)


def test_a_snapshot_that_is_removed_is_no_shorter_answer(tmp_path: Path) -> None:
    target = put_image(tmp_path, API)
    unpacked(tmp_path)
    layer = open_content_store(tmp_path, target).layers[0]
    snapshots(tmp_path, {})
    with pytest.raises(AccessUnusable, match="no layer unpacked"):
        layer.blob.scan(layer.diff_id, None, verify=False, meter=lambda _: None)


def test_files_that_went_or_came_by_hand_are_found_out(tmp_path: Path) -> None:
    target = put_image(tmp_path, API)
    unpacked(tmp_path)
    shutil.copy(path(tmp_path, target), tmp_path / FOLDER / "snapshots" / "1" / "fs" / "new")
    layer = open_content_store(tmp_path, target).layers[0]
    with pytest.raises(AccessUnusable, match="altered"):
        layer.blob.scan(layer.diff_id, None, verify=False, meter=lambda _: None)
