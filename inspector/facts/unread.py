"""The facts of an image of which no layer was read: what its manifest and its config say, and no more."""

from __future__ import annotations

from inspector.facts.model import Evidence, ImageFacts, LayerFacts, Size
from inspector.python.model import Startup
from inspector.sources.image import Image, Layer
from inspector.torchbuild.model import Torch
from inspector.unknown import Importable, Unknown

HOW = "manifest"
"""`Evidence.how` of such facts."""
_WHY = "no layer was read"


def unread(image: Image) -> ImageFacts:
    """Gather what is known of `image` before its first layer; all that depends on files is unknown."""
    stored = [layer.stored_size for layer in image.layers if layer.compressed]
    return ImageFacts(
        reference=image.reference,
        source=image.source,
        image_id=image.image_id,
        platform=image.platform,
        size=Size(image.size, sum(stored) if len(stored) == len(image.layers) else None),
        layers=tuple(map(_layer, image.layers)),
        startup=Startup(argv=(*image.config.entrypoint, *image.config.cmd), path=None, starts="unknown"),
        interpreter=Unknown(_WHY),
        distributions=Unknown(_WHY),
        torch=Torch(installed=False, importable=Importable.UNKNOWN, reasons=(_WHY,), size=None),
        torch_elsewhere=Unknown(_WHY),
        warnings=image.warnings,
        evidence=Evidence(bytes_read=0, layers_read=0, layers_cached=0, digests_verified=False, how=HOW),
        tags=image.tags,
        manifest_digest=image.manifest_digest,
    )


def _layer(layer: Layer) -> LayerFacts:
    return LayerFacts(
        diff_id=layer.diff_id,
        digest=layer.digest if layer.compressed else layer.diff_id or None,
        size=None,
        compressed_size=layer.stored_size if layer.compressed else None,
        created_by=layer.created_by,
        entries=None,
        cached=False,
    )
