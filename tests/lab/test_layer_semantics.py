"""What two layers come to: our merge beside a real engine's overlay2, case by case.

What the engine refuses we refuse, but for hardlinks into lower layers and paths that stand twice, which other engines
take. Where engines differ in what they show, by the image specification or by overlayfs's attributes, we refuse too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.forms import FORMS
from inspector.errors import CorruptLayer, Unsupported
from inspector.testing.image import Image, Step
from inspector.testing.tree import Device, Dir, File, Hardlink, Link, Tree
from tests.lab import engine, ours
from tests.lab.others import Other

NAME = "inspector-lab/semantics"

LINKED: Tree = {"real/": Dir(), "real/old": b"old", "lnk": Link("real")}
OPAQUE: Tree = {"d/": Dir(), "d/old": b"old", "d/sub/": Dir(), "d/sub/old": b"old"}

OPAQUE_BY_ATTRIBUTE = {"trusted.overlay.opaque": "y"}

AGREED: dict[str, tuple[Tree, Tree]] = {
    "file through a lower link": (LINKED, {"lnk/new": b"n"}),
    "file through a lower absolute link": ({**LINKED, "lnk": Link("/real")}, {"lnk/new": b"n"}),
    "file through a lower link out of the root": ({**LINKED, "lnk": Link("../../../real")}, {"lnk/new": b"n"}),
    "file through a lower dangling link": ({"lnk": Link("nowhere")}, {"lnk/new": b"n"}),
    "whiteout through a lower link": (LINKED, {"lnk/.wh.old": b""}),
    "link and child in one layer": ({"a": b"a"}, {"real/": Dir(), "lnk": Link("real"), "lnk/new": b"n"}),
    "absolute link and child in one layer": ({"a": b"a"}, {"real/": Dir(), "lnk": Link("/real"), "lnk/n": b"n"}),
    "link out of the root and child in one layer": (
        {"a": b"a"},
        {"real/": Dir(), "lnk": Link("../../real"), "lnk/n": b"n"},
    ),
    "directory over a lower link": (LINKED, {"lnk/": Dir(0o700), "lnk/new": b"n"}),
    "directory over a lower directory": (OPAQUE, {"d/": Dir(0o700), "d/new": b"n"}),
    "child of a lower file": ({"f": b"file"}, {"f/k": b"k"}),
    "file over a lower directory": (OPAQUE, {"d": b"now a file"}),
    "link over a lower directory": (OPAQUE, {"d": Link("elsewhere")}),
    "whiteout, then the file anew": ({"x": b"old"}, {".wh.x": b"", "x": b"newer"}),
    "whiteout of a file": ({"x": b"old", "y": b"y"}, {".wh.x": b""}),
    "whiteout of a directory": (OPAQUE, {".wh.d": b""}),
    "whiteout of what is not there": ({"x": b"old"}, {".wh.y": b""}),
    "opaque before its entries": (OPAQUE, {"d/": Dir(), "d/.wh..wh..opq": b"", "d/new": b"n"}),
    "opaque after its entries": (OPAQUE, {"d/": Dir(), "d/new": b"n", "d/.wh..wh..opq": b""}),
    "opaque without a directory entry": (OPAQUE, {"d/.wh..wh..opq": b"", "d/new": b"n"}),
    "opaque over nothing": ({"x": b"x"}, {"d/": Dir(), "d/.wh..wh..opq": b"", "d/new": b"n"}),
    "whiteout that is a directory": ({"x": b"x", "y": b"y"}, {".wh.x/": Dir()}),
    "whiteout that is a link": ({"x": b"x", "y": b"y"}, {".wh.x": Link("y")}),
    "whiteout that has content": ({"x": b"x", "y": b"y"}, {".wh.x": b"not empty"}),
    "files of AUFS": ({"x": b"x"}, {".wh..wh.foo": b"", ".wh..wh.aufs": b"", "y": b"y"}),
    "below a directory named as a whiteout": ({"x": b"x"}, {".wh.x/child": b"c", "d/.wh..wh..opq/n": b"n"}),
    "a directory named as a whiteout": ({"x": b"x", "y": b"y"}, {".wh.x/": Dir(), ".wh.x/child": b"c"}),
    "folder of AUFS": ({"x": b"x"}, {".wh..wh.plnk/": Dir(), ".wh..wh.plnk/1": b"1", "n": Hardlink(".wh..wh.plnk/1")}),
    "whiteout of a whiteout's directory": ({".wh.d/n": b"n", "x": b"x"}, {".wh..wh.d": b""}),
    "whiteout that is a hardlink": ({"x": b"x"}, {"y": b"y", ".wh.x": Hardlink("y")}),
    "whiteout through a link of its layer": (OPAQUE, {"lnk": Link("d"), "d/": Dir(), "lnk/.wh.old": b""}),
    "opaque through a link of its layer": (OPAQUE, {"lnk": Link("d"), "d/": Dir(), "lnk/.wh..wh..opq": b""}),
    "directory made behind a link": ({"x": b"x"}, {"real/": Dir(), "lnk": Link("real"), "lnk/a/b": b"b"}),
    "file that replaces a directory without entry": ({"x": b"x"}, {"d/n": b"n", "d": b"file"}),
    "device 0:0 over nothing": ({"x": b"x"}, {"q": Device(), "r": Hardlink("q"), "y": b"y"}),
    "device 0:0 in the lowest layer": ({"q": Device(), "x": b"x"}, {"y": b"y"}),
    "other device": ({"x": b"x"}, {"null": Device(numbers=(1, 3))}),
    "opaque by attribute over nothing": ({"x": b"x"}, {"d/": Dir(0o755, OPAQUE_BY_ATTRIBUTE), "d/n": b"n"}),
    "opaque by attribute and file": (
        OPAQUE,
        {"d/": Dir(0o755, OPAQUE_BY_ATTRIBUTE), "d/.wh..wh..opq": b"", "d/n": b"n"},
    ),
    "attributes without effect": (
        OPAQUE,
        {"d/": Dir(0o755, {f"trusted.overlay.{name}": "y" for name in ("origin", "impure", "uuid", "overlay.opaque")})},
    ),
    "attributes of other values": (OPAQUE, {"d/": Dir(0o755, {"trusted.overlay.opaque": "yy"}), "d/n": b"n"}),
    "redirect in the lowest layer": ({"d/": Dir(0o755, {"trusted.overlay.redirect": "/e"}), "e/x": b"x"}, {"y": b"y"}),
    "redirect of a file": ({"x": b"x", "e": b"e"}, {"x": File(b"new", 0o644, {"trusted.overlay.redirect": "/e"})}),
    "hardlinks by other spellings": ({"x": b"x"}, {"a": b"aaa", "b": Hardlink("/a"), "c": Hardlink("./a")}),
    "hardlink to a hardlink": ({"x": b"x"}, {"a": b"aaa", "b": Hardlink("a"), "c": Hardlink("b")}),
    "one of two names replaced above": ({"a": b"aaa", "b": Hardlink("a")}, {"a": b"four"}),
    "one of two names removed above": ({"a": b"aaa", "b": Hardlink("a")}, {".wh.a": b""}),
    "paths that try to leave the root": ({"x": b"x"}, {"../esc": b"e", "/abs": b"a", "a//b": b"b", "a/../e": b"e"}),
    "parents without entries": ({"x": b"x"}, {"p/q/r": b"r"}),
    "modes": ({"x": File(b"x", 0o4755)}, {"d/": Dir(0o1777), "d/y": File(b"y", 0o600)}),
    "fifo": ({"x": b"x"}, {"pipe": Device(b"6")}),
    "empty upper layer": ({"x": b"x"}, {}),
    "names that are no UTF-8": ({"x": b"x"}, {"caf\udce9": b"c", "tab\tnewline\n": b"t"}),
    "long names": ({"x": b"x"}, {"d" * 120 + "/" + "f" * 200: b"f", "lnk": Link("t" * 300)}),
}

REFUSED: dict[str, tuple[Tree, Tree, dict[str, str] | None]] = {
    "file, then its whiteout": ({"x": b"old"}, {"x": b"new", ".wh.x": b""}, None),
    "directory, then its whiteout": (OPAQUE, {"d/": Dir(), "d/n": b"n", ".wh.d": b""}, None),
    "whiteout twice": ({"x": b"x"}, {".wh.x": b"", "./.wh.x": b""}, None),
    "whiteout, then a file below": (OPAQUE, {".wh.d": b"", "d/n": b"n"}, None),
    "path twice": ({"x": b"x"}, {"y": b"1", "./y": b"22"}, {"x": "file", "y": "file"}),
    "directory twice": (
        OPAQUE,
        {"d/": Dir(), "./d": Dir()},
        {"d": "directory", "d/old": "file", "d/sub": "directory", "d/sub/old": "file"},
    ),
    "directory over a link of its layer": (
        {"x": b"x"},
        {"real/": Dir(), "lnk": Link("real"), "lnk/": Dir()},
        {"x": "file", "real": "directory", "lnk": "directory"},
    ),
    "child of a dangling link": ({"x": b"x"}, {"lnk": Link("nowhere"), "lnk/n": b"n"}, None),
    "child of a link into a lower layer": (OPAQUE, {"lnk": Link("d"), "lnk/n": b"n"}, None),
    "child deep below a dangling link": ({"x": b"x"}, {"lnk": Link("/nowhere"), "lnk/a/n": b"n"}, None),
    "whiteout below a dangling link": (OPAQUE, {"lnk": Link("d"), "lnk/.wh.old": b""}, None),
    "child of a link to itself": ({"x": b"x"}, {"lnk": Link("lnk"), "lnk/n": b"n"}, None),
    "child of a file": ({"x": b"x"}, {"f": b"f", "f/n": b"n"}, None),
    "hardlink to a lower file": ({"a": b"aaa"}, {"b": Hardlink("a")}, {"a": "file", "b": "file"}),
    "hardlink before its target": ({"x": b"x"}, {"b": Hardlink("a"), "a": b"aaa"}, None),
    "hardlink to nothing": ({"x": b"x"}, {"b": Hardlink("a")}, None),
    "whiteout of nothing": ({"x": b"x"}, {".wh.": b"", "y": b"y"}, None),
    "whiteout of .": ({"d/x": b"x"}, {"d/.wh..": b""}, None),
    "whiteout of ..": ({"d/x": b"x"}, {"d/.wh...": b""}, None),
}
"""What the engine does not load: our kinds by path, or None where we refuse too."""


DIFFERENT: dict[str, tuple[Tree, Tree]] = {
    "opaque": (OPAQUE, {"d/": Dir(0o755, OPAQUE_BY_ATTRIBUTE), "d/n": b"n"}),
    "redirect from the root": ({"e/x": b"x"}, {"d/": Dir(0o755, {"trusted.overlay.redirect": "/e"})}),
    "redirect beside": ({"p/e/x": b"x"}, {"p/": Dir(), "p/d/": Dir(0o755, {"trusted.overlay.redirect": "e"})}),
    "redirect to nowhere": (OPAQUE, {"d/": Dir(0o755, {"trusted.overlay.redirect": "/nowhere"})}),
    "metacopy": ({"f": b"below"}, {"f": File(b"above above", 0o644, {"trusted.overlay.metacopy": "y"})}),
    "whiteout": (OPAQUE, {"d/": Dir(), "d/old": File(b"", 0o644, {"trusted.overlay.whiteout": "y"})}),
}
"""What the engine, by the attributes that it sets, shows otherwise than containerd, which does not set them."""

WITHOUT_ROOT: dict[str, tuple[Tree, Tree]] = {
    "device 0:0 over a file": (OPAQUE, {"d/": Dir(), "d/old": Device()}),
    "device 0:0 over a directory": (OPAQUE, {"d": Device()}),
    "opaque": (OPAQUE, {"d/": Dir(0o755, {"user.overlay.opaque": "y"}), "d/n": b"n"}),
}
"""What the lab's engines, which run as root, show alike, but those without root do not (they make no devices)."""


