"""The merge against the table of what engines do, and against a model that is slow and obvious."""

from __future__ import annotations

import stat
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import CorruptLayer, LimitExceeded, Unsupported
from inspector.layers.entries import Entries
from inspector.layers.entry import Entry, LayerIndex
from inspector.layers.merge import MergedRootfs, merge
from inspector.layers.tree import MAX_WARNINGS, OPAQUE
from inspector.rootfs import Kind, NotKept, walk
from inspector.testing.tree import Device, Dir, File, Hardlink, Link, Member, Tree, tar_of
from tests.effort import examples
from tests.support import few, index_of, rootfs_of

D = Dir()


def shown(*layers: Tree) -> dict[str, str]:
    """Path to content: a file's size, a link's arrow, a directory's slash."""
    return listing(rootfs_of(*layers))


def listing(rootfs: MergedRootfs) -> dict[str, str]:
    text = {Kind.DIRECTORY: "/", Kind.CHAR: "char", Kind.FIFO: "fifo"}
    return {
        f"{directory.rstrip('/')}/{name}"[1:]: text.get(node.kind)
        or (f"-> {node.target}" if node.kind is Kind.SYMLINK else str(node.size))
        for directory, nodes in walk(rootfs)
        for name, node in nodes.items()
    }


REAL: Tree = {"real": D, "real/old": b"1", "lnk": Link("real")}
TABLE: dict[str, tuple[tuple[Tree, ...], dict[str, str]]] = {
    "a child below a lower link makes the link a directory": (
        (REAL, {"lnk/new": b"22"}),
        {"real": "/", "real/old": "1", "lnk": "/", "lnk/new": "2"},
    ),
    "the same, through an absolute link": (
        ({"real": D, "lnk": Link("/real")}, {"lnk/new": b"22"}),
        {"real": "/", "lnk": "/", "lnk/new": "2"},
    ),
    "the same, through a link that leaves the root": (
        ({"real": D, "lnk": Link("../../../real")}, {"lnk/new": b"22"}),
        {"real": "/", "lnk": "/", "lnk/new": "2"},
    ),
    "the same, through a dangling link": (
        ({"lnk": Link("nowhere")}, {"lnk/new": b"22"}),
        {"lnk": "/", "lnk/new": "2"},
    ),
    "a whiteout through a lower link spares the target": (
        (REAL, {"lnk/.wh.old": b""}),
        {"real": "/", "real/old": "1", "lnk": "/"},
    ),
    "a link and its child in one layer: written through": (
        ({"base": D}, {"real": D, "lnk": Link("real"), "lnk/new": b"22"}),
        {"base": "/", "real": "/", "real/new": "2", "lnk": "-> real"},
    ),
    "the same, absolute and out of the root": (
        ({"a": D, "a/real": D, "up": Link("../../a/real"), "abs": Link("/a"), "up/x": b"1", "abs/real/y": b"22"},),
        {"a": "/", "a/real": "/", "a/real/x": "1", "a/real/y": "2", "up": "-> ../../a/real", "abs": "-> /a"},
    ),
    "a directory entry replaces a lower link": (
        (REAL, {"lnk": D, "lnk/new": b"22"}),
        {"real": "/", "real/old": "1", "lnk": "/", "lnk/new": "2"},
    ),
    "a child of what is a file below": (({"f": b"1"}, {"f/k": b"22"}), {"f": "/", "f/k": "2"}),
    "a whiteout, then the name": (({"x": b"1"}, {".wh.x": b"", "x": b"22"}), {"x": "2"}),
    "opaque before": (({"d/old": b"1"}, {"d": D, f"d/{OPAQUE}": b"", "d/n": b"22"}), {"d": "/", "d/n": "2"}),
    "opaque after": (({"d/old": b"1"}, {"d": D, "d/n": b"22", f"d/{OPAQUE}": b""}), {"d": "/", "d/n": "2"}),
    "opaque without a directory entry": (({"d/old": b"1"}, {f"d/{OPAQUE}": b""}), {"d": "/"}),
    "opaque at the root": (({"a": b"1"}, {OPAQUE: b"", "b": b"22"}), {"b": "2"}),
    "a hardlink to a lower layer": (({"a": b"1"}, {"b": Hardlink("a")}), {"a": "1", "b": "1"}),
    "a hardlink to a hardlink to a lower layer": (
        ({"a": b"1"}, {"b": Hardlink("a"), "c": Hardlink("b")}),
        {"a": "1", "b": "1", "c": "1"},
    ),
    "a hardlink's target is from the root": (
        ({"d/a": b"1", "d/b": Hardlink("/d/a"), "d/c": Hardlink("./d/a")},),
        {"d": "/", "d/a": "1", "d/b": "1", "d/c": "1"},
    ),
    "a hardlink keeps its content when the other name is replaced": (
        ({"a": b"1", "b": Hardlink("a")}, {"a": b"22"}),
        {"a": "2", "b": "1"},
    ),
    "… or removed": (({"a": b"1", "b": Hardlink("a")}, {".wh.a": b""}), {"b": "1"}),
    "… or replaced in the same layer": (
        ({"d": D, "d/a": b"1", "b": Hardlink("d/a"), "l": Link("d"), "l/a": b"22"},),
        {"d": "/", "l": "-> d", "d/a": "2", "b": "1"},
    ),
    "names that leave the root stay in it": (
        ({"../esc": b"1", "/abs": b"1", "a//b": b"1", "a/../e": b"1"},),
        {"esc": "1", "abs": "1", "a": "/", "a/b": "1", "e": "1"},
    ),
    "a whiteout that is a directory": (({"x": b"1"}, {".wh.x": D}), {}),
    "a whiteout that is a link": (({"x": b"1"}, {".wh.x": Link("y")}), {}),
    "a whiteout with content": (({"x": b"1"}, {".wh.x": b"not empty"}), {}),
    "a whiteout of nothing": (({"x": b"1"}, {".wh.y": b""}), {"x": "1"}),
    "a whiteout of a directory": (({"d/e/f": b"1", "g": b"1"}, {".wh.d": b""}), {"g": "1"}),
    "AUFS's own files are whiteouts": (
        ({".wh..wh.aufs": b"", ".wh..wh.foo": b"", f"d/{OPAQUE}X": b"", "d/x": b"1"},),
        {"d": "/", "d/x": "1"},
    ),
    "… and hide what has the name": (({".wh.d/x": b"1"}, {".wh..wh.d": b""}), {}),
    "a directory named as a whiteout is one": (
        ({"x": b"1"}, {".wh.x/child": b"1", "y": D, f"y/{OPAQUE}/z": b"1"}),
        {"x": "1", ".wh.x": "/", ".wh.x/child": "1", "y": "/", f"y/{OPAQUE}": "/", f"y/{OPAQUE}/z": "1"},
    ),
    "… though its own entry is a whiteout too": (
        ({"x": b"1"}, {".wh.x": D, ".wh.x/child": b"1"}),
        {".wh.x": "/", ".wh.x/child": "1"},
    ),
    "AUFS's folder of hardlinks is a directory": (
        ({".wh..wh.plnk/1": b"1", "a": Hardlink(".wh..wh.plnk/1")},),
        {".wh..wh.plnk": "/", ".wh..wh.plnk/1": "1", "a": "1"},
    ),
    "a whiteout that is a hardlink": (({"x": b"1"}, {"y": b"1", ".wh.x": Hardlink("y")}), {"y": "1"}),
    "a whiteout through a link of the same layer": (
        ({"d/x": b"1"}, {"d": D, "l": Link("d"), "l/.wh.x": b""}),
        {"d": "/", "l": "-> d"},
    ),
    "opaque through a link of the same layer": (
        ({"d/x": b"1"}, {"d": D, "l": Link("d"), f"l/{OPAQUE}": b""}),
        {"d": "/", "l": "-> d"},
    ),
    "a directory is made behind a link": (
        ({"real": D, "lnk": Link("real"), "lnk/a/b": b"1"},),
        {"real": "/", "real/a": "/", "real/a/b": "1", "lnk": "-> real"},
    ),
    "markers in the lowest layer are dropped": (
        ({".wh.x": b"", f"d/{OPAQUE}": b"", "d/y": b"1"},),
        {"d": "/", "d/y": "1"},
    ),
    "a whiteout hides lower layers only": (({"x": b"1"}, {".wh.x": b""}, {"x": b"333"}), {"x": "3"}),
    "a character device 0:0 with nothing below is not shown": (({"x": b"1"}, {"y": Device()}), {"x": "1"}),
    "another character device is one": (({"x": b"1"}, {"x": Device(numbers=(1, 3))}), {"x": "char"}),
    "a hardlink to a character device 0:0 is not shown": (
        ({"y": Device(), "z": Hardlink("y"), "x": b"1"},),
        {"x": "1"},
    ),
    "parents without entries": (({"a/b/c": b"1"},), {"a": "/", "a/b": "/", "a/b/c": "1"}),
    "a name twice by way of a link: the last wins": (
        ({"d": D, "l": Link("d"), "d/x": b"1", "l/x": b"22"},),
        {"d": "/", "l": "-> d", "d/x": "2"},
    ),
    "a file twice: the last wins": (({"x": b"1", "./x": b"22"},), {"x": "2"}),
    "a directory twice: they are one": (
        ({"d": D, "d/x": b"1", "d/": Dir(0o700), "d/y": b"22"},),
        {"d": "/", "d/x": "1", "d/y": "2"},
    ),
    "the root twice": (({"./": D, "x": b"1", ".": D, "y": b"22"},), {"x": "1", "y": "2"}),
    "a directory, then a file": (({"d/": D, "d/x": b"", "d": b"22"},), {"d": "2"}),
    "a file, then a directory": (({"d": b"1", "d/": D, "d/x": b"22"},), {"d": "/", "d/x": "2"}),
    "a link, then a directory": (
        ({"real": D, "l": Link("real"), "l/": D, "l/x": b"1"},),
        {"real": "/", "l": "/", "l/x": "1"},
    ),
    "a hardlink in place of a file": (({"a": b"1", "h": b"22", "./h": Hardlink("a")},), {"a": "1", "h": "1"}),
    "a file in place of a hardlink's target": (({"a": b"1", "h": Hardlink("a"), "./a": b"22"},), {"a": "2", "h": "1"}),
    "a device 0:0, then a file": (({"y": b"1"}, {"x": Device(), "./x": b"22"}), {"x": "2", "y": "1"}),
    "an opaque directory, then a file, then a directory": (
        ({"d/x": b"1"}, {"d": D, f"d/{OPAQUE}": b"", "./d": b"22", "d/": D, "d/y": b"333"}),
        {"d": "/", "d/x": "1", "d/y": "3"},
    ),
    "removed and made again, opaque": (
        ({"d/x": b"1"}, {".wh.d": b"", "d": D, f"d/{OPAQUE}": b"", "d/y": b"22"}),
        {"d": "/", "d/y": "2"},
    ),
    "removed and made again, with nothing below": (
        ({"d": D}, {".wh.d": b"", "d": D, "d/y": b"22"}),
        {"d": "/", "d/y": "2"},
    ),
    "a file replaces a directory": (({"d/x": b"1"}, {"d": b"22"}), {"d": "2"}),
    "a file replaces a directory without entry of the same layer": (({"d/x": b"1", "d": b"22"},), {"d": "2"}),
}


