"""Attributes and devices that overlayfs takes for marks: followed where all engines agree, refused where they differ.

What each engine shows was tried on Docker 20.10 (overlay2), Podman 4.3 and Docker 28 with containerd's store, on Linux
6.18; `tests/lab/test_layer_semantics.py` tries it again.
"""

from __future__ import annotations

import pytest

from inspector.errors import Unsupported
from inspector.layers.entries import Attributes, Entries, Entry
from inspector.layers.entry import LayerIndex
from inspector.layers.merge import MergedRootfs, merge
from inspector.layers.tree import OPAQUE
from inspector.rootfs import Kind
from tests.lab.ours import listing

ONE = Entry("d/old", Kind.FILE, 0o644, 3)


def entry(
    path: str,
    kind: Kind = Kind.FILE,
    size: int = 0,
    link: str = "",
    device: tuple[int, int] | None = None,
    **marks: bytes,
) -> Entry:
    """An entry with attributes: `redirect` is `trusted.overlay.redirect`, `user_overlay_x` is `user.overlay.x`."""
    attributes: Attributes = tuple(
        (name.replace("_", ".") if "_" in name else f"trusted.overlay.{name}", value) for name, value in marks.items()
    )
    return Entry(path, kind, 0o755, size, link, b"", 0, 0, attributes, device)


def merged(*layers: list[Entry]) -> MergedRootfs:
    return merge([LayerIndex(f"sha256:{0:064}", Entries(layer), verified=True, size=0) for layer in layers])


D = Kind.DIRECTORY
REFUSED: dict[str, tuple[list[list[Entry]], str]] = {
    "an opaque directory": ([[ONE], [entry("d", D, opaque=b"y")]], "opaque"),
    "… of engines without root": ([[ONE], [entry("d", D, user_overlay_opaque=b"y")]], "user.overlay.opaque"),
    "… of fuse-overlayfs": ([[ONE], [entry("d", D, user_fuseoverlayfs_opaque=b"y")]], "user.fuseoverlayfs.opaque"),
    "… in a layer in the middle": ([[ONE], [entry("d", D, opaque=b"y")], [entry("d/new")]], "layer 2 of 3"),
    "… two layers above": ([[ONE], [entry("d/new")], [entry("d", D, opaque=b"y")]], "layer 3 of 3"),
    "… over directories alone": ([[entry("d/e", D)], [entry("d", D, opaque=b"y")]], "opaque"),
    "a redirect from the root": ([[ONE], [entry("e", D, redirect=b"/d")]], "redirect"),
    "a redirect beside": ([[ONE], [entry("e", D, redirect=b"d")]], "redirect"),
    "a redirect of engines without root": ([[ONE], [entry("e", D, user_overlay_redirect=b"d")]], "redirect"),
    "a file with its content below": ([[ONE], [entry("d/old", size=9, metacopy=b"")]], "metacopy"),
    "… in the lowest layer": ([[entry("x", size=9, metacopy=b"")]], "metacopy"),
    "… by another name of it": ([[entry("x"), entry("y", Kind.HARDLINK, 0, "x", metacopy=b"")]], "metacopy"),
    "a whiteout that is an attribute": (
        [[ONE], [entry("d", D, opaque=b"x"), entry("d/old", whiteout=b"y")]],
        "whiteout",
    ),
    "… without one of the directory": ([[ONE], [entry("d/old", whiteout=b"")]], "whiteout"),
    "… by another name of its file": ([[entry("x"), entry("y", Kind.HARDLINK, 0, "x", whiteout=b"y")]], "whiteout"),
    "a device 0:0 over a file": ([[ONE], [entry("d/old", Kind.CHAR, device=(0, 0))]], "device 0:0"),
    "… over a directory": ([[ONE], [entry("d", Kind.CHAR, device=(0, 0))]], "device 0:0"),
    "… by another name of a device": (
        [[ONE], [entry("q", Kind.CHAR, device=(0, 0)), entry("d/old", Kind.HARDLINK, 0, "q")]],
        "device 0:0",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_engines_show_differently_is_refused(case: str) -> None:
    layers, why = REFUSED[case]
    with pytest.raises(Unsupported, match=why):
        merged(*layers)


SAME: dict[str, tuple[list[list[Entry]], set[str]]] = {
    "an opaque directory with nothing below": (
        [[ONE], [entry("e", D, opaque=b"y"), entry("e/x")]],
        {"d", "d/old", "e", "e/x"},
    ),
    "… that a file marks too": (
        [[ONE], [entry("d", D, opaque=b"y"), entry(f"d/{OPAQUE}"), entry("d/new")]],
        {"d", "d/new"},
    ),
    "… over a file": ([[entry("d")], [entry("d", D, opaque=b"y")]], {"d"}),
    "… in the lowest layer": ([[entry("d", D, opaque=b"y"), entry("d/x")], [entry("d/y")]], {"d", "d/x", "d/y"}),
    "an opaque root": ([[ONE], [entry("", D, opaque=b"y")]], {"d", "d/old"}),
    "marks of other values": ([[ONE], [entry("d", D, opaque=b"n")], [entry("d", D, opaque=b"x")]], {"d", "d/old"}),
    "a mark of more than a letter": ([[ONE], [entry("d", D, opaque=b"yy")]], {"d", "d/old"}),
    "a mark of directories on a file": ([[ONE], [entry("d/old", size=1, opaque=b"y")]], {"d", "d/old"}),
    "a redirect of a file": ([[ONE], [entry("d/old", size=1, redirect=b"/x")]], {"d", "d/old"}),
    "a redirect in the lowest layer": ([[entry("d", D, redirect=b"/x")], [entry("d/x")]], {"d", "d/x"}),
    "a redirect of the root": ([[ONE], [entry("", D, redirect=b"/d")]], {"d", "d/old"}),
    "a whiteout with content": ([[ONE], [entry("d/old", size=3, whiteout=b"y")]], {"d", "d/old"}),
    "what overlayfs notes for itself": (
        [[ONE], [entry("d", D, origin=b"x", impure=b"y", upper=b"x", uuid=b"x"), entry("d/x", size=1, nlink=b"U+1")]],
        {"d", "d/old", "d/x"},
    ),
    "marks of an overlayfs within another": (
        [[ONE], [Entry("d", D, 0o755, attributes=(("trusted.overlay.overlay.opaque", b"y"),))]],
        {"d", "d/old"},
    ),
    "capabilities": ([[ONE], [entry("d/old", size=1, security_capability=b"x")]], {"d", "d/old"}),
    "a device 0:0 over nothing": ([[ONE], [entry("q", Kind.CHAR, device=(0, 0))]], {"d", "d/old"}),
    "a device 0:0 in the lowest layer": ([[entry("q", Kind.CHAR, device=(0, 0)), ONE]], {"d", "d/old"}),
    "a device 0:0 whose numbers nobody told": ([[entry("q", Kind.CHAR)]], {"q"}),
    "a block device 0:0": ([[ONE], [entry("d/old", Kind.BLOCK, device=(0, 0))]], {"d", "d/old"}),
}


@pytest.mark.parametrize("case", SAME)
def test_what_all_engines_show_alike_is_shown(case: str) -> None:
    layers, paths = SAME[case]
    fs = merged(*layers)
    assert set(listing(fs)) == paths
    assert fs.warnings == ()


def test_an_attribute_that_is_not_known_is_told() -> None:
    (warning,) = merged([ONE], [entry("d", D, later=b"y")]).warnings
    assert "trusted.overlay.later" in warning
