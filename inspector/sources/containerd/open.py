"""From a name to the images that containerd has by it, where no engine stands before it."""

from __future__ import annotations

import os

from inspector import log
from inspector.errors import InspectorError, NotFound, Unreachable
from inspector.reference import Reference
from inspector.sources.access import AccessUnusable
from inspector.sources.containerd.node import Node
from inspector.sources.containerd.places import find_places, without_root
from inspector.sources.image import Image
from inspector.sources.media import Media
from inspector.sources.platforms import Wanted


def open_containerd(
    reference: Reference, wanted: Wanted, media: Media, *, every_tag: bool = False
) -> tuple[Image, ...]:
    """Return the images that `reference` names in this machine's containerd, no layer read; a glob may name several.

    Raises `NotFound`, `Unreachable` where no containerd's files can be read, `PlatformMissing`, `Unsupported`.
    """
    namespace = media.namespace or os.environ.get("CONTAINERD_NAMESPACE") or None
    errors: list[InspectorError] = []
    for place in find_places():
        try:
            images = Node(place, namespace).open(reference, wanted, every_tag=every_tag)
        except AccessUnusable as error:
            errors.append(Unreachable(f"containerd at {place.root}: {error}{without_root()}"))
        except NotFound as error:
            errors.append(error)
        else:
            log.info("sources", "%s: found in containerd at %s", reference, place.root)
            return images
    said = "; ".join(dict.fromkeys(map(str, errors)))
    near = [each for error in errors if isinstance(error, NotFound) for each in error.near]
    if all(isinstance(error, Unreachable) for error in errors):
        raise Unreachable(f"{reference}: {said}")
    raise NotFound(f"{reference}: {said}", near=tuple(near))
