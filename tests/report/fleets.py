"""The lab's four images and the fleet that the documentation shows them against."""

from __future__ import annotations

from inspector.facts import ImageFacts
from inspector.gpu.hosts import Host
from inspector.gpu.image import ImageGpu
from inspector.policy.role import Fleet
from inspector.report.fleet import Matrix, matrix
from tests.report.samples import ABSENT, facts, torch

CU130 = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120")
"""What PyTorch's builds for CUDA 13.0 on x86_64 have code for."""
FLEET = Fleet(
    "gpu",
    (
        Host(name="edge", driver="535.183.01", gpus=("T4",)),
        Host(name="a10", driver="550.90.07", gpus=("A10",)),
        Host(name="h100-old", driver="570.86.15", gpus=("H100",)),
        Host(name="h100", driver="580.95.05", gpus=("H100",)),
        Host(name="desk", driver="580.95.05", gpus=("RTX 5090",)),
    ),
)


def images() -> list[ImageFacts]:
    """The images as the lab builds them; the last, of CUDA, only on machines with room for it."""
    cpu = torch("cpu", "2.13.0+cpu", 702_000_000)
    cuda = torch("cuda", "2.13.0+cu130", 1_730_000_000)
    of_cpu = ImageGpu(build="cpu")
    return [
        facts("ktrdr-backend:prod", ABSENT, gpu=ImageGpu(build="unknown")),
        facts("ktrdr-backend:dev", cpu, gpu=of_cpu),
        facts("ktrdr-worker-cpu:test", cpu, gpu=of_cpu),
        facts("ktrdr-worker-gpu:test", cuda, gpu=ImageGpu(build="cuda", cuda="13.0", architectures=CU130)),
    ]


def documented() -> Matrix:
    """The matrix that docs/how-to/gpu-fleet.md shows."""
    return matrix(images(), [FLEET])
