"""Code for GPUs against GPUs, as CUDA's rules of compatibility have it."""

from __future__ import annotations

import pytest

from inspector.gpu.code import runs_on
from inspector.unknown import Tri

WHEEL = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120", "compute_120")
"""What a wheel for CUDA 12.8 tells."""


@pytest.mark.parametrize(
    ("capability", "architectures", "answer"),
    [
        ("8.6", WHEEL, "yes"),
        ("8.9", WHEEL, "yes"),  # sm_86, of the same major version
        ("8.7", ("sm_80",), "unknown"),  # Orin: torch warns, and runs have worked
        ("8.0", ("sm_86",), "no"),  # an older minor version
        ("7.0", WHEEL, "no"),
        ("6.1", WHEEL, "no"),
        ("11.0", WHEEL, "no"),  # no sm_11x, and PTX of a newer one
        ("12.1", WHEEL, "yes"),
        ("13.0", WHEEL, "yes"),  # compiled from the PTX
        ("13.0", ("sm_120",), "no"),
        ("9.0", ("sm_80", "compute_80"), "yes"),
        ("9.0", ("sm_90a",), "yes"),
        ("9.1", ("sm_90a", "compute_90a"), "no"),
        ("10.3", ("sm_100f",), "yes"),
        ("10.3", ("compute_100f",), "yes"),
        ("12.0", ("compute_100f",), "no"),
        ("10.0", ("sm_103f",), "no"),
        ("12.0", ("sm_12", "compute_12"), "yes"),  # 1.2, as two digits are read: PTX for all later ones
        ("9.0", ("gfx90a", "gfx942"), "unknown"),
        ("9.0", ("sm_80", "sm_new"), "unknown"),
        ("8.0", ("sm_80", "sm_new"), "yes"),
        ("9.0", (), "unknown"),
        ("", WHEEL, "unknown"),
        ("9", WHEEL, "unknown"),
    ],
)
def test_which_gpus_can_run_the_code(capability: str, architectures: tuple[str, ...], answer: Tri) -> None:
    assert runs_on(capability, architectures) == answer
