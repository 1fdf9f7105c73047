"""A host with GPUs as a profile describes it, and how it gives them to containers."""

from __future__ import annotations

from typing import Literal

import msgspec

from inspector.gpu.models import Gpu, gpu_named

Mode = Literal["legacy", "cdi", "csv"]
Flag = Literal["gpus", "runtime", "device", "none"]
MAX_HOSTS = 200
MAX_GPUS = 64


class Host(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="kebab"):
    """One kind of host of a fleet.

    `gpus` are models (`A10`, or the whole name that `nvidia-smi` prints) or compute capabilities (`8.6`). `injection`
    is how containers get them; without it, `engine`, `toolkit` and `flag` say so as far as they are given: `gpus` for
    `docker run --gpus`, `runtime` for `--runtime=nvidia` or where that is the default, `device` for
    `--device nvidia.com/gpu=…`.
    """

    name: str
    driver: str
    gpus: tuple[str, ...] = ()
    injection: Mode | None = None
    engine: str | None = None
    toolkit: str | None = None
    flag: Flag | None = None
    kubernetes: bool = False
    architecture: str = "x86_64"

    def found(self) -> list[Gpu | None]:
        """Return the GPUs, None for each whose name is not known."""
        return [gpu_named(name) for name in self.gpus]

    def modes(self) -> tuple[Mode, ...]:
        """Return every way in which a container may get the GPUs here; several where the profile leaves it open."""
        if self.injection is not None:
            return (self.injection,)
        if any(gpu is not None and gpu.kind == "jetson" for gpu in self.found()):
            return ("csv",)
        if self.flag == "device":
            return ("cdi",)
        if self.flag == "runtime":
            toolkit = numbers(self.toolkit)
            return ("legacy", "cdi") if toolkit is None else (("cdi",) if toolkit >= (1, 18, 0) else ("legacy",))
        engine = numbers(self.engine)
        if self.flag == "gpus" and engine is not None and engine < (29, 2, 0):
            return ("legacy",)
        return ("legacy", "cdi")

    @property
    def asks_by_environment(self) -> bool | None:
        """Tell whether the image's own NVIDIA_VISIBLE_DEVICES says which GPUs it gets; None where that is open."""
        if self.kubernetes or self.flag in ("gpus", "device"):
            return False
        return True if self.flag == "runtime" else None


def numbers(version: str | None) -> tuple[int, int, int] | None:
    """Return the three numbers of a version such as `1.17.4-1`; None for what is none."""
    parts = (version or "").removeprefix("v").split("-")[0].split("+")[0].split(".")
    if not 1 <= len(parts) <= 4 or not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
        return None
    one, two, three, *_ = (*map(int, parts), 0, 0)
    return one, two, three
