"""What would happen to an image on the hosts of a fleet, from its facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from inspector.facts import ImageFacts
from inspector.gpu.hosts import Host
from inspector.gpu.onhost import Cause, OnHost, of_causes, on_host
from inspector.python.model import Interpreter
from inspector.unknown import Absent

NOT_LOOKED = "what decides on a GPU host was not looked at in this image"


def predicted(facts: ImageFacts, hosts: Iterable[Host]) -> Iterator[OnHost]:
    """Yield what is predicted for each host: first whether torch can be imported, then what its GPUs do."""
    import_told = _import_told(facts)
    for host in hosts:
        if import_told is not None and import_told.verdict == "fails":
            yield of_causes(host, [_everywhere(import_told, host)])
        elif facts.gpu is None:
            cause = import_told or Cause(verdict="unknown", stage="build", reason=NOT_LOOKED)
            yield of_causes(host, [_everywhere(cause, host)])
        else:
            found = on_host(facts.gpu, host)
            works = found.verdict == "works" and import_told is not None
            yield of_causes(host, [_everywhere(import_told, host)]) if works and import_told else found


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
        return Cause(verdict="fails", stage="import", reason="the image has no torch", change="install a CUDA build")
    return Cause(
        verdict="fails", stage="import", reason=f"torch can't be imported{because}", change="repair its install"
    )
