"""GPUs by the names that nvidia-smi, clouds and shops give them."""

from __future__ import annotations

import pytest

from inspector.gpu.drivers import comes_up, cuda_of, drives
from inspector.gpu.models import MODELS, gpu_named


@pytest.mark.parametrize(
    ("name", "capability"),
    [
        ("NVIDIA H100 80GB HBM3", (9, 0)),
        ("NVIDIA A100-SXM4-80GB", (8, 0)),
        ("NVIDIA A100-PCIE-40GB MIG 1g.5gb", (8, 0)),
        ("NVIDIA RTX 6000 Ada Generation", (8, 9)),
        ("NVIDIA RTX A6000", (8, 6)),
        ("Quadro RTX 6000", (7, 5)),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", (12, 0)),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", (8, 9)),
        ("NVIDIA GeForce GTX 1660 SUPER", (7, 5)),
        ("Tesla T4", (7, 5)),
        ("Jetson Orin Nano", (8, 7)),
        ("Orin", (8, 7)),
        ("8.6", (8, 6)),
        ("12.1", (12, 1)),
    ],
)
def test_names(name: str, capability: tuple[int, int]) -> None:
    found = gpu_named(name)
    assert found is not None
    assert found.capability == capability


@pytest.mark.parametrize("name", ["", "GPU", "RTX 6000", "RTX 4000", "A1000000", "MI300X", "8", "8.6.1"])
def test_names_that_could_be_several_or_none(name: str) -> None:
    assert gpu_named(name) is None


def test_each_model_is_found_by_its_own_name() -> None:
    for _, gpu in MODELS:
        found = gpu_named(gpu.name)
        assert found is not None, gpu.name
        assert (found.capability, found.kind) == (gpu.capability, gpu.kind), gpu.name


def test_drivers() -> None:
    assert (cuda_of("535.183.01"), cuda_of("572.1"), cuda_of("999")) == ("12.2", "12.8", "13.3")
    assert (comes_up("12.8", "525.60.13"), comes_up("12.8", "525.60.12"), comes_up("13.0", "575.57.08")) == (
        True, False, False,
    )  # fmt: skip
    assert (comes_up("99.0", "580.1"), comes_up("10.2", "440.33"), comes_up("10.2", "430.1")) == (None, True, False)
    assert (drives("580.1", (7, 0)), drives("590.1", (7, 0)), drives("535.1", (12, 0))) == (True, False, False)
