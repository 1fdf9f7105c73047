"""The lab's images on the fleet of the documentation, by what an engine has of them."""

from __future__ import annotations

import pytest

from inspector.pipeline import Options, inspect
from inspector.report.fleet import Matrix, matrix
from tests.lab import engine
from tests.lab.conftest import ROLES
from tests.report.fleets import FLEET, documented

GPU_WORKER = "ktrdr-worker-gpu:test"


def shown(found: Matrix, name: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """What the matrix says of an image: verdict and causes on each host."""
    (fleet,) = found.fleets
    (row,) = (each for each in fleet.images if each.name == name)
    return [(each.verdict, [(cause.stage, cause.reason) for cause in each.causes]) for each in row.hosts]


@pytest.mark.usefixtures("roles")
@pytest.mark.parametrize("name", [*ROLES, GPU_WORKER])
def test_the_documented_row_is_that_of_the_image(name: str) -> None:
    if not engine.has_image(name):
        pytest.skip(f"the lab has no {name}")  # of 6 GB, which CI does not make
    facts = inspect(f"docker:{name}", Options(cache=None))
    assert shown(matrix([facts], [FLEET]), name) == shown(documented(), name)
