"""An image that is one root file system, whatever holds it: a directory, a tar or a file of Apptainer's.

It is no image of a registry, so that some of what such images have is not there, and nothing is put in its place:
`image_id` is None, as no config has a digest. `diff_id` is that of the uncompressed tar where that was read whole, else
empty. An empty one names nothing: no layer is taken for another by it, and neither facts nor indexes are kept in the
cache, so that a directory which changes is never answered from what it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from inspector.oci import RootfsIds
from inspector.sources.image import Image, Layer

if TYPE_CHECKING:
    from inspector.oci import ImageConfig, Platform


def single_image(
    reference: str,
    source: str,
    layer: Layer,
    config: ImageConfig,
    platform: Platform,
    *,
    diff_id: str = "",
    warnings: Iterable[str] = (),
) -> Image:
    """Make the image of one layer, whose names are literal: `.wh.x` in it is a file, and no device is a whiteout.

    Of `config`, what a container gets (environment, user, command) is kept; its layers and its history are of other
    bytes. `layer` is as it is stored.
    """
    own = msgspec.structs.replace(
        config,
        os=platform.os,
        architecture=platform.architecture,
        variant=platform.variant or None,
        rootfs=RootfsIds([diff_id] if diff_id else []),
        history=None,
    )
    return Image(
        reference=reference,
        source=source,
        config=own,
        platform=platform,
        layers=(msgspec.structs.replace(layer, diff_id=diff_id, literal=True),),
        warnings=tuple(warnings),
    )
