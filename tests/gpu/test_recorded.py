"""What is predicted of a real GPU host, against what torch said there, under every environment that was tried."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from inspector.gpu.hosts import Host
from inspector.gpu.image import ImageGpu
from inspector.gpu.predict import predict
from inspector.policy.rules.static_vs_runtime import unexpected
from inspector.runtime.run import together
from tests.runtime.test_recorded import ANSWERED, RECORDED, facts

MACHINE = RECORDED["machine"]
TRIED = {name: case for name, case in ANSWERED.items() if "LD_LIBRARY_PATH" not in case["env"]}
ON_THE_HOST = ("NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "NVIDIA_REQUIRE_CUDA", "CUDA_VERSION")
"""Variables that are read when a container starts; torch ran on the host itself."""


@pytest.mark.parametrize("name", TRIED)
def test_what_was_predicted_is_what_happened(name: str) -> None:
    case: dict[str, Any] = TRIED[name]
    run = facts(case)
    environment = {key: value for key, value in case["env"].items() if key not in ON_THE_HOST}
    image = ImageGpu(build="cuda", cuda=run.cuda, architectures=run.arch_list, environment=environment)
    host = Host(name="h100", driver=MACHINE["driver"], gpus=(MACHINE["gpus"][0][0],), injection="cdi")
    predicted = together(predict(image, host))
    assert list(unexpected(replace(run, predicted=predicted))) == []
    by_uuid = str(environment.get("CUDA_VISIBLE_DEVICES", "")).startswith(("GPU-", "MIG-"))
    assert (predicted.verdict == "unknown") is by_uuid, "only the host knows the UUIDs of its GPUs"
