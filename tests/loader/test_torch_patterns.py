"""Which entries of sys.path may lead somewhere where glob reads them as patterns."""

from __future__ import annotations

import glob
import os
from pathlib import Path

import pytest

from inspector.loader.torch_patterns import MAX_NAMES, may_match
from inspector.testing.tree import Dir, Link, Tree
from tests.loader.host import DirectoryRootfs
from tests.support import rootfs_of

TREE: Tree = {
    "opt/p1/x": b"",
    "opt/.hidden/x": b"",
    "opt/file2": b"",
    "opt/to": Link("p1"),
    "opt/lost": Link("nowhere"),
    "opt/round": Link("round"),
}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("/opt/p[1]", True),
        ("/opt/p[!1]", False),
        ("/opt/p[2]", False),
        ("/opt/?1", True),
        ("/opt/?2", False),
        ("/opt/t*", True),
        ("/opt/*/y", False),
        ("/o*/p1", True),
        ("/opt/file[2]", False),
        ("/opt/[l]ost", False),
        ("/opt/roun[d]", False),
        ("/opt/*hidden", False),
        ("/opt/.h*", True),
        ("/none/*", False),
    ],
)
def test_as_glob_finds_it(pattern: str, found: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a table
    for folder in ("p1", ".hidden"):
        (tmp_path / "opt" / folder).mkdir(parents=True)
    (tmp_path / "opt/file2").write_bytes(b"")
    for link, target in (("to", "p1"), ("lost", "nowhere"), ("round", "round")):
        (tmp_path / "opt" / link).symlink_to(target)
    assert any(os.path.isdir(each) for each in glob.glob(f"{tmp_path}{pattern}")) is found  # noqa: PTH112, PTH207
    assert may_match(DirectoryRootfs(str(tmp_path)), pattern) is found
    assert may_match(rootfs_of(TREE), pattern) is found


@pytest.mark.parametrize(
    "pattern",
    ["/p*/self/root/opt", "/proc/[1]/cwd", "/opt/[k]ernel/self", "/opt/[b-a]", "/opt/[", "/caf[e]/??"],
)
def test_what_is_not_known_may(pattern: str) -> None:
    tree: Tree = {**TREE, "opt/kernel": Link("/proc"), "cafe/\u00e9": Dir()}
    assert may_match(rootfs_of(tree), pattern)


def test_of_many_names_it_may() -> None:
    many: Tree = {f"opt/{number}": b"" for number in range(MAX_NAMES + 1)}
    assert may_match(rootfs_of(many), "/opt/x*")
