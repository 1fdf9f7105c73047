"""What a run showed against the role: only a computation that came out right on a GPU passes where CUDA is demanded."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from inspector.facts.runtime import Device, Failure, RuntimeFacts
from inspector.policy.judge import judge, judge_run
from inspector.policy.model import Outcome
from tests.policy.cases import A10, CPU, CUDA, DOCKERFILE, NO_TORCH, RUN_CPU, RUN_CUDA, finding, findings, image, role

DEMAND = role(torch="cuda", cuda_runtime="demand")
REPORT = role(torch="cuda", cuda_runtime="report")
NO_GPU = RuntimeFacts(ran=False, why_not="no GPU")
ON_CPU = replace(RUN_CUDA, gpu=False, is_available=False, computed=None, devices=(), driver=None)
SILENT = RuntimeFacts(ran=True, gpu=True, error=Failure("Killed", "out of memory"))
FAILING = RuntimeFacts(ran=True, gpu=True, imported=False, error=Failure("OSError", "libcudart.so.12: no such file"))
UNAVAILABLE = replace(RUN_CUDA, is_available=False, computed=None, devices=())
WRONG = replace(RUN_CUDA, computed=False)
NOT_COMPUTED = replace(RUN_CUDA, computed=None)
OLD_DRIVER = replace(UNAVAILABLE, driver="470.82.01")
SAID_OLD = replace(
    UNAVAILABLE, error=Failure("RuntimeError", "The NVIDIA driver on your system is too old (found version 11040).")
)
NO_DRIVER = replace(UNAVAILABLE, driver=None, error=Failure("RuntimeError", "Found no NVIDIA driver on your system."))
CPU_BUILD = replace(UNAVAILABLE, cuda=None, torch="2.6.0+cpu")
BLACKWELL = Device(name="NVIDIA B200", capability="10.0", memory=180_000_000_000)
NO_KERNEL = replace(
    RUN_CUDA,
    devices=(BLACKWELL,),
    computed=False,
    error=Failure("RuntimeError", "CUDA error: no kernel image is available for execution on the device"),
)


@pytest.mark.parametrize(
    ("run", "outcome", "says"),
    [
        (None, "unknown", "not verified here: no container was run"),
        (NO_GPU, "unknown", "not verified here: no GPU"),
        (RuntimeFacts(ran=False), "unknown", "not verified here: no container was run"),
        (ON_CPU, "unknown", "not verified here: no GPU"),
        (replace(ON_CPU, is_available=True, computed=True), "unknown", "not verified here: no GPU"),
        (SILENT, "unknown", "the container told nothing of torch: Killed: out of memory"),
        (replace(RUN_CUDA, is_available=None), "unknown", "torch did not say whether CUDA is available"),
        (NOT_COMPUTED, "unknown", "nothing was computed"),
        (RUN_CUDA, "pass", "CUDA is available: NVIDIA A10 (compute capability 8.6, 23.0 GB), driver 550.54.15; a comp"),
        (WRONG, "fail", "a computation came out wrong"),
        (NO_KERNEL, "fail", "computing fails: RuntimeError: CUDA error: no kernel image"),
        (FAILING, "fail", "`import torch` fails: OSError: libcudart.so.12: no such file"),
        (UNAVAILABLE, "fail", "torch finds no GPU that it can use, driver 550.54.15"),
        (OLD_DRIVER, "fail", "the driver (470.82.01) is too old for CUDA 12.4"),
        (SAID_OLD, "fail", "is too old for CUDA 12.4: RuntimeError: The NVIDIA driver on your system is too old"),
        (NO_DRIVER, "fail", "the container has no driver: RuntimeError: Found no NVIDIA driver"),
        (CPU_BUILD, "fail", "torch 2.6.0+cpu is no CUDA build"),
    ],
)
def test_a_demand_for_cuda(run: RuntimeFacts | None, outcome: Outcome, says: str) -> None:
    facts = image(CUDA, runtime=run)
    found = finding(facts, DEMAND, "cuda-runtime")
    assert found.outcome == outcome
    assert says in found.message
    assert (judge(facts, DEMAND).outcome == "pass") == (outcome == "pass")


@pytest.mark.parametrize("run", [None, NO_GPU, ON_CPU])
def test_a_cpu_build_needs_no_gpu_to_fail_a_demand_for_cuda(run: RuntimeFacts | None) -> None:
    found = finding(image(CPU, runtime=run), DEMAND.replaced(torch="any"), "cuda-runtime")
    assert (found.outcome, found.category) == ("fail", "CODE_BUG")
    assert found.message == "CUDA can't be used on this host: torch is a CPU build"


@pytest.mark.parametrize(
    ("run", "category", "advice"),
    [
        (NO_GPU, "ENVIRONMENT", "Whether a GPU is usable shows only on a GPU host whose engine hands it"),
        (NO_DRIVER, "ENVIRONMENT", "The host's driver does not reach the container: set up nvidia-container-toolkit"),
        (OLD_DRIVER, "ENVIRONMENT", f"Update the host's NVIDIA driver, or {DOCKERFILE}: inject the PyTorch source"),
        (CPU_BUILD, "CODE_BUG", f"{DOCKERFILE}: inject the CUDA PyTorch source (look for `pytorch-cu`)"),
        (UNAVAILABLE, "ENVIRONMENT", "Look at the host: `nvidia-smi`, the kernel's log, then `docker run"),
        (WRONG, "ENVIRONMENT", "Look at the host: `nvidia-smi`"),
        (
            NO_KERNEL,
            "CODE_BUG",
            f"{DOCKERFILE}: lock a torch that was built for these GPUs (compute capability 10.0), or deploy on others",
        ),
        (FAILING, "CODE_BUG", f"{DOCKERFILE}: partial torch install"),
    ],
)
def test_what_to_do_where_cuda_is_demanded(run: RuntimeFacts, category: str, advice: str) -> None:
    found = finding(image(CUDA, runtime=run), DEMAND.replaced(procedure=True), "cuda-runtime")
    assert found.category == category
    assert found.advice.startswith(advice)


def test_the_driver_that_is_wanted_is_named() -> None:
    found = finding(image(CUDA, runtime=OLD_DRIVER), DEMAND, "cuda-runtime")
    assert (found.expected, found.actual) == ("driver 525 or newer", "driver 470.82.01")
    newer = replace(OLD_DRIVER, cuda="13.0", driver="570.86.10")
    facts = image(replace(CUDA, cuda="13.0"), runtime=newer)
    assert finding(facts, DEMAND, "cuda-runtime").expected == "driver 580 or newer"
    unheard_of = replace(OLD_DRIVER, cuda="99.0")
    assert finding(image(CUDA, runtime=unheard_of), DEMAND, "cuda-runtime").actual == "not available"


@pytest.mark.parametrize(
    ("run", "says"),
    [
        (None, "whether CUDA is available depends on the host: not verified here: no container was run"),
        (NO_GPU, "whether CUDA is available depends on the host: not verified here: no GPU"),
        (ON_CPU, "whether CUDA is available depends on the host: not verified here: no GPU"),
        (RUN_CUDA, "CUDA is available on this host: NVIDIA A10"),
        (UNAVAILABLE, "CUDA can't be used on this host: torch finds no GPU"),
        (OLD_DRIVER, "CUDA can't be used on this host: the driver (470.82.01) is too old"),
        (SILENT, "not verified here: the container told nothing of torch"),
    ],
)
def test_what_depends_on_the_host_is_told_and_judges_nothing(run: RuntimeFacts | None, says: str) -> None:
    found = finding(image(CUDA, runtime=run), REPORT, "cuda-runtime")
    assert (found.outcome, found.category, found.advice) == ("pass", None, "")
    assert says in found.message


def test_a_role_that_says_nothing_of_the_run_time_has_no_such_finding() -> None:
    for run in (None, NO_GPU, RUN_CUDA, UNAVAILABLE):
        assert findings(judge(image(CUDA, runtime=run), role(torch="cuda")), "cuda-runtime") == []


def test_a_rule_of_the_wrong_type_is_a_demand() -> None:
    """Values are not checked when they are made, and what can't be read must not be taken for leave."""
    assert judge(image(CUDA), role(torch="cuda", cuda_runtime=True)).outcome == "unknown"


