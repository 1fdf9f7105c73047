"""Facts of one content, less what honestly differs where it is had in another way."""

from __future__ import annotations

from typing import Any

import msgspec

from inspector.facts import Evidence, ImageFacts, Size

NOWHERE = Evidence(bytes_read=0, layers_read=0, layers_cached=0, digests_verified=False, how="")


def comparable(facts: ImageFacts) -> ImageFacts:
    """The facts less what honestly differs: where the bytes came from, how they were stored and read."""
    layers = tuple(
        msgspec.structs.replace(layer, digest=None, compressed_size=None, cached=False) for layer in facts.layers
    )
    return msgspec.structs.replace(
        facts,
        reference="",
        source="",
        size=Size(facts.size.uncompressed, None),
        layers=layers,
        evidence=NOWHERE,
        tags=(),
        manifest_digest=None,
    )


def without_layers(facts: ImageFacts) -> dict[str, Any]:
    """The facts less what a root file system has not: digests, layers, and the steps that made them."""

    def less(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: less(each) for key, each in value.items() if key not in ("layer", "layers", "created_by")}
        return [less(each) for each in value] if isinstance(value, list | tuple) else value

    found = less(msgspec.to_builtins(comparable(facts)))
    return {key: value for key, value in found.items() if key not in ("image_id", "size")}
