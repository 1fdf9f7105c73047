"""Whether an engine can hand a GPU to a container, and how; of an engine elsewhere only what it says itself."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

from inspector.engine.client import Engine
from inspector.engine.model import Info
from inspector.gpu.profile import models_of_proc, text_of
from inspector.runtime.probe import nvml_driver
from inspector.torchbuild.kinds import GpuVendor, kind_of
from inspector.torchbuild.model import Torch
from inspector.unknown import Unknown

MAX_SPECS = 64
MAX_SPEC_BYTES = 4 << 20
CDI_FOLDERS = ("/etc/cdi", "/var/run/cdi")
"""Where engines look for CDI specifications unless told otherwise."""
PODMAN_CDI = (5, 4)
"""The first Podman whose Docker-compatible API takes device requests; those before pass over them in silence."""
_HOOK = "nvidia-container-runtime-hook"
"""By which `--gpus` works in all versions of Docker, be the runtime `nvidia` set up or not."""
_CDI_HOOK = "nvidia-cdi-hook"
"""By which it works from Docker 29 on."""


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A way to hand over all GPUs of a vendor: `--gpus all`, CDI devices by `names`, or device nodes by `names`.

    `groups` are the numbers of the groups that may use the nodes.
    """

    vendor: GpuVendor
    way: Literal["gpus", "cdi", "nodes"]
    names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine can hand over, by vendor, or the clause why it can't; `driver` is NVIDIA's, else AMD's.

    `gpus` are the models of NVIDIA's GPUs, as far as the kernel tells them.
    """

    nvidia: Offer | Unknown
    amd: Offer | Unknown
    driver: str | None = None
    gpus: tuple[str, ...] = ()

    def offer(self, torch: Torch) -> Offer | Unknown:
        """Return what a torch of that build could use; `Unknown` with the reason where there is nothing."""
        if not torch.installed:
            return Unknown("there is no torch to use one")
        kind = kind_of(torch.build)
        if kind is not None and kind.gpu is None:
            return Unknown(f"torch is {_with_article(kind.label)} build, which is given none")
        return self.amd if kind is not None and kind.gpu == "amd" else self.nvidia


def _with_article(label: str) -> str:
    """Return `a CPU`, `an XPU`: of capitals each is spoken by its own name."""
    vowels = "AEFHILMNORSX" if label.isupper() else "AEIOUaeiou"
    return f"an {label}" if label.startswith(tuple(vowels)) else f"a {label}"


class Machine(msgspec.Struct, frozen=True):
    """The machine that the engine runs on, where that is this one: its files, below `root`."""

    root: Path = Path("/")

    def has(self, *patterns: str) -> bool:
        """Tell whether any file is there."""
        return any(True for pattern in patterns for _ in self.root.glob(pattern.lstrip("/")))

    def names_device(self, folders: Iterable[str], kind: str) -> bool:
        """Tell whether a CDI specification in the folders is of that kind; a damaged or closed one names nothing."""
        form = re.compile(rf"""^[ \t{{"']*kind["']?\s*:\s*["']?{re.escape(kind)}\b""", re.MULTILINE)
        specs = [path for folder in folders for path in sorted((self.root / folder.lstrip("/")).glob("*"))[:MAX_SPECS]]
        return any(
            form.search(text_of(path, MAX_SPEC_BYTES)) for path in specs if path.suffix in (".yaml", ".yml", ".json")
        )

    def groups_of(self, *patterns: str) -> tuple[str, ...]:
        """Return the numbers of the groups that own the files, root's aside."""
        owners = {path.stat().st_gid for pattern in patterns for path in self.root.glob(pattern.lstrip("/"))}
        return tuple(str(owner) for owner in sorted(owners - {0}))

    def driver(self) -> str | None:
        """Return the version of NVIDIA's driver, as the kernel tells it or else NVML, or of AMD's where it has one."""
        nvidia = _version(text_of(self.root / "proc/driver/nvidia/version"))
        if nvidia is None and self.root == Path("/") and self.has("/dev/nvidia*", "/dev/dxg"):
            nvidia = _nvml_driver()
        return nvidia or _version(text_of(self.root / "sys/module/amdgpu/version"))

    def may_have_nvidia(self) -> bool:
        """Tell whether there is a driver or device.

        A container shows the former alone, and of Windows' below it neither.
        """
        if self.has("/proc/driver/nvidia/version", "/dev/nvidia[0-9]*", "/dev/nvidiactl", "/dev/dxg", "/dev/nvmap"):
            return True
        return "microsoft" in text_of(self.root / "proc/sys/kernel/osrelease").lower()


def find_host(engine: Engine, machine: Machine | None = None) -> Host:
    """Return what the engine could hand over; `machine` is this one, unless the engine runs elsewhere."""
    if machine is None and engine.endpoint.is_local and sys.platform == "linux":
        machine = Machine()
    driver, gpus = (machine.driver(), models_of_proc(machine.root)) if machine else (None, ())
    return Host(nvidia=_nvidia(engine, machine), amd=_amd(engine, machine), driver=driver, gpus=gpus)


def _nvidia(engine: Engine, machine: Machine | None) -> Offer | Unknown:
    if machine and not machine.may_have_nvidia():
        return Unknown("no GPU: this machine has no driver of NVIDIA's, and neither /dev/nvidia0 nor /dev/dxg")
    cdi = _cdi(engine, machine, "nvidia.com/gpu")
    if engine.kind == "podman":
        return cdi or _podman_lacks(engine)
    if "nvidia" in engine.info.runtimes or (machine and shutil.which(_HOOK)):
        return Offer(vendor="nvidia", way="gpus")
    if cdi is None and machine and shutil.which(_CDI_HOOK):
        return Offer(vendor="nvidia", way="gpus")
    return cdi or Unknown("no GPU: the engine has no runtime `nvidia` and no CDI device nvidia.com/gpu")


def _amd(engine: Engine, machine: Machine | None) -> Offer | Unknown:
    if machine and not machine.has("/dev/kfd", "/sys/class/kfd/kfd"):
        return Unknown("no GPU: this machine has no /dev/kfd")
    if cdi := _cdi(engine, machine, "amd.com/gpu"):
        return cdi
    if machine and machine.has("/dev/kfd"):
        groups = machine.groups_of("/dev/kfd", "/dev/dri/renderD*")
        return Offer(vendor="amd", way="nodes", names=("/dev/kfd", "/dev/dri"), groups=groups)
    return Unknown("no GPU: the engine has no CDI device amd.com/gpu")


def _cdi(engine: Engine, machine: Machine | None, kind: str) -> Offer | None:
    """Return all devices of the kind, by name, where the engine knows them or would find them."""
    if engine.kind == "podman" and podman_version(engine.info) < PODMAN_CDI:
        return None
    vendor: GpuVendor = "nvidia" if kind.startswith("nvidia") else "amd"
    told = tuple(name for name in engine.info.devices if name.startswith(f"{kind}="))
    if told:
        every = f"{kind}=all"
        return Offer(vendor=vendor, way="cdi", names=(every,) if every in told else told)
    folders = engine.info.cdi_spec_dirs or (CDI_FOLDERS if engine.kind == "podman" else ())
    if machine and machine.names_device(folders, kind):
        return Offer(vendor=vendor, way="cdi", names=(f"{kind}=all",))
    return None


def _podman_lacks(engine: Engine) -> Unknown:
    if podman_version(engine.info) < PODMAN_CDI:
        first = ".".join(map(str, PODMAN_CDI))
        return Unknown(f"no GPU: Podman {engine.info.version} hands over none by its API; {first} is the first to")
    command = "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"
    return Unknown(f"no GPU: there is no CDI device nvidia.com/gpu; `{command}` makes one")


def podman_version(info: Info) -> tuple[int, ...]:
    """Return the version's first two numbers; empty, and so before any, where it is none."""
    found = re.match(r"([0-9]{1,4})\.([0-9]{1,4})", info.version, re.ASCII)
    return (int(found[1]), int(found[2])) if found else ()


def _version(text: str) -> str | None:
    """Return the first word of the first line that is a number with a point in it."""
    words = text.partition("\n")[0].split()
    return next((word[:100] for word in words if word[:1].isdigit() and "." in word), None)


def _nvml_driver() -> str | None:
    """Return the driver's version from NVIDIA's management library, where there is one, as the probe does."""
    with suppress(OSError, AttributeError):
        return _version(nvml_driver() or "")
    return None
