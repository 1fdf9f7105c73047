"""The facts of a container beside those of its image."""

from __future__ import annotations

from typing import Any

from inspector.facts import ImageFacts


def plain(facts: ImageFacts) -> Any:
    """The facts less what a container honestly lacks: its image's names and digests, and which layer brought what."""

    def stripped(value: Any) -> Any:
        if isinstance(value, dict):
            left_out = ("layer", "layers", "created_by")
            return {key: stripped(each) for key, each in value.items() if key not in left_out}
        return [stripped(each) for each in value] if isinstance(value, list | tuple) else value

    found = facts.to_dict()
    for key in ("reference", "source", "image_id", "tags", "manifest_digest", "size", "evidence"):
        found.pop(key, None)
    return stripped(found)
