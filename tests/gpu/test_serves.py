"""The line that says which drivers and GPUs an image can serve."""

from __future__ import annotations

import pytest

from inspector.gpu.image import ImageGpu
from inspector.gpu.serves import serves
from inspector.unknown import Unknown
from tests.gpu.test_cases import CU124, PYPI


@pytest.mark.parametrize(
    ("cuda", "code", "line"),
    [
        ("13.0", PYPI, "CUDA 13.0: driver 580.65.06 or newer; T4 … GB10; not V100"),
        ("12.4", CU124, "CUDA 12.4: driver 525.60.13 or newer; GTX 750 … H100; not B200, B300, RTX 50, GB10"),
        ("12.4", ("sm_90a",), "CUDA 12.4: driver 525.60.13 or newer; H100; not L4, B200, B300, RTX 50, GB10"),
        ("12.4", ("sm_99",), "CUDA 12.4: driver 525.60.13 or newer; no GPU"),
        ("12.4", Unknown("not kept"), "CUDA 12.4: driver 525.60.13 or newer; GPUs unknown: not kept"),
        ("77.0", ("sm_90",), "CUDA 77.0: driver not known; H100; not L4, B200, B300, RTX 50, GB10"),
    ],
)  # fmt: skip
def test_cuda(cuda: str, code: tuple[str, ...] | Unknown, line: str) -> None:
    assert serves(ImageGpu(build="cuda", cuda=cuda, architectures=code)) == line


def test_other_builds_have_none() -> None:
    assert serves(ImageGpu(build="cpu")) is None
    assert serves(ImageGpu(build=Unknown("?"), cuda="13.0")) is None
    assert serves(ImageGpu(build="cuda", cuda=Unknown("which?"))) == "not known: which?"
