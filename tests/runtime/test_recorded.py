"""Answers of the probe on a real GPU host (one H100, driver 580.159.04, torch 2.11.0+cu130), under 78 environments.

`counts` are what torch itself counts beside them: `torch.cuda.device_count()`, NVML's count, and the driver's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inspector.facts.runtime import RuntimeFacts
from inspector.runtime.host import Offer
from inspector.runtime.outcome import End, parse_stream, with_outcome
from inspector.runtime.sandbox import Limits

RECORDED = json.loads((Path(__file__).parent / "recorded" / "h100-580.159.json").read_text())
CASES = {json.dumps(case["env"]): case for case in RECORDED["cases"]}
ANSWERED = {name: case for name, case in CASES.items() if case["answer"] is not None}
MARK = "0123456789abcdef"


def facts(case: dict[str, Any]) -> RuntimeFacts:
    """Read a recorded answer as the output of a container that was given the GPU."""
    output = f"{MARK} {json.dumps(case['answer'])}\n".encode()
    offer = Offer(vendor="nvidia", way="gpus")
    return with_outcome(
        RuntimeFacts(ran=True), parse_stream(output, MARK), End(0), offer, Limits(seconds=30, memory=1 << 30)
    )


@pytest.mark.parametrize("name", ANSWERED)
def test_a_real_answer_says_whether_cuda_works(name: str) -> None:
    case = ANSWERED[name]
    found = facts(case)
    assert (found.imported, found.torch, found.driver) == (True, "2.11.0+cu130", "580.159.04")
    assert found.is_available is (case["counts"]["raw"] > 0)
    assert len(found.devices) == case["counts"]["raw"]
    assert (found.error is None) is bool(found.computed)


def test_only_forced_ptx_finds_a_gpu_and_cannot_compute_on_it() -> None:
    """The libraries that multiply hold no PTX, so a driver that may not take their machine code fails."""
    failing = [case["env"] for case in ANSWERED.values() if facts(case).is_available and not facts(case).computed]
    assert failing == [{"CUDA_FORCE_PTX_JIT": "1"}]


@pytest.mark.parametrize(
    ("folder", "number"), [("/usr/local/cuda/stubs-as-libcuda.so.1", 34), ("/usr/local/cuda/compat", 803)]
)
def test_another_libcuda_than_the_hosts_is_named_by_its_error(folder: str, number: int) -> None:
    (case,) = (c for c in ANSWERED.values() if (c["env"].get("LD_LIBRARY_PATH") or "").split(":")[0] == folder)
    found = facts(case)
    assert found.error is not None
    assert f"Error {number}: " in found.error.message
