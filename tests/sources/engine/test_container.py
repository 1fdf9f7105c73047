"""A container's files, asked for one by one, against the merged layers that it was made of."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pytest

from fixtures.bases import debian
from fixtures.pythons import cpython, venv
from inspector.engine.model import Stat
from inspector.errors import LimitExceeded, NotFound, Unreachable
from inspector.layers.merge import MergedRootfs
from inspector.rootfs import Kind, NotKept, NotListed, resolve, walk
from inspector.sources.access import AccessUnusable
from inspector.sources.engine import container
from inspector.sources.engine.container import ContainerRootfs
from inspector.testing.tree import Dir, File, Link, Tree
from tests.facts.archive import MemoryArchive
from tests.support import rootfs_of
from tests.test_rootfs import TREE

IMAGE: Tree = {**debian(), **cpython(), **venv("venv")}
SITE = "/usr/local/lib/python3.11/site-packages"


def asked(tree: Tree) -> tuple[ContainerRootfs, MemoryArchive, MergedRootfs]:
    fs = rootfs_of(tree)
    engine = MemoryArchive(fs)
    return ContainerRootfs(engine, "c"), engine, fs


def every_path(fs: MergedRootfs) -> Iterator[str]:
    for folder, nodes in walk(fs):
        yield from (f"{folder.rstrip('/')}/{name}" for name in nodes)


def test_every_file_is_what_the_layers_say() -> None:
    files, _, fs = asked(IMAGE)
    for path in every_path(fs):
        ours, theirs = files.lstat(path), fs.lstat(path)
        assert ours is not None
        assert theirs is not None
        assert (ours.kind, ours.mode, ours.size) == (theirs.kind, theirs.mode, theirs.size)
        assert ours.layer is None
        if ours.kind is Kind.SYMLINK:
            assert files.readlink(path) == fs.readlink(path)


@pytest.mark.parametrize("path", [f"/{path}" for path in TREE] + ["/out/python3", "/abs/", "/a", "/nowhere/at/all"])
def test_links_lead_where_they_lead_in_the_layers(path: str) -> None:
    files, _, fs = asked(TREE)
    assert resolve(files, path) == resolve(fs, path)


def test_no_link_is_followed() -> None:
    files, _, _ = asked(TREE)
    assert files.lstat("/bin/python3.11") is None
    assert files.lstat("/usr/bin/python3.11/x") is None
    assert files.scandir("/bin") == {}
    assert "python3" in files.scandir("/usr/bin")
    with pytest.raises(NotFound):
        files.read("/bin/python3.11")
    with pytest.raises(NotFound):
        files.readlink("/usr/bin/python3.11")


def test_what_is_known_is_not_asked_again() -> None:
    files, engine, _ = asked(IMAGE)
    for _ in range(3):
        assert files.lstat("/nowhere/in/the/image") is None
        assert files.lstat("/nowhere/else") is None
        assert files.lstat("/usr/local") is not None
    assert engine.asked == ["H /nowhere", "H /usr", "H /usr/local"]
    assert (files.questions, files.bytes_read) == (3, 0)


def test_names_that_no_file_system_holds_are_not_asked_for() -> None:
    files, engine, _ = asked(IMAGE)
    for path in ("/" + "x" * 256, "/a\0b", "/" + "x/" * 2500 + "x"):
        assert files.lstat(path) is None
    assert engine.asked == []


def test_a_directory_is_listed_once_it_was_taken_in() -> None:
    files, engine, fs = asked(IMAGE)
    listing = files.scandir(SITE)
    assert listing.get("nothing") is None
    assert "README.txt" not in listing
    for look in (len, list):
        with pytest.raises(NotListed):
            look(listing)
    files.stream(SITE)
    before = len(engine.asked)
    assert sorted(listing) == sorted(fs.scandir(SITE)) == sorted(files.scandir(SITE))
    files.stream(SITE)
    assert len(engine.asked) == before
    assert files.bytes_read > 0


def test_what_lies_in_a_directory_taken_in_is_what_the_layers_say() -> None:
    tree: Tree = {
        "a/b/one": b"1",
        "a/b/bin/python": File(b"#!/bin/sh\n", 0o755),
        "a/b/x.pth": b"/opt\n",
        "a/b/link": Link("../one"),
        "a/b/c": Dir(0o700),
        "a/bb": b"",
    }
    files, engine, fs = asked(tree)
    files.stream("/a/b")
    asked_before = [*engine.asked]
    for path in ("/a/b", "/a/b/one", "/a/b/bin/python", "/a/b/x.pth", "/a/b/link", "/a/b/c", "/a/b/none"):
        ours, theirs = files.lstat(path), fs.lstat(path)
        assert (ours is None) == (theirs is None)
        if ours and theirs:
            assert (ours.kind, ours.mode, ours.size, ours.target) == (
                theirs.kind,
                theirs.mode,
                theirs.size,
                theirs.target,
            )
    assert files.read("/a/b/x.pth") == b"/opt\n"
    assert files.head("/a/b/bin/python") == b"#!/bin/sh\n"
    assert engine.asked == asked_before
    assert files.lstat("/a/bb") is not None
    assert engine.asked[-1] == "H /a/bb"


def test_only_what_an_index_would_keep_is_read() -> None:
    files, engine, fs = asked({**IMAGE, "data.bin": bytes(5000), "etc/passwd": b"root:x:0:0::/root:/bin/sh\n"})
    with pytest.raises(NotKept):
        files.read("/data.bin")
    with pytest.raises(NotKept):
        files.head("/data.bin")
    assert not [question for question in engine.asked if question.startswith("G")]
    for path in ("/etc/passwd", "/usr/local/lib/python3.11/site.py"):
        assert files.read(path) == files.read(path) == fs.read(path)
    assert files.head("/usr/local/bin/python3.11") == fs.head("/usr/local/bin/python3.11")
    assert len([question for question in engine.asked if question.startswith("G")]) == 3


def test_a_folder_of_programs_is_taken_in_whole_if_small(monkeypatch: pytest.MonkeyPatch) -> None:
    tree: Tree = {"opt/bin/a": Link("b"), "opt/bin/b": Link("/opt/bin/c"), "opt/bin/c": File(b"#!/bin/sh\n", 0o755)}
    files, engine, _ = asked(tree)
    assert (files.readlink("/opt/bin/a"), files.readlink("/opt/bin/b")) == ("b", "/opt/bin/c")
    assert files.head("/opt/bin/c") == b"#!/bin/sh\n"
    assert engine.asked == ["H /opt", "H /opt/bin", "H /opt/bin/a", "G /opt/bin"]
    monkeypatch.setitem(container._WHOLE, "/bin", 600)
    files, engine, _ = asked(tree)
    assert (files.readlink("/opt/bin/a"), files.readlink("/opt/bin/b")) == ("b", "/opt/bin/c")
    assert (files.readlink("/opt/bin/a"), files.readlink("/opt/bin/b")) == ("b", "/opt/bin/c")
    assert [question for question in engine.asked if question[0] == "G"] == [
        "G /opt/bin",
        "G /opt/bin/a",
        "G /opt/bin/b",
    ]


def test_what_came_of_a_folder_before_it_was_broken_off_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(container._WHOLE, "/bin", 40_000)
    script = File(b"#!/bin/sh\n", 0o755)
    tree: Tree = {"opt/bin/a": Link("b"), "opt/bin/b": script, "opt/bin/c": bytes(100_000), "opt/bin/d": script}
    files, engine, fs = asked(tree)
    assert files.readlink("/opt/bin/a") == "b"
    for path in ("/opt/bin/b", "/opt/bin/d"):
        assert files.head(path) == fs.head(path)
    assert engine.asked == ["H /opt", "H /opt/bin", "H /opt/bin/a", "G /opt/bin", "H /opt/bin/d", "G /opt/bin/d"]


def test_what_the_engine_adds_is_not_the_image_s() -> None:
    files, engine, _ = asked({"etc/hosts": b"image's own", "etc/passwd": b""})
    for path in ("/.dockerenv", "/etc/hosts", "/etc/resolv.conf"):
        with pytest.raises(NotKept):
            files.lstat(path)
    for path in ("/", "/etc", "/dev", "/proc"):
        with pytest.raises(NotListed):
            files.stream(path)
    assert files.lstat("/etc/passwd") is not None
    assert engine.asked == ["H /etc", "H /etc/passwd"]


def test_questions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MAX_QUESTIONS", 5)
    files, engine, _ = asked({})
    for number in range(5):
        assert files.lstat(f"/{number}") is None
    for _ in range(2):
        with pytest.raises(AccessUnusable, match="5 questions"):
            files.lstat("/more")
    assert len(engine.asked) == 5


def test_a_directory_too_large_says_nothing_against_the_rest() -> None:
    files, _, _ = asked(IMAGE)
    with pytest.raises(LimitExceeded):
        files.stream("/usr/local/lib", limit=2000)
    assert files.lstat("/usr/local/bin") is not None
    files.confirm()


class Failing(MemoryArchive):
    """An engine that stops answering, or answers with half a tar."""

    def __init__(self, fs: MergedRootfs) -> None:
        super().__init__(fs)
        self.gone = False
        self.cut: int | None = None
        self.error: Exception | None = None

    def stat(self, container: str, path: str) -> Stat | None:
        """See `Engine.stat`."""
        if self.error is not None:
            raise self.error
        return None if self.gone else super().stat(container, path)

    @contextmanager
    def archive(self, container: str, path: str) -> Iterator[BinaryIO]:
        """See `Engine.archive`."""
        if self.gone:
            raise NotFound("no such container")
        with super().archive(container, path) as stream:
            yield io.BytesIO(stream.read()[: self.cut])


@pytest.mark.parametrize("cut", [0, 511, 512, 700, 1024, 1536, 2048])
def test_half_an_answer_is_none(cut: int) -> None:
    engine = Failing(rootfs_of({"a/b/c.pth": b"x" * 600}))
    files = ContainerRootfs(engine, "c")
    engine.cut = cut
    with pytest.raises(AccessUnusable):
        files.stream("/a/b")
    for _ in range(2):
        with pytest.raises(AccessUnusable):
            files.lstat("/x")
    with pytest.raises(AccessUnusable):
        files.confirm()


def test_a_container_that_goes_away_makes_all_answers_void() -> None:
    engine = Failing(rootfs_of(IMAGE))
    files = ContainerRootfs(engine, "c")
    assert files.lstat("/etc/passwd") is not None
    files.confirm()
    engine.gone = True
    assert files.lstat("/opt") is None  # as an engine says it
    with pytest.raises(AccessUnusable, match="removed"):
        files.confirm()
    with pytest.raises(AccessUnusable):
        files.read("/etc/passwd")


def test_an_engine_that_stops_answering_is_no_missing_file() -> None:
    engine = Failing(rootfs_of(IMAGE))
    files = ContainerRootfs(engine, "c")
    engine.error = Unreachable("the engine went away")
    with pytest.raises(AccessUnusable, match="went away"):
        files.lstat("/etc/passwd")
    engine.error = None
    with pytest.raises(AccessUnusable, match="went away"):
        files.confirm()


def test_an_archive_of_something_else_is_refused() -> None:
    class Other(MemoryArchive):
        def _tar(self, top: str, name: str) -> bytes:
            return super()._tar(top, f"x{name}")

    files = ContainerRootfs(Other(rootfs_of(IMAGE)), "c")
    with pytest.raises(AccessUnusable):
        files.stream("/usr/local")
