"""The check of a role's fleet: a finding for each host and cause, with what to change."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from inspector.facts import ImageFacts
from inspector.gpu.hosts import Host
from inspector.gpu.image import Forced, ImageGpu
from inspector.policy.judge import judge
from inspector.policy.model import Finding
from inspector.policy.role import Fleet
from inspector.unknown import Absent, Importable, Unknown
from tests.policy.cases import CPU, CUDA, NO_TORCH, ROCM, finding, findings, image, role

CODE = ("sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_90")
GPU = ImageGpu(build="cuda", cuda="12.4", architectures=CODE)
EDGE = Host(name="edge", driver="535.183.01", gpus=("A10", "Tesla T4"))
NEW = Host(name="new", driver="570.86.15", gpus=("RTX 5090",))
OLD = Host(name="old", driver="470.82.01", gpus=("A10",))


def facts(gpu: ImageGpu | None = GPU, **changes: object) -> ImageFacts:
    return image(replace(CUDA, **changes), gpu=gpu)


def judged(read: ImageFacts, *hosts: Host) -> list[Finding]:
    return findings(judge(read, role(torch="present", fleet=Fleet("gpu", hosts))), "fleet")


def test_every_host_works() -> None:
    (found,) = judged(facts(), EDGE)
    assert (found.outcome, found.message) == ("pass", "torch works on 1 of 1 hosts of the fleet 'gpu': edge")


def test_each_host_that_fails_has_its_finding() -> None:
    new, old, well = judged(facts(), NEW, EDGE, OLD)
    assert [each.outcome for each in (new, old, well)] == ["fail", "fail", "pass"]
    assert (new.subject, old.subject) == ("new: code", "old: driver")
    assert new.message.startswith("new (driver 570.86.15, RTX 5090): torch has no kernels for RTX 5090 (12.0)")
    assert (new.category, old.category) == ("CODE_BUG", "ENVIRONMENT")
    assert "install a torch that was built for it" in new.advice
    assert "use driver 525.60.13 or newer" in old.advice
    assert new.evidence.path == CUDA.path
    assert len({each.id for each in (new, old, well)}) == 3


def test_what_the_profile_leaves_open_is_unknown_with_both_answers() -> None:
    legacy = replace(GPU, environment={"NVIDIA_REQUIRE_CUDA": "cuda>=12.4"})
    (found,) = judged(facts(legacy), EDGE)
    assert (found.outcome, found.subject) == ("unknown", "edge: injection")
    assert "legacy: the start is refused" in found.message
    assert "cdi: CUDA 12.4 works on A10" in found.message
    assert "state `injection` in the profile" in found.advice


def test_the_file_that_decides_is_the_evidence() -> None:
    path = "/usr/local/cuda/compat/libcuda.so.1"
    (found,) = judged(facts(replace(GPU, forced=Forced(path, "530.30.02"))), EDGE)
    assert (found.outcome, found.subject, found.evidence.path) == ("fail", "edge: library", path)


def test_what_is_noted_of_a_failure_stands_behind_it() -> None:
    trap = replace(GPU, environment={"PYTORCH_NVML_BASED_CUDA_CHECK": "1"})
    (found,) = judged(facts(trap), OLD)
    assert "too old for 12.4; PYTORCH_NVML_BASED_CUDA_CHECK=1: is_available() says True" in found.message


def test_a_note_is_a_warning() -> None:
    warned, well = judged(facts(replace(GPU, baked=("/usr/bin/nvidia-smi",))), EDGE)
    assert (warned.outcome, warned.subject, warned.evidence.path) == ("warn", "edge: note", "/usr/bin/nvidia-smi")
    assert well.outcome == "pass"


@pytest.mark.parametrize(
    ("read", "outcome", "said"),
    [
        (image(NO_TORCH, gpu=GPU), "fail", "the image has no torch"),
        (facts(importable=Importable.NO, reasons=("libfoo.so is missing",)), "fail", "libfoo.so is missing"),
        (facts(importable=Importable.UNKNOWN), "unknown", "whether torch can be imported is not known"),
        (image(CUDA, gpu=GPU, interpreter=Absent("no python")), "fail", "no python"),
        (image(CUDA, gpu=GPU, interpreter=Unknown("odd")), "unknown", "whether torch can be imported"),
        (facts(None), "unknown", "was not looked at"),
        (image(ROCM, gpu=ImageGpu(build="rocm")), "fail", "torch is built for ROCm, not CUDA"),
        (image(CPU), "fail", "torch is built for CPU, not CUDA"),
        (facts(replace(GPU, architectures=Unknown("two lists"))), "unknown", "two lists"),
    ],
)
def test_what_no_host_can_mend(read: ImageFacts, outcome: str, said: str) -> None:
    (found,) = judged(read, EDGE)
    assert (found.outcome, said in found.message) == (outcome, True)


def test_a_failure_of_the_host_comes_before_doubts_of_the_import() -> None:
    (found,) = judged(facts(importable=Importable.UNKNOWN), OLD)
    assert (found.outcome, found.subject) == ("fail", "old: driver")


def test_many_gpus_are_named_as_some_and_a_number() -> None:
    models = (*(f"RTX {n}" for n in (5050, 5060, 5070, 5080, 5090)), "GB10")
    many = Host(name="many", driver="580.95.05", gpus=models)
    (found,) = judged(facts(), many)
    assert "RTX 5090 and 1 more)" in found.message


def test_the_host_decides_where_a_fleet_is_named() -> None:
    stated = {"torch": "cuda", "cuda_runtime": "report"}
    told = finding(facts(), role(**stated, fleet=Fleet("gpu", (EDGE,))), "cuda-runtime")
    assert (told.outcome, "judged for the fleet 'gpu'" in told.message) == ("pass", True)
    assert "not verified here" in finding(facts(), role(**stated), "cuda-runtime").message


def test_amd_s_gpus_are_stated_by_target() -> None:
    amd = Host(name="mi300", driver="6.4", gpus=("gfx942",))
    (found,) = judged(image(CPU), amd)
    assert (found.outcome, "torch is built for CPU, not ROCm" in found.message) == ("fail", True)
    assert "install a ROCm build of torch" in found.advice
    rocm = ImageGpu(build="rocm", hip="6.4.1", architectures=("gfx942",))
    assert judged(image(ROCM, gpu=rocm), amd)[0].outcome == "pass"


def test_nothing_is_said_without_a_fleet() -> None:
    assert findings(judge(facts(), role(torch="cuda")), "fleet") == []
