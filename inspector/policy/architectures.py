"""Which GPUs a CUDA build has code for: `torch.cuda.get_arch_list()` against compute capabilities.

Code for `sm_XY` runs on X.Z with Z at least Y; `compute_XY` is PTX, which the driver compiles for whatever is at
least X.Y. The suffix `a` binds either to exactly X.Y, `f` to X.Z with Z at least Y (CUDA C++ Programming Guide,
"Compute capabilities").
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from inspector.unknown import Tri

_ARCHITECTURE = re.compile(r"(sm|compute)_([0-9]{1,3})([0-9])([af]?)", re.ASCII)
_CAPABILITY = re.compile(r"([0-9]{1,3})\.([0-9]{1,2})", re.ASCII)


def runs_on(capability: str, architectures: Iterable[str]) -> Tri:
    """Tell whether a GPU of that compute capability, such as `8.6`, can run the code.

    Unknown where either isn't CUDA's.
    """
    found = _CAPABILITY.fullmatch(capability)
    parsed = [_ARCHITECTURE.fullmatch(each) for each in architectures]
    known = [each for each in parsed if each is not None]
    if found is None or not known:
        return "unknown"
    if any(_suits(each, int(found[1]), int(found[2])) for each in known):
        return "yes"
    return "no" if len(known) == len(parsed) else "unknown"


def _suits(architecture: re.Match[str], major: int, minor: int) -> bool:
    kind, suffix = architecture[1], architecture[4]
    built = (int(architecture[2]), int(architecture[3]))
    if suffix == "a":
        return built == (major, minor)
    if kind == "compute" and not suffix:
        return built <= (major, minor)
    return built[0] == major and built[1] <= minor
