"""Which GPUs a CUDA build has code for: `torch.cuda.get_arch_list()` against compute capabilities.

Code for `sm_XY` runs on X.Z with Z at least Y; `compute_XY` is PTX, which the driver compiles for whatever is at
least X.Y. The suffix `a` binds either to exactly X.Y, `f` to X.Z with Z at least Y (CUDA C++ Programming Guide,
"Compute capabilities"). Machine code of desktop GPUs is not promised to run on embedded ones, nor the reverse.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from inspector.unknown import Tri

Capability = tuple[int, int]
EMBEDDED: frozenset[Capability] = frozenset({(5, 3), (6, 2), (7, 2), (8, 7), (10, 1), (11, 0)})
"""The compute capabilities of Jetson."""

_ARCHITECTURE = re.compile(r"(sm|compute)_([0-9]{1,3})([0-9])([af]?)", re.ASCII)
_CAPABILITY = re.compile(r"([0-9]{1,3})\.([0-9]{1,2})", re.ASCII)
_RENAMED = {(10, 1): (11, 0)}
"""The same chip under the name that CUDA 13 gave it."""


def runs_on(capability: str, architectures: Iterable[str], cuda: str | None = None) -> Tri:
    """Tell whether a GPU of that compute capability, such as `8.6`, can run the code of a build for `cuda`.

    Unknown where either isn't CUDA's, and where only code for desktop GPUs could run on an embedded one: torch warns
    of it, and runs have been seen to work all the same.
    """
    found = _CAPABILITY.fullmatch(capability)
    parsed = [_ARCHITECTURE.fullmatch(each) for each in architectures]
    known = [each for each in parsed if each is not None]
    if found is None or not known:
        return "unknown"
    answers = {_suits(each, (int(found[1]), int(found[2])), cuda) for each in known}
    if "yes" in answers:
        return "yes"
    return "no" if answers == {"no"} and len(known) == len(parsed) else "unknown"


def _suits(architecture: re.Match[str], capability: Capability, cuda: str | None) -> Tri:
    kind, suffix = architecture[1], architecture[4]
    built = _renamed((int(architecture[2]), int(architecture[3])))
    gpu = _renamed(capability)
    if suffix == "a":
        return "yes" if built == gpu else "no"
    if kind == "compute" and not suffix:
        return "yes" if built <= gpu else "no"
    if built[0] != gpu[0] or built[1] > gpu[1]:
        return "no"
    apart = built != gpu and (gpu in EMBEDDED or built in EMBEDDED)
    return "unknown" if apart and not (gpu == (8, 7) and _from_13_2(cuda)) else "yes"


def _renamed(capability: Capability) -> Capability:
    return _RENAMED.get(capability, capability)


def _from_13_2(cuda: str | None) -> bool:
    """Tell whether this CUDA counts code for 8.0 and 8.6 as code for 8.7 (torch/cuda/__init__.py)."""
    parts = (cuda or "").split(".")
    return (
        len(parts) >= 2
        and all(part.isascii() and part.isdigit() for part in parts[:2])
        and ((int(parts[0][:6]), int(parts[1][:6])) >= (13, 2))
    )
