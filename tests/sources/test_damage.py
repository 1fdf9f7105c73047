"""Whatever is damaged in an outer container, there are the true images or an error of ours, never anything else."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from fixtures.forms import FORMS
from inspector.errors import InspectorError
from inspector.reference import parse_reference
from inspector.sources import open_images
from tests.effort import examples
from tests.sources.samples import API, WORKER, opened, read

ARCHIVES = ["docker-24", "docker-24-gzip", "docker-24-zstd", "docker-25", "containerd-gzip", "podman", "oci-archive"]
TRUE = {image.image_id: [list(step.tree) for step in image.steps if step.tree is not None] for image in (API, WORKER)}
"""The paths in each layer of what is written."""


@cache
def whole(form: str) -> bytes:
    with TemporaryDirectory() as folder:
        FORMS[form](Path(folder) / "it", [API, WORKER])
        return (Path(folder) / "it").read_bytes()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """An archive with some bytes replaced, cut out or put in, or its end cut off."""
    content = bytearray(whole(draw(st.sampled_from(ARCHIVES))))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        size = draw(st.sampled_from([0, 1, 8, 512, 1024]))
        content[at : at + size] = draw(st.binary(max_size=16) | st.just(bytes(size)))
    return bytes(content[: draw(st.just(len(content)) | st.integers(0, len(content)))])


@examples(150)
@given(content=damaged(), piped=st.booleans())
def test_damage_is_always_met(content: bytes, *, piped: bool) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "it"
        path.write_bytes(content)
        try:
            images = open_images(parse_reference("-"), stdin=io.BytesIO(content)) if piped else opened(path)
            found = {image.image_id: read(image) for image in images}
        except InspectorError as error:
            assert "\n" not in str(error)  # noqa: PT017 - success is as good as this error
            return
    assert found
    for image_id, layers in found.items():
        assert layers == TRUE[str(image_id)]
