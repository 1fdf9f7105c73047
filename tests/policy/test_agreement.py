"""Static facts against a run: a disagreement can never pass, and what is not known is none."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from inspector.facts.runtime import Failure, Predicted, RuntimeFacts
from inspector.gpu.image import ImageGpu
from inspector.policy.judge import judge
from inspector.policy.rules.static_vs_runtime import disagreements, unexpected
from inspector.policy.runs import run_label
from inspector.torchbuild.model import Torch
from inspector.unknown import Unknown
from tests.policy.cases import (
    CPU,
    CUDA,
    NAMESPACE,
    NO_TORCH,
    ROCM,
    RUN_CPU,
    RUN_CUDA,
    XPU,
    finding,
    findings,
    image,
    role,
)

MISSING = RuntimeFacts(ran=True, imported=False, error=Failure("ModuleNotFoundError", "No module named 'torch'"))
BROKEN = RuntimeFacts(ran=True, imported=False, error=Failure("ImportError", "libtorch_cpu.so: no such file"))
NO_CUDA_DRIVER = replace(BROKEN, error=Failure("ImportError", "libcuda.so.1: cannot open shared object file"))
EMPTY = replace(RUN_CPU, torch=None)
RUN_ROCM = replace(RUN_CPU, torch="2.6.0+rocm6.2", hip="6.2.41134")
RUN_XPU = replace(RUN_CPU, torch="2.6.0+xpu")
CANT = replace(CPU, importable="no", reasons=("torch/_C.so is missing",))
UNSURE = replace(CPU, importable="unknown")


@pytest.mark.parametrize(
    ("torch", "run"),
    [
        (CPU, RUN_CPU),
        (CUDA, RUN_CUDA),
        (CUDA, replace(RUN_CUDA, gpu=False, is_available=False, computed=None)),
        (ROCM, RUN_ROCM),
        (XPU, RUN_XPU),
        (NO_TORCH, MISSING),
        (NAMESPACE, EMPTY),
        (CANT, BROKEN),
        (UNSURE, RUN_CPU),
        (UNSURE, BROKEN),
        (replace(NO_TORCH, importable="unknown"), MISSING),
        (replace(NO_TORCH, importable="unknown"), BROKEN),
        (replace(NO_TORCH, path="/app/torch.py"), BROKEN),
        (replace(NO_TORCH, path="/app/torch.py"), replace(EMPTY, is_available=None)),
        (replace(NO_TORCH, path="/app/torch.py"), replace(EMPTY, torch="8.5", is_available=None)),
        (replace(CUDA, build="unknown"), replace(RUN_CPU, torch=CUDA.version)),
        (replace(CUDA, cuda=None), RUN_CUDA),
        (replace(CPU, version=None), RUN_CPU),
    ],
)
def test_agreement(torch: Torch, run: RuntimeFacts) -> None:
    assert list(disagreements(torch, run)) == []
    found = finding(image(torch, runtime=run), role(), "static-vs-runtime")
    assert found.outcome == "pass"
    assert found.message == f"the run agrees: {run_label(run)}"


@pytest.mark.parametrize(
    ("torch", "run", "points"),
    [
        (CPU, MISSING, ["whether torch can be imported"]),
        (CPU, BROKEN, ["whether torch can be imported"]),
        (NAMESPACE, MISSING, ["whether torch can be imported"]),
        (NAMESPACE, RUN_CPU, ["whether torch is there"]),
        (NO_TORCH, RUN_CPU, ["whether torch can be imported"]),
        (NO_TORCH, EMPTY, ["whether torch can be imported"]),
        (NO_TORCH, BROKEN, ["whether torch is there"]),
        (CANT, RUN_CPU, ["whether torch can be imported"]),
        (CANT, MISSING, ["whether torch is there"]),
        (UNSURE, MISSING, ["whether torch is there"]),
        (CPU, replace(RUN_CPU, torch="2.6.1+cpu"), ["torch's version"]),
        (CPU, EMPTY, ["torch's version"]),
        (UNSURE, replace(RUN_CPU, torch="2.6.1+cpu"), ["torch's version"]),
        (CPU, replace(RUN_CUDA, torch=CPU.version), ["torch's build"]),
        (CUDA, replace(RUN_CPU, torch=CUDA.version), ["torch's build"]),
        (CUDA, replace(RUN_CUDA, cuda="12.6"), ["the CUDA that torch was built for"]),
        (ROCM, replace(RUN_ROCM, hip="6.3"), ["the ROCm that torch was built for"]),
        (ROCM, replace(RUN_CUDA, torch=ROCM.version), ["torch's build", "torch's build"]),
        (XPU, replace(RUN_CUDA, torch=XPU.version), ["torch's build"]),
        (CPU, RUN_CUDA, ["torch's version", "torch's build"]),
    ],
)
@pytest.mark.parametrize("rule", [None, "absent", "cpu", "cuda", "any"])
def test_a_disagreement_never_passes(torch: Torch, run: RuntimeFacts, points: list[str], rule: Any) -> None:
    result = judge(image(torch, runtime=run), role(torch=rule))
    found = findings(result, "static-vs-runtime")
    assert [each.message.partition(":")[0] for each in found] == points
    assert {(each.outcome, each.category) for each in found} == {("fail", "EVIDENCE")}
    assert result.outcome == "fail"


def test_a_disagreement_tells_both_sides() -> None:
    found = finding(image(CPU, runtime=replace(RUN_CPU, torch="2.6.1+cpu")), role(), "static-vs-runtime")
    assert found.message == "torch's version: the files say 2.6.0+cpu, the run says 2.6.1+cpu"
    assert (found.expected, found.actual) == ("2.6.1+cpu", "2.6.0+cpu")
    assert found.advice.startswith("The run is right, the answer from the files is wrong: report it")


@pytest.mark.parametrize("run", [None, RuntimeFacts(ran=False, why_not="no GPU")])
def test_what_was_not_run_says_nothing(run: RuntimeFacts | None) -> None:
    assert findings(judge(image(CPU, runtime=run), role(torch="cpu")), "static-vs-runtime") == []


@pytest.mark.parametrize(
    ("run", "says"),
    [
        (RuntimeFacts(ran=True), "tells nothing of torch: no reason told"),
        (RuntimeFacts(ran=True, error=Failure("Killed", "137")), "tells nothing of torch: Killed: 137"),
        (NO_CUDA_DRIVER, "can't import torch without a GPU's driver: ImportError: libcuda.so.1"),
    ],
)
def test_a_run_that_settles_nothing_is_a_warning(run: RuntimeFacts, says: str) -> None:
    found = finding(image(CUDA, runtime=run), role(torch="cuda"), "static-vs-runtime")
    assert found.outcome == "warn"
    assert says in found.message


def test_a_missing_driver_is_no_excuse_where_a_gpu_was_handed_in() -> None:
    run = replace(NO_CUDA_DRIVER, gpu=True)
    assert finding(image(CUDA, runtime=run), role(), "static-vs-runtime").outcome == "fail"


def test_a_long_error_is_cut_and_on_one_line() -> None:
    run = replace(BROKEN, error=Failure("ImportError", "a\n" * 5000))
    message = finding(image(CPU, runtime=run), role(), "static-vs-runtime").message
    assert "\n" not in message
    assert len(message) < 500


WORKS = Predicted(verdict="works", reason="CUDA 12.4 works on A10", available=True)
TOO_OLD = Predicted(verdict="fails", reason="driver 520 has CUDA 11.8, too old for 12.4", available=False)
NO_CODE = Predicted(verdict="fails", reason="torch has no kernels for A10 (8.6)", available=True)
UNSURE_OF = Predicted(verdict="unknown", reason="which only some GPUs allow")
FAILED = replace(RUN_CUDA, computed=False, error=Failure("RuntimeError", "no kernel image"))
UNSEEN_GPU = replace(RUN_CUDA, is_available=False, computed=None, devices=())


@pytest.mark.parametrize(
    ("run", "predicted"),
    [
        (RUN_CUDA, WORKS),
        (RUN_CUDA, UNSURE_OF),
        (RUN_CUDA, None),
        (FAILED, NO_CODE),
        (FAILED, UNSURE_OF),
        (UNSEEN_GPU, TOO_OLD),
        (UNSEEN_GPU, UNSURE_OF),
    ],
)
def test_a_run_that_is_as_expected(run: RuntimeFacts, predicted: Predicted | None) -> None:
    assert list(unexpected(replace(run, predicted=predicted))) == []


@pytest.mark.parametrize(
    ("run", "predicted", "said"),
    [
        (UNSEEN_GPU, WORKS, "torch.cuda.is_available(): expected was True"),
        (RUN_CUDA, TOO_OLD, "torch.cuda.is_available(): expected was False"),
        (FAILED, WORKS, "whether torch computes on the GPUs: expected was works"),
        (RUN_CUDA, NO_CODE, "whether torch computes on the GPUs: expected was fails"),
    ],
)
def test_a_run_that_is_not_as_expected_is_warned_of(run: RuntimeFacts, predicted: Predicted, said: str) -> None:
    found = finding(image(CUDA, runtime=replace(run, predicted=predicted)), role(), "static-vs-runtime")
    assert found.outcome == "warn"
    assert found.message.startswith(said)


def test_another_list_of_architectures_is_a_mistake_of_ours() -> None:
    gpu = ImageGpu(build="cuda", cuda="12.4", architectures=RUN_CUDA.arch_list)
    assert finding(image(CUDA, runtime=RUN_CUDA, gpu=gpu), role(), "static-vs-runtime").outcome == "pass"
    other = replace(gpu, architectures=("sm_80",))
    found = finding(image(CUDA, runtime=RUN_CUDA, gpu=other), role(), "static-vs-runtime")
    assert (found.outcome, found.expected) == ("fail", "sm_50 sm_80 sm_86 sm_90")
    unread = replace(gpu, architectures=Unknown("not read"))
    assert finding(image(CUDA, runtime=RUN_CUDA, gpu=unread), role(), "static-vs-runtime").outcome == "pass"