@pytest.fixture(scope="module", autouse=True)
def _clean(docker: None) -> Iterator[None]:
    del docker
    yield
    images = engine.docker("images", "--quiet", NAME).split()
    if images:
        engine.docker("rmi", "--force", *sorted(set(images)))


def archive(folder: Path, lower: Tree, upper: Tree) -> tuple[str, Path]:
    """An archive of two layers: its reference, and its path."""
    image = Image(steps=[Step("lower", lower), Step("upper", upper)], tags=[f"{NAME}:{folder.name.lower()}"])
    path = folder / "image.tar"
    return FORMS["docker-24"](path, [image]), path


@pytest.mark.parametrize("case", AGREED)
def test_the_merge_is_what_the_engine_shows(case: str, tmp_path: Path) -> None:
    reference, path = archive(tmp_path, *AGREED[case])
    assert engine.load(path) is None
    found = ours.listing(ours.merged(reference))
    shown = engine.exported(f"{NAME}:{tmp_path.name.lower()}")
    assert engine.comparable(found, found) == engine.comparable(shown, found)


TWICE: dict[str, Tree] = {
    "file": {"y": b"1", "./y": b"22"},
    "directory": {"d/": Dir(), "d/n": b"n", "./d": Dir(0o700), "d/m": b"m"},
    "directory, then a file": {"d/": Dir(), "d/n": b"n", "./d": b"now a file"},
    "file, then a directory": {"q": b"1", "q/": Dir(), "q/n": b"n"},
    "link, then a directory": {"real/": Dir(), "lnk": Link("real"), "lnk/": Dir(), "lnk/n": b"n"},
    "file, then a hardlink": {"a": b"aaa", "b": b"b", "./b": Hardlink("a")},
    "a hardlink's target": {"a": b"aaa", "b": Hardlink("a"), "./a": b"a"},
    "opaque, then a file, then a directory": {"d/.wh..wh..opq": b"", "d": b"f", "d/": Dir(), "d/n": b"n"},
}
"""Paths that one layer has more than once, above `OPAQUE`."""


