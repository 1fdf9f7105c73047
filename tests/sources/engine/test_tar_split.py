"""A layer's tar, put together again from an engine's directory, and what someone changed there."""

from __future__ import annotations

import base64
import gzip
import json
import os
import sys
from pathlib import Path

import msgspec
import pytest

from inspector.errors import DigestMismatch
from inspector.layers.blob import Scanned
from inspector.layers.scan import scan_stream
from inspector.sources.access import AccessUnusable
from inspector.sources.engine import overlay2, tar_split
from inspector.sources.engine.diff_directory import DiffDirectory
from inspector.sources.engine.overlay2 import open_overlay2
from inspector.sources.engine.tar_split import TarSplit, crc64
from inspector.testing.image import Image, Step
from inspector.testing.tree import Dir, File, Hardlink, Link, Tree
from tests.sources.engine import unpacked

if sys.platform != "linux":
    pytest.skip("engines keep their files on Linux alone", allow_module_level=True)

TREE: Tree = {
    "app": Dir(0o755),
    "app/main.py": b"print('hello')\n",
    "app/empty": b"",
    "app/run": File(b"#!/bin/sh\n", 0o755),
    "app/link": Link("/etc/passwd"),
    "app/again": Hardlink("app/main.py"),
    "usr/lib/caf\u00e9": b"x" * 3000,
    "usr/lib/" + "long" * 40: b"pax",
}
UPPER: Tree = {"app/.wh.empty": b"", "app/new.py": b"new = 1\n"}


@pytest.fixture(autouse=True)
def _all_marks_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay2, "hidden_marks", lambda _: "")


class Layer:
    """One layer of an engine's image: its blob, its directory, its tar."""

    def __init__(self, folder: Path, tree: Tree = TREE) -> None:
        image = Image(steps=[Step("made", tree)], tags=["a:1"])
        root = unpacked.overlay2(folder, image, split=True)
        opened = open_overlay2(root, image.image_id, [f"sha256:{digits}" for digits in image.diff_ids])
        (layer,) = opened.layers
        assert isinstance(layer.blob, DiffDirectory)
        self.blob, self.diff_id, self.top, (self.tar,) = layer.blob, layer.diff_id, layer.blob.path, image.layers
        assert self.blob.split is not None
        self.split: TarSplit = self.blob.split

    def scan(self, *, verify: bool = True) -> Scanned:
        """Read it."""
        return self.blob.scan(self.diff_id, None, verify=verify, meter=lambda _: None)

    def expect_none_late(self) -> None:
        """As if all that was changed until now was so before the engine was done."""
        os.utime(self.split.path, (2**33, 2**33))


@pytest.fixture
def layer(tmp_path: Path) -> Layer:
    return Layer(tmp_path / "engine")


@pytest.mark.parametrize("tree", [TREE, UPPER])
def test_the_tar_is_put_together_to_the_byte(tmp_path: Path, tree: Tree) -> None:
    layer = Layer(tmp_path / "engine", tree)
    assert b"".join(layer.split.chunks()) == layer.tar
    scanned = layer.scan()
    theirs = scan_stream(iter((layer.tar,)), layer.diff_id, None)
    assert scanned.index == theirs.index
    assert scanned.index.verified


def test_the_sum_is_that_of_go() -> None:
    assert crc64(iter((b"123456789",))) == 0xB90956C775A41001
    assert crc64(iter(())) == 0


def change(path: Path) -> None:
    path.write_bytes(b"print('HELLO')\n")


def grow(path: Path) -> None:
    path.write_bytes(b"print('hello')\n#")


def remove(path: Path) -> None:
    path.unlink()


def add(path: Path) -> None:
    path.with_name("added.py").write_bytes(b"")


def empty_the_link(path: Path) -> None:
    path.with_name("link").unlink()


@pytest.mark.parametrize(
    ("alter", "told"),
    [
        (change, "'app/(main.py|again)' in it is not the file"),
        (grow, "has 16 bytes where the layer's tar has 15"),
        (add, "'app/added.py' in it is not in the layer's tar"),
        (empty_the_link, "1 files of the layer's tar are not in it"),
    ],
)
def test_what_was_changed_behind_the_engine_s_back_is_found(layer: Layer, alter: object, told: str) -> None:
    assert callable(alter)
    alter(layer.top / "app" / "main.py")
    with pytest.raises(DigestMismatch, match=told):
        layer.scan()
    with pytest.raises(AccessUnusable, match=told):
        layer.scan(verify=False)


def test_a_file_that_is_gone_is_left_to_the_engine(layer: Layer) -> None:
    remove(layer.top / "app" / "main.py")
    for verify in (True, False):
        with pytest.raises(AccessUnusable, match="there is no"):
            layer.scan(verify=verify)


