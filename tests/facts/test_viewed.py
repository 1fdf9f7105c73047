"""What a mount hides: who asks for it is noted, and what is only listed is not."""

from __future__ import annotations

import pytest

from inspector.engine.model import MountPoint
from inspector.facts.viewed import ViewedRootfs, viewed
from inspector.rootfs import files_below, names_below, resolve, walk
from inspector.sources.container.access import ContainerView
from inspector.testing.tree import Dir, Link, Tree
from tests.support import rootfs_of

TREE: Tree = {"srv/data/a": b"1", "run": Dir(), "var/run": Link("/run"), "app/main.py": b""}


def seen(*places: str) -> ViewedRootfs:
    """A tree with mounts."""
    view = ContainerView([MountPoint(place, "volume", "v") for place in places], tuple)
    fs = viewed(rootfs_of(TREE), view)
    assert isinstance(fs, ViewedRootfs)
    return fs


def test_an_image_is_seen_as_it_is() -> None:
    fs = rootfs_of(TREE)
    assert viewed(fs, None) is fs


def test_what_every_container_mounts_hides_what_an_image_has_there() -> None:
    fs = viewed(rootfs_of({"dev/p/torch/__init__.py": b"", "proc/x": b"", "srv/dev/y": b""}), None)
    assert [path for path in ("/dev", "/dev/p", "/proc/x", "/srv/dev/y") if fs.lstat(path)] == ["/dev", "/srv/dev/y"]


def test_what_lies_below_is_not_there_and_asking_for_it_is_noted() -> None:
    fs = seen("/srv/data")
    assert fs.lstat("/srv/data/a") is None
    assert fs.touched == {"/srv/data"}


@pytest.mark.parametrize("name", ["a", "none"])
def test_a_name_that_is_looked_for_in_its_listing_is_noted(name: str) -> None:
    fs = seen("/srv/data")
    assert fs.scandir("/srv/data").get(name) is None
    assert fs.touched == {"/srv/data"}


def test_a_walk_over_all_is_no_question() -> None:
    fs = seen("/srv/data")
    assert "/srv/data" in dict(walk(fs))
    assert fs.lstat("/app/main.py") is not None
    assert fs.touched == set()


def test_a_tree_with_a_mount_in_it_is_listed_directory_by_directory() -> None:
    fs = seen("/srv/data")
    assert [files_below(fs, path) is None for path in ("/srv", "/srv/data", "/app")] == [True, True, False]
    assert "/srv/data/" not in {here for here, _, _ in names_below(fs, "/")}
    assert fs.touched == set()


@pytest.mark.parametrize(
    ("mounted", "real"),
    [
        ("/var/run/x", "/run/x"),
        ("/var/run/x/y/z", "/run/x/y/z"),
        ("/var/run", "/run"),
        ("/none/x", "/none/x"),
        ("/", "/"),
    ],
)
def test_links_on_the_way_to_a_mount_are_followed_though_the_engine_makes_the_rest(mounted: str, real: str) -> None:
    assert list(seen(mounted).hidden) == [real]


def test_a_mount_over_everything_hides_everything() -> None:
    fs = seen("/")
    assert resolve(fs, "/app/main.py") is None
    assert fs.touched == {"/"}
