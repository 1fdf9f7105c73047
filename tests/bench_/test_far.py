"""The simulated registry that answers late, as an audit sees it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="peak memory of a child is told by POSIX only")

from bench.far import Fleet, plan_once

pytestmark = pytest.mark.thorough

FLEET = Fleet(repositories=12, tags=4, images=2)


def test_the_requests_of_a_plan(tmp_path: Path) -> None:
    """One of them asks which scheme is spoken; the next plan asks for no manifest and no config."""
    inspector = [sys.executable, "-m", "inspector"]
    first, again = (plan_once(inspector, FLEET, 4, delay=0.005, cache=tmp_path) for _ in range(2))
    assert first.requests == FLEET.requests + 1
    assert again.requests == first.requests - 2 * FLEET.images * FLEET.repositories
    assert max(first.most, again.most) <= 4
    assert first.bound == first.requests * 0.005 / 4