def test_what_was_touched_and_is_the_same_is_proved(layer: Layer) -> None:
    layer.expect_none_late()
    assert not layer.scan(verify=False).index.verified
    os.utime(layer.split.path, (1, 1))
    assert layer.scan(verify=False).index.verified


OPAQUE: Tree = {"d": Dir(0o755), "d/.wh..wh..opq": b"", "d/new": b"new", "e/.wh.gone": b""}


def test_opaque_directories_are_told_where_the_kernel_s_marks_are_not_shown(tmp_path: Path) -> None:
    layer = Layer(tmp_path / "engine", OPAQUE)
    layer.expect_none_late()
    wanted = layer.scan(verify=False).index
    os.removexattr(layer.top / "d", unpacked.OPAQUE_MARK)
    layer.expect_none_late()
    assert layer.scan(verify=False).index.entries != wanted.entries
    blind = msgspec.structs.replace(layer.blob, blind="run as root")
    assert blind.scan(layer.diff_id, None, verify=False, meter=lambda _: None).index == wanted
    unsplit = msgspec.structs.replace(blind, split_file=None)
    with pytest.raises(AccessUnusable, match="run as root"):
        unsplit.scan(layer.diff_id, None, verify=False, meter=lambda _: None)


@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_marks_that_the_tar_sets_itself_are_left_to_root(layer: Layer, before: int) -> None:
    header = base64.b64encode(b"x" * before + b"37 SCHILY.xattr.trusted.overlay.opaque=y\n").decode()
    layer.split.path.write_bytes(gzip.compress(json.dumps({"type": 2, "payload": header}).encode() + b"\n"))
    with pytest.raises(AccessUnusable, match="attributes of overlayfs"):
        layer.split.opaque()


def test_a_file_whose_content_may_be_elsewhere_is_left_to_root(layer: Layer) -> None:
    os.truncate(layer.top / "app" / "main.py", 0)
    os.truncate(layer.top / "app" / "main.py", 15)
    layer.expect_none_late()
    blind = msgspec.structs.replace(layer.blob, blind="run as root")
    with pytest.raises(AccessUnusable, match="has no content"):
        blind.scan(layer.diff_id, None, verify=False, meter=lambda _: None)


def test_a_directory_that_hides_others_and_is_not_there(layer: Layer) -> None:
    line = {"type": 1, "name": "nowhere/.wh..wh..opq"}
    layer.split.path.write_bytes(gzip.compress(json.dumps(line).encode() + b"\n"))
    layer.expect_none_late()
    blind = msgspec.structs.replace(layer.blob, blind="run as root")
    with pytest.raises(AccessUnusable, match="nowhere' hides what lies below it"):
        blind.scan(layer.diff_id, None, verify=False, meter=lambda _: None)


def test_no_link_leads_out_of_the_directory(layer: Layer, tmp_path: Path) -> None:
    (layer.top / "app").rename(tmp_path / "app")
    (layer.top / "app").symlink_to(tmp_path / "app")
    with pytest.raises(AccessUnusable, match="can't be read"):
        layer.scan()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no gzip", "gzip"),
        (gzip.compress(b'{"type":2}\n')[:-4], "cut"),
        (gzip.compress(b'{"type":3}\n'), "Invalid enum value 3"),
        (gzip.compress(b'{"type":2,"payload":"%"}\n'), "base64"),
        (gzip.compress(b'{"type":1,"size":-1}\n'), "size"),
        (gzip.compress(b'{"type":2}'), "ends within a record"),
        (gzip.compress(b"[" * 100_000 + b"\n"), "tar-split"),
    ],
)
def test_odd_records_are_refused(layer: Layer, content: bytes, told: str) -> None:
    layer.split.path.write_bytes(content)
    with pytest.raises(AccessUnusable, match=told):
        layer.scan()


def test_records_are_bounded(layer: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    line = json.dumps({"type": 2, "payload": "A" * 600_000}).encode()
    layer.split.path.write_bytes(gzip.compress((line + b"\n") * 10))
    assert len(list(layer.split.records())) == 10
    for name, value in (("MAX_RECORDS", 2_000_000), ("MAX_LINE", 300_000), ("MAX_HEADERS", 4)):
        with monkeypatch.context() as patch:
            patch.setattr(tar_split, name, value)
            with pytest.raises(AccessUnusable, match="more records, or longer ones"):
                list(layer.split.records())


def test_an_engine_without_it_is_read_as_before(layer: Layer) -> None:
    layer.split.path.unlink()
    with pytest.raises(AccessUnusable):
        layer.scan()
