"""What the role images say about GPUs: the same by walking through the engine's storage and in a stream."""

from __future__ import annotations

import pytest

from inspector.facts import ImageFacts
from inspector.gpu.image import Runtime
from inspector.gpu.serves import serves
from inspector.pipeline import Options, inspect
from inspector.sources.access import AccessMethod
from tests.lab import engine
from tests.lab.conftest import ROLES

GPU = "ktrdr-worker-gpu:test"
LIST = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120")


def facts_of(name: str, access: AccessMethod) -> ImageFacts:
    """The facts of the engine's image."""
    return inspect(f"docker:{name}", Options(access=access))


@pytest.mark.parametrize("access", ["storage", "save"])
def test_the_worker_for_gpus_says_what_it_can_serve(roles: None, access: AccessMethod) -> None:
    del roles
    if not engine.has_image(GPU):
        pytest.skip(f"the lab has no {GPU}")  # of 6 GB, which CI does not make
    facts = facts_of(GPU, access)
    gpu = facts.gpu
    assert gpu is not None
    assert facts.evidence.access == access
    assert (gpu.build, gpu.cuda, gpu.min_driver) == ("cuda", "13.0", "580.65.06")
    assert gpu.architectures == LIST
    assert gpu.linalg == LIST[1:]
    assert gpu.runtime == Runtime(soname="libcudart.so.13", distribution="nvidia-cuda-runtime", version="13.0.96")
    assert serves(gpu) == "CUDA 13.0: driver 580.65.06 or newer; T4 … GB10; not V100"


def test_images_without_a_torch_for_gpus_say_nothing(roles: None) -> None:
    del roles
    assert [name for name in ROLES if facts_of(name, "storage").gpu is not None] == []
