"""Many images of a registry that are known by content, judged by a changed policy; and without the registry.

The registry is one of the tests', which counts what it is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bench.measure import Failed, measure
from bench.table import Beside, Row
from bench.tools import Tools
from fixtures.roles import right_images
from inspector.testing.registry import FakeRegistry

IMAGES = 1000
_REPOSITORY = "team/known"
_BEFORE = '[roles.any]\nmatch = ["*"]\ntorch = "absent"\n'
_CHANGED = '[roles.any]\nmatch = ["*"]\ntorch = "absent"\nmax-size = "20GB"\n'


def known_rows(tools: Tools, images: int = IMAGES) -> Iterator[Row]:
    """Audit so many images for the first time, then by a changed policy, which may cost one HEAD an image, no more.

    Raises `Failed` where it costs other requests.
    """
    first, changed = (tools.folder / f"{name}.toml" for name in ("first", "changed"))
    first.write_text(_BEFORE, "utf-8")
    changed.write_text(_CHANGED, "utf-8")
    with FakeRegistry() as registry:
        image = right_images()["backend-prod"]
        for number in range(images):
            registry.push(_REPOSITORY, f"1.{number}", replace(image, labels={"number": f"{number}"}))
        words = [tools.inspector, "audit", f"{registry.host}/{_REPOSITORY}", "-q"]
        words += ["--cache-dir", str(tools.folder / "many"), "--policy"]
        yield Row(f"audit of {images:,} images, nothing known", measure([*words, f"{first}"], times=1, env={}))
        before = len(registry.asked)
        again = Row(
            f"audit of {images:,} known images, the policy changed: their HEADs alone",
            measure([*words, f"{changed}"], times=1, env={}),
            files=images,
        )
        _expect_heads(registry.paths()[before:], images)
        yield again
        before = len(registry.asked)
        alone = measure([*words, f"{changed}", "--known"], times=1, env={})
        if registry.paths()[before:]:
            raise Failed(f"audit --known asked the registry for {registry.paths()[before]}")
        job = f"audit --known of {images:,} images, the policy changed: no request"
        yield Row(job, alone, files=images, beside=Beside(run=again.seconds))


def _expect_heads(asked: list[str], images: int) -> None:
    """Raise `Failed` unless each image cost one HEAD; the list of tags and the registry's greeting come besides."""
    of_images = [path for path in asked if "/manifests/" in path or "/blobs/" in path]
    heads = sum(path.startswith("HEAD ") for path in of_images)
    if (heads, len(of_images)) != (images, images):
        raise Failed(f"{images} known images cost {heads} HEADs and {len(of_images) - heads} other requests")