def test_a_gpu_that_torch_has_no_code_for_is_told() -> None:
    run = replace(RUN_CUDA, devices=(A10, BLACKWELL))
    found = finding(image(CUDA, runtime=run), REPORT, "gpu-architecture")
    assert found.outcome == "warn"
    assert found.message == (
        "torch has no kernels for NVIDIA B200 (compute capability 10.0, 180 GB); built for sm_50, sm_80, sm_86, sm_90"
    )
    assert judge(image(CUDA, runtime=RUN_CUDA), REPORT).outcome == "pass"
    assert judge(image(CUDA, runtime=run), REPORT).outcome == "warn"


def test_alike_gpus_are_counted() -> None:
    found = finding(image(CUDA, runtime=replace(RUN_CUDA, devices=(A10, A10))), DEMAND, "cuda-runtime")
    assert "2 x NVIDIA A10" in found.message


@pytest.mark.parametrize(
    ("torch", "run", "outcome"),
    [
        (CUDA, RUN_CUDA, "pass"),
        (CUDA, ON_CPU, "unknown"),
        (CUDA, NO_GPU, "unknown"),
        (CUDA, None, "unknown"),
        (CUDA, UNAVAILABLE, "fail"),
        (CUDA, SILENT, "unknown"),
        (CPU, RUN_CPU, "pass"),
        (CPU, replace(SILENT, gpu=False), "unknown"),
        (CPU, NO_GPU, "unknown"),
        (CPU, None, "unknown"),
        (CPU, RUN_CUDA, "fail"),
        (NO_TORCH, RUN_CPU, "fail"),
    ],
)
def test_a_run_alone_is_judged_without_a_role(torch: Any, run: RuntimeFacts | None, outcome: Outcome) -> None:
    result = judge_run(image(torch, runtime=run))
    assert (result.role, result.outcome) == (None, outcome)
