"""Bounds on all images of one archive together."""

from __future__ import annotations

import pytest

from inspector.errors import LimitExceeded
from inspector.sources.access import Unread
from inspector.sources.assemble import MAX_IMAGES, MAX_PLACED, all_within
from inspector.sources.image import Image, Layer
from tests.support import config_of


def image(layers: int) -> Image:
    layer = Layer(diff_id="x", blob=Unread(), digest=None, stored_size=0, compressed=False, created_by=None)
    config = config_of()
    return Image(
        reference="x",
        source="x",
        image_id=None,
        config=config,
        platform=config.platform,
        layers=(layer,) * layers,
    )


def test_as_many_as_real_archives_have() -> None:
    assert len(all_within((image(MAX_PLACED // MAX_IMAGES) for _ in range(MAX_IMAGES)), "x.tar")) == MAX_IMAGES


def test_more_images_are_refused_and_not_made() -> None:
    made: list[Image] = []

    def make(_: int) -> Image:
        made.append(image(1))
        return made[-1]

    def images() -> list[Image]:
        return all_within(map(make, range(MAX_PLACED)), "x.tar")

    with pytest.raises(LimitExceeded, match=r"x\.tar: more than 1000 images together; name one of them"):
        images()
    assert len(made) == MAX_IMAGES + 1


def test_more_layers_of_fewer_images_are_refused() -> None:
    large = image(900)
    with pytest.raises(LimitExceeded, match="more than 50000 layers of images together"):
        all_within((large for _ in range(MAX_IMAGES)), "x.tar")
