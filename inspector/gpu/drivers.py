"""NVIDIA's drivers: the highest CUDA of each branch, and the GPUs that each still drives."""

from __future__ import annotations

from bisect import bisect_right

from inspector.gpu.versions import compare, major_of

CUDA_OF_BRANCH = {
    384: "9.0", 390: "9.1", 396: "9.2", 410: "10.0", 418: "10.1", 440: "10.2", 450: "11.0", 455: "11.1",
    460: "11.2", 465: "11.3", 470: "11.4", 495: "11.5", 510: "11.6", 515: "11.7", 520: "11.8", 525: "12.0",
    530: "12.1", 535: "12.2", 545: "12.3", 550: "12.4", 555: "12.5", 560: "12.6", 565: "12.7", 570: "12.8",
    575: "12.9", 580: "13.0", 590: "13.1", 595: "13.2", 610: "13.3",
}  # fmt: skip
"""The CUDA that a driver of this branch says it has; that of a branch between two is at least the lower one's."""

MINIMUM_OF_MAJOR = {11: "450.80.02", 12: "525.60.13", 13: "580.65.06"}
"""The oldest driver under which every CUDA runtime of a major version comes up (CUDA compatibility, minor versions)."""

LAST_BRANCH = {(3, 5): 470, (3, 7): 470, **dict.fromkeys([(5, 0), (5, 2), (6, 0), (6, 1), (7, 0)], 580)}
"""The last branch that drives a GPU of this compute capability, for those that newer drivers leave out."""

FIRST_BRANCH = {(8, 9): 520, (9, 0): 520, (10, 0): 570, (12, 0): 570, (10, 3): 580, (11, 0): 580, (12, 1): 580}
"""The first branch that drives a GPU of this compute capability, for those that older drivers don't know."""


def cuda_of(driver: str) -> str | None:
    """Return the highest CUDA of a driver, as `nvidia-smi` shows it; None for what is older than all that are known.

    >>> cuda_of("535.183.01"), cuda_of("580.95.05"), cuda_of("100")
    ('12.2', '13.0', None)
    """
    branch = major_of(driver)
    branches = list(CUDA_OF_BRANCH)
    at = bisect_right(branches, branch) if branch is not None else 0
    return CUDA_OF_BRANCH[branches[at - 1]] if at else None


def minimum_driver(cuda: str) -> str | None:
    """Return the oldest driver under which a CUDA runtime of this version comes up; None where that is not known.

    From 11 on the major version decides; before, each version wants a driver of its own branch.
    """
    major = major_of(cuda)
    if major is not None and major >= 11:
        return MINIMUM_OF_MAJOR.get(major)
    version = ".".join(cuda.split(".")[:2])
    return next((f"{branch}" for branch, known in CUDA_OF_BRANCH.items() if known == version), None)


def comes_up(cuda: str, driver: str) -> bool | None:
    """Tell whether a CUDA runtime comes up under a driver (cudaGetDeviceCount); None where that is not known.

    It is not where only the beginning of the driver's version is given, and the rest decides.
    """
    least = minimum_driver(cuda)
    if least is not None and least.startswith(f"{driver}."):
        return None
    order = compare(driver, least) if least is not None else None
    return None if order is None else order >= 0


def drives(driver: str, capability: tuple[int, int]) -> bool | None:
    """Tell whether a driver drives GPUs of a compute capability; None where the driver's version is not one."""
    branch = major_of(driver)
    if branch is None:
        return None
    return FIRST_BRANCH.get(capability, 0) <= branch <= LAST_BRANCH.get(capability, branch)
