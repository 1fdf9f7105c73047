"""What a run on this machine's GPUs should find, from the image's files and what the kernel tells of the GPUs."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from inspector.facts import ImageFacts
from inspector.facts.runtime import Device, Predicted, RuntimeFacts
from inspector.gpu.image import ImageGpu, Kernels
from inspector.runtime.host import Host, Offer
from inspector.runtime.run import with_prediction
from inspector.unknown import Unknown
from tests.gpu.test_cases import IMAGE_13_1, PYPI
from tests.policy.cases import CUDA, ROCM, image
from tests.runtime.acting import engine

GPUS = Offer(vendor="nvidia", way="gpus")
CDI = Offer(vendor="nvidia", way="cdi", names=("nvidia.com/gpu=all",))
A10 = Device(name="NVIDIA A10", capability="8.6", memory=1 << 34)
GPU = ImageGpu(build="cuda", cuda="13.0", architectures=PYPI)
RAN = RuntimeFacts(ran=True, gpu=True, imported=True, is_available=True, driver="580.95.05", devices=(A10,))


def expected(
    monkeypatch: pytest.MonkeyPatch,
    run: RuntimeFacts = RAN,
    gpu: ImageGpu | None = GPU,
    facts: ImageFacts | None = None,
    **host: Any,
) -> Predicted | None:
    known = Host(**{"nvidia": CDI, "amd": Unknown("none"), **host})
    with engine(monkeypatch) as (_, ours):
        found = with_prediction(replace(facts or image(CUDA), gpu=gpu), run, ours, known)
    assert replace(found, predicted=None) == run
    return found.predicted


def test_a_gpu_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    found = expected(monkeypatch)
    assert found == Predicted(verdict="works", reason="CUDA 13.0 works on NVIDIA A10", available=True)


def test_torch_alone_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Kernels(distribution="xformers", version="0.0.35", fits="no", reason="never")
    found = expected(monkeypatch, gpu=replace(GPU, kernels=(broken,)))
    assert found is not None
    assert found.verdict == "works"


def test_where_torch_sees_none_the_kernel_names_the_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    run = replace(RAN, is_available=False, devices=(), driver="570.86.15")
    found = expected(monkeypatch, run, gpus=("NVIDIA A10",))
    assert found is not None
    assert (found.verdict, found.available) == ("fails", False)
    assert "too old" in found.reason


def test_one_gpu_of_two_has_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    v100 = Device(name="Tesla V100-SXM2-16GB", capability="7.0", memory=1 << 34)
    found = expected(monkeypatch, replace(RAN, devices=(A10, v100)))
    assert found is not None
    assert (found.verdict, found.available) == ("fails", True)
    assert "Tesla V100" in found.reason


def test_two_ways_of_injection_may_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu, run = replace(GPU, environment=IMAGE_13_1), replace(RAN, devices=(replace(A10, name="RTX 4090"),))
    found = expected(monkeypatch, run, gpu, nvidia=GPUS)
    assert found is not None
    assert found.available is None
    assert "start is refused" in found.reason


@pytest.mark.parametrize(
    "changes",
    [
        {"run": replace(RAN, ran=False)},
        {"run": replace(RAN, gpu=False)},
        {"run": replace(RAN, driver=None)},
        {"run": replace(RAN, devices=())},
        {"gpu": None},
        {"nvidia": Unknown("no GPU")},
        {"facts": image(ROCM), "amd": Offer(vendor="amd", way="nodes")},
    ],
)
def test_nothing_is_expected_where_something_is_not_known(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert expected(monkeypatch, **changes) is None
