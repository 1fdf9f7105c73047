"""What would happen to an image on the hosts of a fleet, from its facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from inspector.facts import ImageFacts
from inspector.gpu.hosts import Host
from inspector.gpu.onhost import Cause, OnHost, of_causes, on_host
from inspector.gpu.rocm import is_target
from inspector.python.model import Interpreter
from inspector.torchbuild.kinds import label_of
from inspector.unknown import Absent

UNSEEN = Cause(verdict="unknown", stage="build", reason="what decides on a GPU host was not looked at in this image")


def predicted(facts: ImageFacts, hosts: Iterable[Host]) -> Iterator[OnHost]:
    """Yield what is predicted for each host: first whether torch can be imported, then what its GPUs do."""
    import_told = _import_told(facts)
    for host in hosts:
        if import_told is not None and import_told.verdict == "fails":
            yield of_causes(host, [_everywhere(import_told, host)])
        elif facts.gpu is None:
            yield of_causes(host, [_everywhere(_of_build(facts, host) or import_told or UNSEEN, host)])
        else:
            found = on_host(facts.gpu, host)
            works = found.verdict == "works" and import_told is not None
            yield of_causes(host, [_everywhere(import_told, host)]) if works and import_told else found


def _of_build(facts: ImageFacts, host: Host) -> Cause | None:
    """Return that torch is built for other than the host's GPUs; None where it may be for them."""
    build = facts.torch.build
    if build in ("cuda", "rocm", "xpu", "unknown"):
        return None
    wanted = "ROCm" if any(map(is_target, host.gpus)) else "CUDA"
    reason = f"torch is built for {label_of(build)}, not {wanted}"
    return Cause(verdict="fails", stage="build", reason=reason, change=f"install a {wanted} build of torch")


def _everywhere(cause: Cause, host: Host) -> Cause:
    return msgspec.structs.replace(cause, gpus=tuple(dict.fromkeys(host.gpus)))


def _import_told(facts: ImageFacts) -> Cause | None:
    """Return that torch can't be imported, or that nobody can tell; None where it can."""
    torch = facts.torch
    because = f": {'; '.join(torch.reasons[:2])}" if torch.reasons else ""
    if isinstance(facts.interpreter, Absent):
        return Cause(verdict="fails", stage="import", reason=facts.interpreter.unknown, change="install a Python")
    if torch.importable == "unknown" or not isinstance(facts.interpreter, Interpreter):
        return Cause(verdict="unknown", stage="import", reason=f"whether torch can be imported is not known{because}")
    if torch.installed and torch.importable == "yes":
        return None
    if not torch.installed:
        return Cause(
            verdict="fails",
            stage="absent",
            reason="the image has no torch",
            change="install a build of torch for these GPUs",
        )
    return Cause(
        verdict="fails", stage="import", reason=f"torch can't be imported{because}", change="repair its install"
    )
