"""The plan of an audit takes time in proportion to its images and layers."""

from __future__ import annotations

from contextlib import closing

import pytest

from inspector.oci import Descriptor
from inspector.pipeline.executor import Unit
from inspector.pipeline.pending import Pending
from inspector.pipeline.work_queue import WorkQueue
from inspector.policy.audited import Planned
from tests.support import config_of

LAYERS = 5


def unit(number: int) -> Unit:
    digest = f"sha256:{number:064x}"
    descriptor = Descriptor(digest=digest, size=1, media_type="")
    return Unit(host="h", repository="r", descriptor=descriptor, diff_id=digest)


def pending(number: int) -> Pending:
    config = config_of()
    units = tuple(unit(number * 3 + at) for at in range(LAYERS))
    return Pending(
        repository="h/r",
        digest=f"sha256:{number:064x}",
        image_id=f"sha256:{number:064x}",
        config=config,
        platform=config.platform,
        units=units,
        steps=(None,) * LAYERS,
    )


def steps_of_plan(images: int) -> int:
    """Steps of SQLite's machine, in hundreds."""
    with closing(WorkQueue()) as queue:
        for number in range(images):
            queue.add(pending(number), f"h/r:{number}", needs=True)
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 1
            return 0

        queue._database.set_progress_handler(count, 100)
        plan = queue.plan(Planned())
        queue._database.set_progress_handler(None, 0)
        assert (plan.images, plan.layers) == (images, (images - 1) * 3 + LAYERS)
        return steps


def test_twice_the_images_take_about_twice_the_steps() -> None:
    assert steps_of_plan(1000) / steps_of_plan(500) == pytest.approx(2, rel=0.3)
