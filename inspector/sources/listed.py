"""What a document lists, by its configs alone: enough to compare two lists of the same images."""

from __future__ import annotations

import msgspec

from inspector.oci import Platform


class Listed(msgspec.Struct, frozen=True):
    """The images that go by some names, each by its config's digest and its platform.

    `incomplete` says that a part is missing, so that what leads there leads to no image; `other` that there is
    something that is not read as an image here, which an engine might still run.
    """

    tags: tuple[str, ...]
    images: tuple[tuple[str, Platform], ...]
    incomplete: bool = False
    other: bool = False
