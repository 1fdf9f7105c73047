"""What two layers come to: our merge beside a real engine's overlay2, case by case.

Where the image specification and overlay2 disagree we follow the specification and warn; where the engine
refuses a layer that the specification allows, we read it. Both answers stand here then.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.forms import FORMS
from fixtures.image import Image, Step
from fixtures.tree import Device, Dir, File, Hardlink, Link, Tree
from inspector.errors import CorruptLayer
from tests.lab import engine, ours

NAME = "inspector-lab/semantics"

LINKED: Tree = {"real/": Dir(), "real/old": b"old", "lnk": Link("real")}
OPAQUE: Tree = {"d/": Dir(), "d/old": b"old", "d/sub/": Dir(), "d/sub/old": b"old"}

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

OPAQUE_SEEN = {"d": "directory", "d/n": "file"}
BY_SPECIFICATION: dict[str, tuple[Tree, Tree, dict[str, str]]] = {
    "whiteout of a directory, then the directory anew": (OPAQUE, {".wh.d": b"", "d/": Dir(), "d/n": b"n"}, OPAQUE_SEEN),
}
"""Cases where the engine shows what was to be removed: our kinds by path."""

REFUSED: dict[str, tuple[Tree, Tree, dict[str, str] | None]] = {
    "file, then its whiteout": ({"x": b"old"}, {"x": b"new", ".wh.x": b""}, {"x": "file"}),
    "directory, then its whiteout": (OPAQUE, {"d/": Dir(), "d/n": b"n", ".wh.d": b""}, OPAQUE_SEEN),
    "hardlink to a lower file": ({"a": b"aaa"}, {"b": Hardlink("a")}, {"a": "file", "b": "file"}),
    "hardlink before its target": ({"x": b"x"}, {"b": Hardlink("a"), "a": b"aaa"}, None),
    "hardlink to nothing": ({"x": b"x"}, {"b": Hardlink("a")}, None),
    "whiteout of nothing": ({"x": b"x"}, {".wh.": b"", "y": b"y"}, {"x": "file", "y": "file"}),
}
"""What the engine does not load: our kinds by path, or None where we refuse too."""


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


@pytest.mark.parametrize("case", BY_SPECIFICATION)
def test_the_specification_is_followed_with_a_warning(case: str, tmp_path: Path) -> None:
    lower, upper, expected = BY_SPECIFICATION[case]
    reference, path = archive(tmp_path, lower, upper)
    assert engine.load(path) is None
    merged = ours.merged(reference)
    found = ours.listing(merged)
    assert {path: listed.kind for path, listed in found.items()} == expected
    assert len(merged.warnings) == 1
    shown = engine.exported(f"{NAME}:{tmp_path.name.lower()}")
    assert set(found) < set(engine.comparable(shown, found)), "the engine now agrees: move the case"


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