@pytest.mark.parametrize("case", TABLE)
def test_what_engines_show(case: str) -> None:
    layers, expected = TABLE[case]
    assert shown(*layers) == expected


@pytest.mark.parametrize(
    "layer",
    [
        {"b": Hardlink("a"), "a": b"1"},
        {"b": Hardlink("nowhere")},
        {"d": D, "b": Hardlink("d")},
        {"b": Hardlink("b")},
        {"b": b"1", "./b": Hardlink("b")},
        {"d/b": b"1", "d": Hardlink("d/b")},
    ],
    ids=["before its target", "dangling", "to a directory", "to itself", "to what it replaces", "to what is in that"],
)
def test_hardlinks_that_no_engine_makes_are_refused(layer: Tree) -> None:
    with pytest.raises(CorruptLayer, match="layer 1 of 1"):
        rootfs_of(layer)


REFUSED: dict[str, tuple[Tree, str]] = {
    "the name, then its whiteout": ({"x": b"22", ".wh.x": b""}, "before it"),
    "a directory, then its whiteout": ({"d": D, "d/n": b"22", ".wh.d": b""}, "before it"),
    "a whiteout twice": ({".wh.x": b"", "./.wh.x": b""}, "before it"),
    "a whiteout, then a file below": ({".wh.d": b"", "d/n": b""}, "no directory"),
    "a bare whiteout": ({"d/.wh.": b""}, "names nothing"),
    "a bare whiteout that is a directory": ({"d/.wh.": D}, "names nothing"),
    "a whiteout of .": ({"d/.wh..": b""}, "names nothing"),
    "a whiteout of ..": ({"d/.wh...": b""}, "names nothing"),
    "a child of a file": ({"f": b"", "f/x": b""}, "no directory"),
    "a child of a device": ({"f": Device(numbers=(1, 3)), "f/x": b""}, "no directory"),
    "a child of a dangling link": ({"l": Link("nowhere"), "l/x": b""}, "layer has nothing"),
    "… that is absolute": ({"l": Link("/nowhere"), "l/x": b""}, "layer has nothing"),
    "… deeper": ({"d": D, "l": Link("d/sub"), "l/x/y": b""}, "layer has nothing"),
    "… whose link leads to another": ({"l": Link("k"), "k": Link("nowhere"), "l/x": b""}, "layer has nothing"),
    "a whiteout below a dangling link": ({"l": Link("nowhere"), "l/.wh.x": b""}, "layer has nothing"),
    "a link to a file": ({"f": b"", "l": Link("f"), "l/x": b""}, "no directory"),
    "a link to itself": ({"l": Link("l"), "l/x": b""}, "too many"),
    "links in a circle": ({"a": Link("b"), "b": Link("a"), "a/x": b""}, "too many"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_engines_refuse_to_unpack_is_refused(case: str) -> None:
    layer, why = REFUSED[case]
    with pytest.raises(CorruptLayer, match=rf"layer 2 of 2 .*{why}"):
        rootfs_of({"d/x": b"1", "nowhere/y": b"", "k": D}, layer)


def test_a_directory_removed_and_made_again_is_refused_as_engines_differ() -> None:
    with pytest.raises(Unsupported, match=r"layer 2 of 2 .*makes again"):
        rootfs_of({"d/x": b"1"}, {".wh.d": b"", "d": D, "d/y": b""})


def test_of_paths_that_stand_twice_one_is_told_and_the_rest_counted() -> None:
    first, rest = rootfs_of({f"{start}{n}": b"" for start in ("", "./") for n in range(500)}).warnings
    assert "'0' stands in the layer twice" in first
    assert "500 stand there again" in rest


def test_a_link_to_a_directory_of_a_lower_layer_dangles_in_its_own() -> None:
    with pytest.raises(CorruptLayer, match="layer has nothing"):
        rootfs_of({"real": D}, {"lnk": Link("real"), "lnk/new": b""})


WARNED: dict[str, tuple[tuple[Tree, ...], str]] = {
    "a directory for a lower link": ((REAL, {"lnk/new": b""}), "replaces a symlink"),
    "a directory for a lower file": (({"f": b"1"}, {"f/k": b""}), "replaces a file"),
    "a file twice": (({"x": b"1", "./x": b"22"},), "stands in the layer twice"),
    "a directory twice": (({"x": b"1"}, {"d": D, "./d": D}), "stands in the layer twice"),
    "a link into a lower layer": (({"a": b"1"}, {"b": Hardlink("a")}), "lower layer"),
    "a file of AUFS": (({"d/x": b"1"}, {".wh..wh.aufs": b""}), "without overlayfs"),
}


@pytest.mark.parametrize("case", WARNED)
def test_where_engines_differ_is_told(case: str) -> None:
    layers, expected = WARNED[case]
    (warning,) = rootfs_of(*layers).warnings
    assert warning.startswith(f"layer {len(layers)} of {len(layers)}: ")
    assert expected in warning


def test_warnings_are_bounded() -> None:
    assert len(rootfs_of({f".wh..wh.{n}": b"" for n in range(500)}).warnings) == MAX_WARNINGS


def test_attributes_are_those_of_the_last_layer_that_has_an_entry() -> None:
    merged = rootfs_of({"d": Dir(0o700), "d/x": b""}, {"d/y": b""}, {"d": Dir(0o711)}, {"d/z": b""})
    node = merged.lstat("/d")
    assert node is not None
    assert (node.mode, node.layer) == (0o711, 2)
    assert {name: child.layer for name, child in merged.scandir("/d").items()} == {"x": 0, "y": 1, "z": 3}


def test_one_content_has_one_inode_and_each_name_its_layer() -> None:
    merged = rootfs_of({"a": b"1", "b": Hardlink("a")}, {"c": Hardlink("a")}, {"a": b"1"})
    nodes = merged.scandir("/")
    assert nodes["b"].inode == nodes["c"].inode != nodes["a"].inode
    assert [nodes[name].layer for name in "abc"] == [2, 0, 1]


def test_bytes_are_read_where_they_were_kept() -> None:
    merged = rootfs_of(
        {"x.pth": b"/opt\n", "bin/tool": File(b"#!/bin/sh\nexit\n", 0o755), "data.bin": b"x" * 99, "empty": b""}
    )
    assert merged.read("/x.pth") == b"/opt\n"
    assert merged.head("/bin/tool").startswith(b"#!/bin/sh\n")
    assert merged.read("/empty") == b""
    with pytest.raises(NotKept):
        merged.read("/data.bin")


def test_asking_for_what_is_not_there() -> None:
    merged = rootfs_of({"f": b"1", "l": Link("f")})
    assert merged.lstat("/nowhere/at/all") is None
    assert merged.lstat("/f/below") is None
    assert merged.scandir("/f") == {}
    root = merged.lstat("/")
    assert root is not None
    assert stat.S_IMODE(root.mode) == 0o755


def test_deep_trees_need_no_deep_stack() -> None:
    deep = "/".join(["d"] * 900)
    entries = Entries([Entry(deep, Kind.FILE, 0o644, 1)])
    index = LayerIndex(f"sha256:{0:064}", entries, verified=True, size=1)
    merged = merge([index, index])
    assert merged.lstat("/" + deep) is not None
    assert sum(len(nodes) for _, nodes in walk(merged)) == 900


def test_directories_that_links_lead_ever_deeper_into_end() -> None:
    tree: dict[str, Member] = {"d/" * 400 + "f": b"", "a": Link("d/" * 399)}
    tree |= {"a/" + "d/" * 400 + "f": b"", "b": Link("a/" + "d/" * 399), "b/" + "d/" * 400 + "f": b""}
    with pytest.raises(LimitExceeded, match=r"layer 1 of 1 .*deep"):
        rootfs_of(tree)


def test_directories_without_entries_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty kilobytes of long paths made millions of them."""
    monkeypatch.setattr("inspector.layers.directories.MAX_IMPLIED", 100)
    with pytest.raises(LimitExceeded, match="no entry of their own"):
        rootfs_of({f"{number}/" + "d/" * 20 + "f": b"" for number in range(3)}, {"e/" * 50 + "f": b""})


def test_ways_through_links_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each entry may go through 255 links of two thousand names each."""
    monkeypatch.setattr("inspector.layers.directories.MAX_STEPS", 5000)
    tree: dict[str, Member] = {"d/x": b"", "l0": Link("d/../" * 50 + "d")}
    tree |= {f"l{number}": Link("d/../" * 50 + f"l{number - 1}") for number in range(1, 20)}
    assert rootfs_of(tree | {"l19/one/f": b""}).lstat("/d/one/f") is not None
    with pytest.raises(LimitExceeded, match="more links"):
        rootfs_of(tree | {f"l19/{number}/f": b"" for number in range(9)})


def test_questions_are_counted() -> None:
    merged = rootfs_of({"d/f": b""}, budget=few(steps=10))
    assert [merged.lstat("/d/f") is not None for _ in range(5)] == [True] * 5
    with pytest.raises(LimitExceeded, match="more than 10 steps"):
        [merged.lstat("/d/f") for _ in range(9)]


def test_many_names_of_one_content_are_not_read_for_ever() -> None:
    merged = rootfs_of({"etc/passwd": b"123456"}, budget=few(bytes=10))
    assert merged.read("/etc/passwd") == b"123456"
    with pytest.raises(LimitExceeded, match="more than 10 bytes"):
        merged.read("/etc/passwd")
    with pytest.raises(LimitExceeded):  # nor is it taken for one bad file among good ones
        merged.lstat("/etc")


# The model: each layer unpacked alone into a flat dict, then laid over the flat dict of those below.

NAMES = ["a", "b", "c"]
model_paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)
model_members = st.one_of(
    st.tuples(model_paths, st.one_of(st.just(D), st.binary(max_size=3))),
    st.tuples(st.tuples(model_paths, st.sampled_from(NAMES)).map(lambda p: f"{p[0]}/.wh.{p[1]}"), st.just(b"")),
    st.tuples(st.sampled_from(NAMES).map(lambda n: f".wh.{n}"), st.just(b"")),
    st.tuples(model_paths.map(lambda p: f"{p}/{OPAQUE}"), st.just(b"")),
)


def consistent(members: list[tuple[str, bytes | Dir]]) -> dict[str, bytes | Dir]:
    """The members without those that engines refuse: below a file or a whiteout, or a whiteout of what was there."""
    files = [path for path, member in members if isinstance(member, bytes) and ".wh." not in path]
    hidden = [path.replace(".wh.", "") for path, _ in members if ".wh." in path and OPAQUE not in path]
    return {
        path: member
        for path, member in sorted(members, key=lambda each: ".wh." not in each[0])
        if not any(path.startswith(f"{file}/") for file in files)
        and not any(path.startswith(f"{gone}/") for gone in hidden)
    }


model_layers = st.lists(
    st.lists(model_members, max_size=6, unique_by=lambda member: member[0]).map(consistent), min_size=1, max_size=4
)


def below(path: str, tree: Mapping[str, str]) -> list[str]:
    return [other for other in tree if other.startswith(path + "/")]


def remove(path: str, tree: dict[str, str]) -> None:
    for gone in [*below(path, tree), path]:
        tree.pop(gone, None)


def unpacked(layer: dict[str, bytes | Dir]) -> dict[str, str]:
    """A layer alone, its markers left out but for the directories that they stand in."""
    own: dict[str, str] = {}
    for path, member in layer.items():
        parts = path.split("/")
        for depth in range(1, len(parts)):
            own["/".join(parts[:depth])] = "/"
        if not parts[-1].startswith(".wh."):
            if member != D:
                remove(path, own)
            own[path] = "/" if isinstance(member, Dir) else str(len(member))
    return own


def model(layers: list[dict[str, bytes | Dir]]) -> dict[str, str] | None:
    """What is shown, or None for what is refused."""
    merged: dict[str, str] = {}
    for layer in layers:
        for path in sorted(layer, key=lambda each: OPAQUE not in each):
            parent, _, name = path.rpartition("/")
            if name == OPAQUE:
                for gone in below(parent, merged):
                    del merged[gone]
            elif name.startswith(".wh."):
                hidden = f"{parent}/{name.removeprefix('.wh.')}".lstrip("/")
                if unpacked(layer).get(hidden) == "/" and below(hidden, merged):
                    return None
                remove(hidden, merged)
        for path, text in unpacked(layer).items():
            if text != "/" or merged.get(path) != "/":
                remove(path, merged)
            merged[path] = text
    return merged


@given(model_layers)
@examples(200)
def test_the_merge_is_that_of_the_model(layers: list[dict[str, bytes | Dir]]) -> None:
    expected = model(layers)
    indexes = [index_of(layer) for layer in layers]
    if expected is None:
        with pytest.raises(Unsupported):
            merge(indexes)
    else:
        assert listing(merge(indexes)) == expected


@given(model_layers)
@examples(50)
def test_layers_of_nothing_change_nothing(layers: list[dict[str, bytes | Dir]]) -> None:
    between = [index for layer in layers for index in (index_of(layer), index_of({}))]
    if model(layers) is None:
        with pytest.raises(Unsupported):
            merge(between)
    else:
        assert listing(merge(between)) == listing(merge(between[::2]))


def test_the_tar_of_nothing_is_an_empty_root() -> None:
    assert shown({}) == {}
    assert len(tar_of({})) > 0
