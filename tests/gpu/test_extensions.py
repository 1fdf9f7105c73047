"""What is predicted of a GPU on which torch works, and another package does not."""

from __future__ import annotations

import pytest

from inspector.gpu.hosts import Host
from inspector.gpu.image import ImageGpu, Kernels
from inspector.gpu.predict import predict
from inspector.gpu.prediction import Prediction
from inspector.unknown import Unknown
from tests.gpu.test_cases import PYPI

FITS = Kernels(distribution="torchvision", version="0.29.1", cuda="13.0", architectures=PYPI, fits="yes")
NEVER = "OSError: libcudart.so.12: cannot open shared object file: No such file or directory"
XFORMERS = Kernels(
    distribution="xformers", version="0.0.35", torch="2.10.0+cu128", cuda="12.8", fits="no", reason=NEVER
)


def one(gpu: str, *kernels: Kernels, driver: str = "580.95.05") -> Prediction:
    """What is predicted of an image with PyPI's torch for CUDA 13.0 and these packages."""
    image = ImageGpu(build="cuda", cuda="13.0", architectures=PYPI, kernels=kernels)
    (found,) = predict(image, Host(name="host", driver=driver, gpus=(gpu,), injection="cdi"))
    return found.by_mode["cdi"]


def test_packages_that_fit_change_nothing() -> None:
    assert one("T4", FITS) == one("T4")
    assert one("T4", FITS).verdict == "works"


def test_20_a_symbol_of_another_torch() -> None:
    reason = "OSError: undefined symbol: _ZN3c1010of_anotherEv: built for another torch"
    old = Kernels(
        distribution="torchvision", version="0.28.0", torch="2.13.0", cuda="13.0", architectures=PYPI,
        fits="no", reason=reason, path="/site/torchvision/_C.so",
    )  # fmt: skip
    found = one("H100", old)
    assert (found.verdict, found.stage, found.available) == ("fails", "extensions", True)
    told = f"torch works, but torchvision 0.28.0 (built for torch 2.13.0, CUDA 13.0) can't be used: {reason}"
    assert (found.reason, found.path) == (told, "/site/torchvision/_C.so")


def test_21_a_library_for_another_cuda() -> None:
    found = one("A10", FITS, XFORMERS)
    assert (found.stage, found.available) == ("extensions", True)
    assert found.reason.startswith(
        "torch works, but xformers 0.0.35 (built for torch 2.10.0+cu128, CUDA 12.8) can't be used: OSError"
    )
    assert found.change == "install a build of xformers for this torch and its CUDA"


def test_what_fails_before_is_told_first() -> None:
    assert one("A10", XFORMERS, driver="570.86.15").stage == "driver"
    assert one("V100", XFORMERS).stage == "code"


@pytest.mark.parametrize(
    ("gpu", "most", "others", "stage", "notes"),
    [
        ("T4", ("sm_80", "sm_90"), (), "extensions", 0),
        ("A10", ("sm_80", "sm_90"), (), "works", 0),
        ("H100", ("sm_80",), ("sm_90a",), "works", 1),
        ("RTX 5090", ("sm_80",), ("sm_90a",), "extensions", 0),
        ("RTX 5090", ("sm_80", "compute_80"), (), "works", 0),
        ("T4", ("sm_80", "kind64_90"), (), "works", 1),
        ("T4", (), (), "works", 1),
    ],
)
def test_kernels_of_its_own(gpu: str, most: tuple[str, ...], others: tuple[str, ...], stage: str, notes: int) -> None:
    package = Kernels(distribution="flash_attn", version="2.8.3", architectures=most, others=others, fits="yes")
    found = one(gpu, package)
    assert (found.stage, len(found.notes)) == (stage, notes)


def test_what_is_not_known_is_noted() -> None:
    package = Kernels(distribution="vllm", version="1", architectures=Unknown("read once"), reason="not tried")
    found = one("T4", package)
    assert found.verdict == "works"
    assert found.notes == (
        "whether vllm 1 fits this torch is not known: not tried",
        "for which GPUs vllm 1 has kernels is not known: read once",
    )


def test_what_packages_there_are_may_not_be_known() -> None:
    image = ImageGpu(build="cuda", cuda="13.0", architectures=PYPI, kernels=Unknown("not listed"))
    (found,) = predict(image, Host(name="host", driver="580.95.05", gpus=("T4",), injection="cdi"))
    assert found.by_mode["cdi"].notes == ("whether other packages with kernels fit is not known: not listed",)
