"""A layer's directory on disk beside the layer's tar: one index, and nothing outside that a directory leads to."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import InspectorError, LimitExceeded
from inspector.layers.blob import Scanned
from inspector.layers.cache import IndexCache
from inspector.layers.entry import Entry, LayerIndex
from inspector.layers.indexer import Indexer
from inspector.layers.merge import merge
from inspector.rootfs import Kind
from inspector.sources.access import AccessUnusable
from inspector.sources.engine import walk
from inspector.sources.engine.diff_directory import DiffDirectory, FileRecord
from inspector.testing.tree import Device, Dir, File, Hardlink, Link, Tree
from tests.effort import examples
from tests.lab.ours import listing
from tests.sources.engine.unpacked import mark, unpack, whiteout
from tests.sources.samples import flat
from tests.support import index_of

if sys.platform != "linux":
    pytest.skip("engines keep their files on Linux alone", allow_module_level=True)

DIFF_ID = f"sha256:{'0' * 64}"
SITE = "usr/lib/python3/dist-packages"
TREE: Tree = {
    "./": Dir(),
    "app": Dir(0o700),
    "caf\udce9": b"c",
    "etc": Dir(),
    "tab\tnewline\n": b"t",
    "usr": Dir(),
    "etc/.wh..wh..opq": b"",
    "etc/.wh.removed": b"",
    "app/run": File(b"#!/bin/sh\n" + b"x" * 9000, 0o4755),
    "app/sbin": Link("/usr/bin"),
    "etc/pipe": Device(b"6"),
    "usr/a": File(b"\x7fELF" + bytes(9000), 0o755),
    "usr/b": Hardlink("usr/a"),
    "usr/lib": Dir(0o1777),
    "usr/lib/c": Hardlink("usr/a"),
    "usr/lib/python3": Dir(),
    SITE: Dir(),
    f"{SITE}/big.py": bytes(5000),
    f"{SITE}/x-1.dist-info": Dir(),
    f"{SITE}/x-1.dist-info/METADATA": b"Name: x\n",
}
"""Every directory named, in the order of a walk: what lies in some together, then in those that were found there."""


def blob(folder: Path, **changes: object) -> DiffDirectory:
    record = folder.with_name(folder.name + ".record")
    record.touch()
    return DiffDirectory(folder, FileRecord(record), **changes)  # type: ignore[arg-type]


def scan(folder: Path, **changes: object) -> Scanned:
    return blob(folder, **changes).scan(DIFF_ID, None, verify=False, meter=lambda _: None)


def index(folder: Path) -> LayerIndex:
    return scan(folder).index


def found(folder: Path) -> dict[str, Entry]:
    return {entry.path: entry for entry in index(folder).entries}


def telling(entries: Sequence[Entry]) -> list[tuple[object, ...]]:
    """What tells in an entry: the modes of whiteouts and hardlinks do not."""
    silent = {each.path for each in entries if ".wh." in each.path or each.kind is Kind.HARDLINK}
    return [
        (each.path, each.kind, each.path in silent or each.mode, each.size, each.link, each.data) for each in entries
    ]


def test_the_index_is_that_of_the_tar(tmp_path: Path) -> None:
    walked, scanned = index(unpack(TREE, tmp_path / "diff")), index_of(TREE)
    assert telling(walked.entries) == telling(scanned.entries)
    assert walked.size == scanned.size
    assert (walked.verified, walked.diff_id, scan(tmp_path / "diff").how) == (False, DIFF_ID, "walk")


NAMES = st.text(st.sampled_from("ab.\udcff\n"), min_size=1, max_size=3).filter(lambda name: name not in (".", ".."))
MEMBERS = st.one_of(
    st.binary(max_size=8),
    st.builds(File, st.sampled_from([b"", b"#!x", b"\x7fELF" + bytes(2000)]), st.sampled_from([0o755, 0o600, 0o4711])),
    st.builds(Dir, st.sampled_from([0o755, 0o700, 0o1777])),
    st.builds(Link, NAMES),
)
BRANCHES = st.recursive(MEMBERS, lambda below: st.dictionaries(NAMES, below, max_size=4), max_leaves=12)
TREES = st.dictionaries(NAMES, BRANCHES, max_size=4)


@examples(40)
@given(TREES)
def test_any_tree_merges_as_its_tar_does(tmp_path_factory: pytest.TempPathFactory, branches: dict[str, Any]) -> None:
    tree = flat(branches)
    folder = tmp_path_factory.mktemp("any")
    try:
        assert listing(merge([index(unpack(tree, folder / "diff"))])) == listing(merge([index_of(tree)]))
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["trusted.overlay.opaque", "user.overlay.opaque", "user.fuseoverlayfs.opaque"])
def test_an_opaque_directory_is_told_by_its_attribute(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "is_roots", lambda _: name.startswith("trusted."))
    folder = unpack({"d/": Dir(), "d/new": b"", "d/.wh..wh..opq": b""}, tmp_path / "diff", opaque=name)
    assert list(found(folder)) == ["", "d", "d/.wh..wh..opq", "d/new"]
    mark(folder / "d", name, b"n")
    assert list(found(folder)) == ["", "d", "d/new"]


def test_what_fuse_overlayfs_writes_is_taken_as_it_stands(tmp_path: Path) -> None:
    for path in ("d/.wh..wh..opq", "d/.wh.gone", "d/new"):
        (tmp_path / "diff" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "diff" / path).touch()
    fs = merge([index_of({"d/old": b"", "d/gone": b""}), index(tmp_path / "diff")])
    assert set(listing(fs)) == {"d", "d/new"}


def test_a_device_that_is_no_whiteout_stays_one(tmp_path: Path) -> None:
    (tmp_path / "diff").mkdir()
    try:
        os.mknod(tmp_path / "diff" / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("devices are made by root alone")
    whiteout(tmp_path / "diff" / "gone")
    assert [(each.path, each.kind) for each in index(tmp_path / "diff").entries[1:]] == [
        (".wh.gone", Kind.FILE),
        ("null", Kind.CHAR),
    ]


def test_a_socket_is_passed_over_as_in_every_tar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "diff").mkdir()
    monkeypatch.chdir(tmp_path / "diff")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        assert list(found(tmp_path / "diff")) == [""]


def test_of_many_names_the_wanted_one_counts_wherever_it_stands(tmp_path: Path) -> None:
    folder = unpack({"a": b"home = /usr\n", "z": Dir(), "z/pyvenv.cfg": Hardlink("a")}, tmp_path / "diff")
    entries = found(folder)
    assert (entries["a"].data, entries["z/pyvenv.cfg"].kind) == (b"home = /usr\n", Kind.HARDLINK)


def test_hardlinks_are_bound_within_the_layer_alone(tmp_path: Path) -> None:
    folder = unpack({"a": b"aaa"}, tmp_path / "diff")
    os.link(folder / "a", tmp_path / "elsewhere")
    assert (found(folder)["a"].kind, index(folder).size) == (Kind.FILE, 3)


def test_pipes_with_the_names_of_files_that_matter_are_not_opened(tmp_path: Path) -> None:
    folder = unpack({"x.dist-info": Dir()}, tmp_path / "diff")
    os.mkfifo(folder / "x.dist-info" / "METADATA", 0o755)
    assert found(folder)["x.dist-info/METADATA"].kind is Kind.FIFO


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("user.overlay.redirect", b"/old", "redirect"),
        ("trusted.overlay.redirect", b"/old", "redirect"),
        ("user.overlay.opaque", b"x", "mark that is not known"),
        ("user.containers.override_stat", b"0:0:0755", "modes kept in attributes"),
    ],
)
def test_directories_that_mean_more_than_they_hold_are_refused(
    name: str, value: bytes, reason: str, tmp_path: Path
) -> None:
    folder = unpack({"d": Dir()}, tmp_path / "diff")
    mark(folder / "d", name, value)
    with pytest.raises(AccessUnusable, match=reason):
        scan(folder)


def test_a_file_whose_content_lies_below_is_refused_and_a_sparse_one_is_not(tmp_path: Path) -> None:
    folder = unpack({"f": b""}, tmp_path / "diff")
    os.truncate(folder / "f", 100_000)
    assert found(folder)["f"].size == 100_000
    mark(folder / "f", "user.overlay.metacopy", b"")
    with pytest.raises(AccessUnusable, match="metacopy"):
        scan(folder)


def test_what_only_engines_without_root_take_for_a_mark_is_refused_in_a_store_of_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = unpack({"d": Dir()}, tmp_path / "diff")
    mark(folder / "d", "user.overlay.opaque", b"y")
    for roots, answer in ((False, ["", "d", "d/.wh..wh..opq"]), (True, None)):
        monkeypatch.setattr(walk, "is_roots", lambda _, roots=roots: roots)
        if answer:
            assert list(found(folder)) == answer
            continue
        with pytest.raises(AccessUnusable, match="without root"):
            scan(folder)


def test_an_empty_file_may_be_a_whiteout(tmp_path: Path) -> None:
    folder = unpack({"f": b""}, tmp_path / "diff")
    mark(folder / "f", "user.overlay.whiteout", b"y")
    with pytest.raises(AccessUnusable, match="whiteout"):
        scan(folder)


def test_a_directory_with_the_name_of_a_whiteout_is_refused(tmp_path: Path) -> None:
    folder = unpack({"d": Dir()}, tmp_path / "diff")
    (folder / ".wh.x").mkdir()
    with pytest.raises(AccessUnusable, match="name of a whiteout"):
        scan(folder)


def test_a_mark_in_both_ways_is_one(tmp_path: Path) -> None:
    folder = unpack({"d": Dir(), "d/.wh.gone": b""}, tmp_path / "diff")
    (folder / "d" / ".wh.gone").touch()
    assert list(found(folder)) == ["", "d", "d/.wh.gone"]


def test_owners_and_capabilities_are_kept(tmp_path: Path) -> None:
    folder = unpack({"run": File(b"#!x", 0o755), "d": Dir(), "l": Link("x")}, tmp_path / "diff")
    capability = bytes.fromhex("01000002000400000000000000000000") + bytes(4)
    mark(folder / "run", "security.capability", capability)
    os.chown(folder / "l", 1234, 56, follow_symlinks=False)
    entries = found(folder)
    assert entries["run"].attributes == (("security.capability", capability),)
    assert [(entries[name].uid, entries[name].gid) for name in ("d", "l")] == [(os.geteuid(), os.getegid()), (1234, 56)]


def while_walking(folder: Path, path: str, change: object) -> None:
    """Scan, and call `change` when the directory at `path` is about to be entered."""
    seen = iter(["", *sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_dir())])

    def meter(_: int) -> None:
        if next(seen) == path:
            change()  # type: ignore[operator]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walk, "MAX_OPEN", 1)
        blob(folder).scan(DIFF_ID, None, verify=False, meter=meter)


RACE: Tree = {"a": Dir(), "a/x": b"", "b": Dir(), "b/y": b""}


def test_a_directory_that_goes_in_mid_walk_is_no_shorter_answer(tmp_path: Path) -> None:
    folder = unpack(RACE, tmp_path / "diff")
    with pytest.raises(AccessUnusable, match="changed while it was read"):
        while_walking(folder, "b", lambda: shutil.rmtree(folder / "b"))


def test_a_file_that_goes_in_mid_walk_is_no_shorter_answer(tmp_path: Path) -> None:
    folder = unpack(RACE, tmp_path / "diff")
    with pytest.raises(AccessUnusable, match="changed while it was read"):
        while_walking(folder, "b", (folder / "b" / "y").unlink)


def test_a_directory_that_becomes_a_link_is_not_followed(tmp_path: Path) -> None:
    folder = unpack(RACE, tmp_path / "diff")

    def swap() -> None:
        (folder / "b").rename(tmp_path / "b")
        (folder / "b").symlink_to(tmp_path / "b")

    with pytest.raises(AccessUnusable, match="diff/b"):
        while_walking(folder, "b", swap)


def test_a_parent_that_becomes_a_link_is_found_out(tmp_path: Path) -> None:
    folder = unpack({"b": Dir(), "b/c": Dir(), "b/c/y": b""}, tmp_path / "diff")
    unpack({"c": Dir(), "c/secret": b""}, tmp_path / "outside")

    def swap() -> None:
        (folder / "b").rename(tmp_path / "b")
        (folder / "b").symlink_to(tmp_path / "outside")

    with pytest.raises(AccessUnusable, match="changed while it was read"):
        while_walking(folder, "b/c", swap)


def test_a_record_that_goes_in_mid_walk_ends_it(tmp_path: Path) -> None:
    folder = unpack(RACE, tmp_path / "diff")
    with pytest.raises(AccessUnusable, match=r"diff\.record"):
        while_walking(folder, "b", (tmp_path / "diff.record").unlink)


def test_a_run_that_is_broken_off_ends_the_walk(tmp_path: Path) -> None:
    def stop() -> None:
        raise InspectorError("stopped")

    with pytest.raises(InspectorError, match="stopped"):
        while_walking(unpack(RACE, tmp_path / "diff"), "a", stop)


def test_the_top_is_no_link(tmp_path: Path) -> None:
    unpack(RACE, tmp_path / "real")
    (tmp_path / "diff").symlink_to(tmp_path / "real")
    with pytest.raises(AccessUnusable, match="diff"):
        scan(tmp_path / "diff")


def test_what_may_not_be_read_says_who_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    its = blob(unpack(RACE, tmp_path / "diff"))
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(AccessUnusable, match="run as root"):
        its.scan(DIFF_ID, None, verify=False, meter=lambda _: None)


def test_bytes_other_than_the_engine_noted_are_refused(tmp_path: Path) -> None:
    folder = unpack({"f": b"four", "l": Link("f")}, tmp_path / "diff")
    for size in (5, 4, None):
        assert scan(folder, size=size).index.size == 5
    with pytest.raises(AccessUnusable, match="holds 5 bytes where the engine noted 6"):
        scan(folder, size=6)


def test_files_and_names_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = unpack({f"{number:03}": b"" for number in range(30)}, tmp_path / "diff")
    monkeypatch.setattr(walk, "MAX_HEADERS", 20)
    with pytest.raises(LimitExceeded, match="20 files"):
        scan(folder)
    monkeypatch.setattr(walk, "MAX_HEADERS", 100)
    monkeypatch.setattr(walk, "MAX_CROWD", 20)
    with pytest.raises(LimitExceeded, match="of more than 20 files"):
        scan(folder)
    monkeypatch.setattr(walk, "MAX_CROWD", 100)
    monkeypatch.setattr("inspector.layers.entries.MAX_BYTES", 50)
    with pytest.raises(LimitExceeded, match="50 bytes"):
        scan(folder)


def test_a_directory_proves_no_digest(tmp_path: Path) -> None:
    with pytest.raises(AccessUnusable, match="digest"):
        blob(unpack(RACE, tmp_path / "diff")).scan(DIFF_ID, None, verify=True, meter=lambda _: None)


def test_the_second_time_the_cache_answers_until_the_directory_changes(tmp_path: Path) -> None:
    folder = unpack(TREE, tmp_path / "diff")
    cache = IndexCache(tmp_path / "cache.sqlite")
    indexer = Indexer(cache, verify=False, meter=lambda _: None)
    its = blob(folder)
    ways = [indexer.index(DIFF_ID, None, its).how for _ in range(2)]
    (folder / "new").touch()
    ways.append(indexer.index(DIFF_ID, None, its).how)
    (tmp_path / "diff.record").unlink()
    (tmp_path / "diff.record").touch()
    ways.append(indexer.index(DIFF_ID, None, its).how)
    cache.close()
    assert ways == ["walk", "cache", "walk", "walk"]
