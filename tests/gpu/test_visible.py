"""`CUDA_VISIBLE_DEVICES` against what a real driver left of one GPU."""

from __future__ import annotations

import json

import pytest

from inspector.gpu.visible import Visible, visible
from tests.runtime.test_recorded import CASES

ALONE = {
    case["env"]["CUDA_VISIBLE_DEVICES"]: case["counts"]["raw"]
    for case in CASES.values()
    if list(case["env"]) == ["CUDA_VISIBLE_DEVICES"]
}


@pytest.mark.parametrize("value", ALONE, ids=json.dumps)
def test_as_the_driver_of_an_h100(value: str) -> None:
    found = visible(value, 1)
    assert found.positions is None or len(found.positions) == ALONE[value]
    assert (found.positions is None) is value.startswith(("GPU-", "MIG-"))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("1,0", Visible((1, 0))),
        ("0,1,9,0", Visible((0, 1))),
        ("1,1", Visible((), 101)),
        ("99999999999999999999", Visible(())),
        ("0,GPU-1", Visible(None)),
    ],
)
def test_two_gpus(value: str, found: Visible) -> None:
    assert visible(value, 2) == found
