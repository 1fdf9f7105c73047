"""What a container may and may not do, as the body of an engine's `create`: what an import does not need is off."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from importlib import resources
from typing import Any

import msgspec

from inspector.facts import ImageFacts
from inspector.python.model import Interpreter
from inspector.runtime.host import Offer

MB = 1 << 20


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one run may take: seconds, bytes of memory (there is no swap), processes and threads together."""

    seconds: float = 120.0
    memory: int = 4 << 30
    processes: int = 512


DEFAULTS = Limits()
LOG_BYTES = 256 << 10
"""Of each of the two files that an engine keeps of the output, the newer replacing the older."""
OUTPUT_BYTES = 4 * LOG_BYTES
"""Of standard output, what is read back: all that the engine keeps."""
SCRATCH_BYTES = 64 * MB
FILE_BYTES = 64 * MB
"""The largest file that may be written, which is what bounds a volume of the image's own."""
CPU_SHARES = 256
"""Of the usual 1024: processes that only make more of themselves must not keep an engine from ending them."""
CPU_FACTOR = 16
"""Seconds of one process's computing for each second of the limit: the end of one that outlives its reader."""


def sandbox(
    facts: ImageFacts,
    interpreter: Interpreter,
    mark: str,
    *,
    limits: Limits = DEFAULTS,
    offer: Offer | None = None,
    volumes: Iterable[str] = (),
    ulimits: bool = True,
) -> dict[str, Any]:
    """Return a container that runs the probe in the image's own interpreter, and can reach nothing but its own files.

    The user, the working directory and the environment are the image's own, for what is importable hangs on them.
    `volumes` are those that the image declares; one that Python doesn't look into is empty and in memory. Without
    `ulimits` the limits of memory and processes are the only ones.
    """
    used = _used(facts, interpreter)
    return {
        "Entrypoint": [interpreter.path],
        "Cmd": ["-c", probe_source(), mark],
        "Env": _environment(offer),
        "Healthcheck": {"Test": ["NONE"]},
        "NetworkDisabled": True,
        "OpenStdin": False,
        "Tty": False,
        "HostConfig": {
            "NetworkMode": "none",
            "IpcMode": "private",
            "ReadonlyRootfs": True,
            "Privileged": False,
            "CapAdd": [],
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Memory": limits.memory,
            "MemorySwap": limits.memory,
            "PidsLimit": limits.processes,
            "CpuShares": CPU_SHARES if ulimits else 0,
            "Ulimits": _ulimits(limits) if ulimits else [],
            "LogConfig": {"Type": "json-file", "Config": {"max-size": str(LOG_BYTES), "max-file": "2"}},
            "AutoRemove": False,
            "RestartPolicy": {"Name": "no"},
            **_mounts(used, sorted(volumes)),
            **_gpu(offer),
        },
    }


def probe_source() -> str:
    """Return the program that is handed to the interpreter."""
    return resources.files("inspector.runtime").joinpath("probe.py").read_text(encoding="utf-8")


def _environment(offer: Offer | None) -> list[str]:
    """Return what is set beside the image's own: few threads, no files, and no GPU by way of a default runtime."""
    threads = [f"{name}_NUM_THREADS=1" for name in ("OMP", "OPENBLAS", "MKL")]
    hidden = [] if offer else ["NVIDIA_VISIBLE_DEVICES=void"]
    return ["PYTHONDONTWRITEBYTECODE=1", "CUDA_CACHE_DISABLE=1", *threads, *hidden]


def _ulimits(limits: Limits) -> list[dict[str, Any]]:
    most = {"core": 0, "fsize": FILE_BYTES, "nofile": 1024, "cpu": max(1, int(limits.seconds * CPU_FACTOR))}
    return [{"Name": name, "Soft": value, "Hard": value} for name, value in most.items()]


def _mounts(used: Iterable[str], volumes: Iterable[str]) -> dict[str, Any]:
    """Scratch space in memory: /tmp, and the image's volumes, where neither holds anything that Python uses."""
    hidden = [path for path in map(posixpath.normpath, volumes) if not any(_meet(path, other) for other in used)]
    scratch = not any(_meet("/tmp", path) for path in [*used, *volumes])  # noqa: S108 - of the container
    options = f"rw,noexec,nosuid,nodev,size={SCRATCH_BYTES},mode=1777"
    empty = [{"Type": "tmpfs", "Target": path, "TmpfsOptions": {"SizeBytes": MB}} for path in hidden if path != "/"]
    return {"Binds": [], "Tmpfs": {"/tmp": options} if scratch else {}, "Mounts": empty}  # noqa: S108 - as above


def _used(facts: ImageFacts, interpreter: Interpreter) -> list[str]:
    """Return the paths that the interpreter and its imports come from."""
    found = [
        interpreter.path,
        interpreter.resolved,
        interpreter.prefix,
        interpreter.base_prefix,
        facts.torch.path or "",
    ]
    return [posixpath.normpath(path) for path in [*found, *interpreter.search_path] if path.startswith("/")]


def _meet(path: str, other: str) -> bool:
    """Tell whether one is the other, or lies within it; that all lies within the root says nothing."""
    outer, inner = sorted((path, other), key=len)
    return inner == outer or (outer != "/" and inner.startswith(f"{outer}/"))


def _gpu(offer: Offer | None) -> dict[str, Any]:
    """Return the GPUs as `docker run` would ask for them: `--gpus all`, `--device` with a CDI name, or with a node."""
    if offer is None:
        return {}
    match offer.way:
        case "gpus":
            return {"DeviceRequests": [{"Driver": offer.vendor, "Count": -1, "Capabilities": [["gpu"]]}]}
        case "cdi":
            return {"DeviceRequests": [{"Driver": "cdi", "DeviceIDs": list(offer.names)}]}
        case "nodes":
            nodes = [{"PathOnHost": p, "PathInContainer": p, "CgroupPermissions": "rw"} for p in offer.names]
            return {"Devices": nodes, "GroupAdd": list(offer.groups)}
