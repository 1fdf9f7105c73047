"""What `inspector fleet profile` finds out of a host: of this one, or of one whose nvidia-smi somebody ran."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from inspector.errors import InspectorError, PolicyError, UsageError
from inspector.gpu.hosts import Host
from inspector.gpu.profile import (
    MAX_OUTPUT,
    QUERY,
    default_runtime_is_nvidia,
    host_of_proc,
    host_of_smi,
    runtime_mode,
    toolkit_of,
)
from inspector.gpu.smi import ask_smi

ROOT = Path("/")
_MACHINES = {"arm64": "aarch64"}


def profiled(source: BinaryIO | None, *, name: str | None, **stated: Any) -> Host:
    """Return the host that a file tells of, else this machine; what is `stated` beats what was found.

    Raises `UsageError`.
    """
    host = _this_machine(name) if source is None else _of_file(source, name)
    changes = {key: value for key, value in stated.items() if value}
    return msgspec.structs.replace(host, **changes)


def read_again(text: str) -> Iterator[str]:
    """Yield what a policy would refuse of the profile, such as a GPU of a name that nobody knows here."""
    import tomllib

    from inspector.policy.fleets import fleets_of

    try:
        fleets_of(tomllib.loads(text), "profile", alone=True)
    except PolicyError as error:
        yield from (fault.message for fault in error.faults)


def _of_file(source: BinaryIO, name: str | None) -> Host:
    content = source.read(MAX_OUTPUT + 1)
    file = Path(str(getattr(source, "name", "<stdin>")))
    return host_of_smi(content.decode("utf-8-sig", "replace"), name or (file.stem if file.is_file() else "host"))


def _this_machine(name: str | None) -> Host:
    name = name or os.uname().nodename
    printed = ask_smi()
    host = host_of_proc(ROOT, name) if printed is None else host_of_smi(printed, name)
    if host is None:
        raise UsageError(
            "this machine has no NVIDIA driver: neither nvidia-smi nor /proc/driver/nvidia; on the GPU host, run "
            f"`{' '.join(QUERY)} > smi.csv`, and here `inspector fleet profile --from smi.csv`"
        )
    machine, by_default = os.uname().machine, default_runtime_is_nvidia(ROOT)
    return msgspec.structs.replace(
        host,
        toolkit=toolkit_of(ROOT),
        engine=_engine(),
        flag="runtime" if by_default else None,
        injection=runtime_mode(ROOT) if by_default else None,
        architecture=_MACHINES.get(machine, machine),
    )


def _engine() -> str | None:
    """Return the version of this machine's Docker; None where it doesn't answer."""
    from inspector.engine.client import connect

    with suppress(InspectorError, OSError), closing(connect("docker", offline=True)) as engine:
        return engine.info.version or None
    return None
