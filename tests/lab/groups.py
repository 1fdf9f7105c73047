"""Which modules of the lab run in one process, one after the other, while those of the other groups do in theirs."""

from __future__ import annotations

LAB = "tests/lab/"
GROUPS = {
    "large": [],
    "damages": ["damages", "cases_loader", "init"],
    "services": ["audit", "cluster", "deploy", "inspector_image", "push", "runtime", "toc", "watch"],
    "forms": ["containerd", "fixture_forms", "gpu", "gpu_facts", "gpu_runtime", "tar_truth"],
    "containers": [
        *("command", "fleet", "imports", "json_engine", "json_truth", "layer_semantics"),
        *("over_time", "rootfs", "sif", "venv"),
    ],
}
"""In the order in which they begin. All others are in the first, which shares files of some GB and Podman's store."""
_GROUP = {name: group for group, names in GROUPS.items() for name in names}


def group_of(nodeid: str) -> str:
    """Return the group of a test of the lab."""
    return _GROUP.get(nodeid.removeprefix(f"{LAB}test_").partition(".py")[0], "large")
