"""An image of one root file system: literal names, and nothing known of it by a name that it does not have."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from inspector.facts import ImageFacts, gather
from inspector.facts.known import Known, asked
from inspector.layers.cache import IndexCache
from inspector.layers.file import FileRange
from inspector.oci import ImageConfig, Platform
from inspector.pipeline.shared import SharedIndexer
from inspector.report.difference import difference
from inspector.sources.assemble import single_image
from inspector.sources.image import Image, Layer
from inspector.testing.tree import File, Tree, tar_of

AMD64 = Platform("linux", "amd64")
ONE: Tree = {"etc/os-release": b"ID=one\n", "usr/bin/tool": File(b"\x7fELF", 0o755)}


def image(path: Path, tree: Tree) -> Image:
    content = tar_of(tree)
    path.write_bytes(content)
    return single_image(
        str(path),
        "rootfs",
        Layer(blob=FileRange(path, 0, len(content)), stored_size=len(content)),
        ImageConfig(),
        AMD64,
    )


def read(*images: Image, cache: IndexCache | None = None, verify: bool = False) -> list[ImageFacts]:
    expected = [layer.diff_id for each in images for layer in each.layers]
    indexer = SharedIndexer(cache, verify=verify, meter=lambda _: None, expected=expected)
    return [gather(each, indexer, known=Known(cache, verify=verify)) for each in images]


def test_nothing_is_made_up_for_what_has_no_digest(tmp_path: Path) -> None:
    (facts,) = read(image(tmp_path / "one.tar", ONE))
    (layer,) = facts.layers
    assert (facts.image_id, layer.diff_id, layer.digest, layer.created_by) == (None, "", None, None)
    assert facts.platform == AMD64
    assert msgspec.json.decode(msgspec.json.encode(facts), type=dict)["layers"][0]["entries"] == len(tar_members(ONE))


def tar_members(tree: Tree) -> list[str]:
    import io
    import tarfile

    with tarfile.open(fileobj=io.BytesIO(tar_of(tree))) as opened:
        return opened.getnames()


def test_read_whole_it_has_the_digest_of_its_tar(tmp_path: Path) -> None:
    import hashlib

    (facts,) = read(image(tmp_path / "one.tar", ONE), verify=True)
    assert facts.layers[0].diff_id == f"sha256:{hashlib.sha256(tar_of(ONE)).hexdigest()}"
    assert facts.evidence.digests_verified


def test_names_of_whiteouts_are_plain_names(tmp_path: Path) -> None:
    """`.wh.x` beside `x` would be refused in a layer, and a bare `.wh.` too."""
    tree: Tree = {**ONE, "srv/x": b"1", "srv/.wh.x": b"22", "srv/.wh.": b"333", "srv/.wh..wh..opq": b"4444"}
    (facts,) = read(image(tmp_path / "one.tar", tree))
    assert facts.size.uncompressed == sum(map(len, (b"ID=one\n", b"\x7fELF", b"1", b"22", b"333", b"4444")))
    assert not facts.warnings


def test_two_without_a_name_are_never_taken_for_each_other(tmp_path: Path) -> None:
    """In one run, with a cache, and where one of them was verified."""
    two: Tree = {**ONE, "etc/more": b"more"}
    with contextlib.closing(IndexCache(tmp_path / "cache.sqlite", 1 << 30)) as cache:
        for verify in (True, False):
            one, other = (image(tmp_path / f"{name}.tar", tree) for name, tree in (("one", ONE), ("two", two)))
            sizes = [facts.size.uncompressed for facts in read(one, other, one, cache=cache, verify=verify)]
            assert sizes == [11, 15, 11]


def test_one_that_changes_is_never_answered_from_the_cache(tmp_path: Path) -> None:
    with contextlib.closing(IndexCache(tmp_path / "cache.sqlite", 1 << 30)) as cache:
        for content in (b"a", b"bb", b"ccc"):
            one = image(tmp_path / "one.tar", {"file": content})
            (facts,) = read(one, cache=cache)
            assert (facts.size.uncompressed, facts.evidence.layers_cached) == (len(content), 0)
            assert Known(cache, verify=False).find(one, asked("python")) is None


def test_a_config_of_another_image_brings_no_layers_along(tmp_path: Path) -> None:
    config = msgspec.json.decode(
        b'{"architecture":"arm64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:' + b"1" * 64 + b'"]},'
        b'"history":[{"created_by":"RUN x"}],"config":{"Env":["A=b"],"Cmd":["serve"]}}',
        type=ImageConfig,
    )
    made = single_image("one", "rootfs", Layer(blob=FileRange(tmp_path, 0, 0)), config, AMD64)
    assert (made.config.env, made.config.cmd, made.config.platform) == ({"A": "b"}, ("serve",), AMD64)
    assert (made.config.rootfs.diff_ids, made.config.history, made.layers[0].created_by) == ([], None, None)


def test_a_difference_of_two_says_that_their_layers_are_not_shared(tmp_path: Path) -> None:
    found = difference(*read(image(tmp_path / "one.tar", ONE), image(tmp_path / "two.tar", {**ONE, "x": b"y"})))
    assert (found.layers_shared, found.equal) == (0, False)
