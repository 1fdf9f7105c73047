"""Link resolution inside the root, against the kernel's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import LimitExceeded
from inspector.rootfs import Kind, is_dir, is_file, resolve, stat, walk
from inspector.testing.tree import Dir, Link, Member, Tree
from tests.effort import examples
from tests.support import rootfs_of

TREE: Tree = {
    "usr/bin/python3.11": b"",
    "usr/bin/python3": Link("python3.11"),
    "bin": Link("usr/bin"),
    "abs": Link("/usr/bin/python3"),
    "out": Link("../../../usr/bin"),
    "usr/up": Link("../bin/python3"),
    "loop": Link("loop"),
    "a": Link("b"),
    "b": Link("a"),
    "dangling": Link("nowhere/at/all"),
    "dotty": Link("./usr/./bin//python3"),
}


@pytest.mark.parametrize(
    ("path", "resolved"),
    [
        ("/", "/"),
        ("/usr/bin", "/usr/bin"),
        ("/bin/python3", "/usr/bin/python3.11"),
        ("/abs", "/usr/bin/python3.11"),
        ("/out/python3", "/usr/bin/python3.11"),
        ("/usr/up", "/usr/bin/python3.11"),
        ("/dotty", "/usr/bin/python3.11"),
        ("/bin/../bin/python3", "/usr/bin/python3.11"),
        ("/bin/../../..", "/"),
        ("/usr/bin/", "/usr/bin"),
        ("/usr/bin/.", "/usr/bin"),
        ("/bin/", "/usr/bin"),
        ("/usr/bin/python3.11/", None),
        ("/usr/bin/python3.11/.", None),
        ("/usr/bin/python3.11/x", None),
        ("/loop", None),
        ("/a", None),
        ("/dangling", None),
        ("/nowhere", None),
    ],
)
def test_resolve(path: str, resolved: str | None) -> None:
    assert resolve(rootfs_of(TREE), path) == resolved


def test_relative_paths_start_at_the_working_directory() -> None:
    assert resolve(rootfs_of(TREE), "bin/python3", cwd="/usr") == "/usr/bin/python3.11"


def test_questions_through_links() -> None:
    fs = rootfs_of(TREE)
    assert is_dir(fs, "/bin")
    assert not is_dir(fs, "/abs")
    assert is_file(fs, "/abs")
    assert not is_file(fs, "/dangling")
    node = stat(fs, "/abs")
    assert node is not None
    assert node.kind is Kind.FILE


@pytest.mark.parametrize(("links", "reached"), [(40, True), (41, False)])
def test_as_many_links_as_the_kernel_follows(tmp_path: Path, links: int, *, reached: bool) -> None:
    tree: dict[str, bytes | Link] = {"end": b""} | {f"l{n}": Link(f"l{n - 1}" if n else "end") for n in range(links)}
    assert (resolve(rootfs_of(tree), f"/l{links - 1}") is not None) is reached
    for name, member in tree.items():
        if isinstance(member, Link):
            (tmp_path / name).symlink_to(member.target)
        else:
            (tmp_path / name).write_bytes(member)
    if os.uname().sysname == "Linux":
        assert (tmp_path / f"l{links - 1}").exists() is reached


def test_walk_meets_each_directory_once_and_follows_no_link() -> None:
    seen = [path for path, _ in walk(rootfs_of(TREE))]
    assert sorted(seen) == ["/", "/usr", "/usr/bin"]


names = st.sampled_from(["a", "b", "c"])
targets = st.lists(st.sampled_from(["a", "b", "c", "..", "."]), min_size=1, max_size=4).map("/".join)
trees = st.dictionaries(
    st.lists(names, min_size=1, max_size=3).map("/".join),
    st.one_of(st.just(Dir()), st.just(b""), targets.map(Link)),
    max_size=6,
)


@given(trees, targets)
@examples(100)
def test_resolve_is_that_of_the_kernel(tree: dict[str, bytes | Dir | Link], path: str) -> None:
    """Over real directories, as long as no link leaves the root, which has no name in a directory of the host."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve() / "r" / "o" / "o" / "t"
        root.mkdir(parents=True)
        made: dict[str, bytes | Dir | Link] = {}
        for place, member in tree.items():
            target = root / place
            try:
                if isinstance(member, Link):
                    target.symlink_to(member.target)
                elif isinstance(member, Dir):
                    target.mkdir()
                else:
                    target.write_bytes(member)
            except OSError:
                continue
            if target.parent.resolve() == target.parent:
                made[place] = member
            else:
                target.unlink() if not target.is_dir() or target.is_symlink() else target.rmdir()
        try:
            os.stat(f"{root}/{path}")  # noqa: PTH116 - the kernel's word: Path lets `file/.` and `file/..` pass
            real: str | None = str((root / path).resolve(strict=True))
        except OSError:
            real = None
        if real is not None and not f"{real}/".startswith(f"{root}/"):
            return
        ours = resolve(rootfs_of(made), "/" + path)
        if real is not None:
            assert ours == "/" + os.path.relpath(real, root).removeprefix(".")
        elif ours is not None:  # a link that climbs out on the host is held at the root by us
            assert ".." in str(tree) + path


def test_forty_long_links_are_refused_rather_than_followed() -> None:
    tree: dict[str, Member] = {"d/f": b"", "l0": Link("d/../" * 400 + "d")}
    tree |= {f"l{number}": Link("d/../" * 400 + f"l{number - 1}") for number in range(1, 30)}
    with pytest.raises(LimitExceeded, match="'/l29/f' leads through"):
        resolve(rootfs_of(tree), "/l29/f")
