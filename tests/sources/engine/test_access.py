"""What an engine tells of an image, and which build step made which layer."""

from __future__ import annotations

import pytest

from inspector.engine.model import Step
from inspector.oci import ImageConfig, RootfsIds
from inspector.sources.engine.access import with_steps

LAYERS = [f"sha256:{digit * 64}" for digit in "ab"]
CONFIG = ImageConfig(os="linux", architecture="amd64", rootfs=RootfsIds(LAYERS))


@pytest.mark.parametrize(
    ("history", "steps"),
    [
        ([("ADD /", 9), ("ENV A=1", 0), ("RUN b", 4)], ["ADD /", "RUN b"]),
        ([("ADD /", 9), ("RUN true", 0)], [None, None]),  # the second layer is one of these of no bytes, or of none
        ([("ADD /", 9), ("RUN a", 1), ("RUN b", 1)], [None, None]),
        ([], [None, None]),
    ],
)
def test_steps_are_told_only_where_sizes_leave_no_doubt(
    history: list[tuple[str, int]], steps: list[str | None]
) -> None:
    assert with_steps(CONFIG, tuple(Step(*step) for step in history)).build_steps() == steps