@pytest.mark.parametrize("case", TWICE)
def test_of_paths_that_stand_twice_the_last_is_taken_as_containerd_does(
    case: str, tmp_path: Path, containerd: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, path = archive(tmp_path, OPAQUE, TWICE[case])
    merged = ours.merged(reference)
    found = ours.listing(merged)
    assert "stands in the layer twice" in merged.warnings[0]
    shown = shown_by(containerd, path, f"{NAME}:{tmp_path.name.lower()}", monkeypatch)
    assert engine.comparable(found, found) == engine.comparable(shown, found)


def test_a_directory_removed_and_made_again_is_refused_where_overlayfs_shows_the_lower_one(tmp_path: Path) -> None:
    reference, path = archive(tmp_path, OPAQUE, {".wh.d": b"", "d/": Dir(), "d/n": b"n"})
    assert engine.load(path) is None
    assert "d/old" in engine.exported(f"{NAME}:{tmp_path.name.lower()}"), "the engine now follows the specification"
    with pytest.raises(Unsupported, match="makes again"):
        ours.merged(reference)


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_engine_refuses(case: str, tmp_path: Path) -> None:
    lower, upper, expected = REFUSED[case]
    reference, path = archive(tmp_path, lower, upper)
    assert engine.load(path) is not None, "the engine now takes it: move the case"
    if expected is None:
        with pytest.raises(CorruptLayer, match="layer 2 of 2"):
            ours.merged(reference)
    else:
        assert {path: listed.kind for path, listed in ours.listing(ours.merged(reference)).items()} == expected


def shown_by(other: Other, path: Path, tag: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, engine.Listed]:
    """What a container of the archive's image would see at another engine, which is left as it was."""
    with monkeypatch.context() as patch:
        patch.setenv("DOCKER_HOST", f"unix://{other.socket}")
        assert engine.load(path) is None
        try:
            return engine.exported(tag)
        finally:
            engine.docker("rmi", "--force", tag)


@pytest.mark.parametrize("case", DIFFERENT)
def test_what_engines_show_differently_is_refused(
    case: str, tmp_path: Path, containerd: Other, podman: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, path = archive(tmp_path, *DIFFERENT[case])
    tag = f"{NAME}:{tmp_path.name.lower()}"
    assert engine.load(path) is None
    shown = engine.exported(tag)
    assert shown != shown_by(containerd, path, tag, monkeypatch), "the engines now agree: move the case"
    by_podman = shown_by(podman, path, tag, monkeypatch)
    assert engine.comparable(shown, by_podman) == engine.comparable(by_podman, by_podman)
    with pytest.raises(Unsupported, match="layer 2 of 2"):
        ours.merged(reference)


@pytest.mark.parametrize("case", WITHOUT_ROOT)
def test_what_engines_without_root_show_differently_is_refused(
    case: str, tmp_path: Path, containerd: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, path = archive(tmp_path, *WITHOUT_ROOT[case])
    tag = f"{NAME}:{tmp_path.name.lower()}"
    assert engine.load(path) is None
    assert engine.exported(tag) == shown_by(containerd, path, tag, monkeypatch)
    with pytest.raises(Unsupported, match="layer 2 of 2"):
        ours.merged(reference)
