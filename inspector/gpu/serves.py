"""Which drivers and GPUs an image can serve: in one line, and by kind, to compare one image with another."""

from __future__ import annotations

from inspector.gpu import drivers, rocm, xpu
from inspector.gpu.code import runs_on
from inspector.gpu.image import ImageGpu
from inspector.gpu.models import capability_text
from inspector.unknown import Unknown

FAMILIES = {
    (5, 0): "GTX 750", (5, 2): "M60", (6, 0): "P100", (6, 1): "GTX 10", (7, 0): "V100", (7, 5): "T4", (8, 0): "A100",
    (8, 6): "A10", (8, 9): "L4", (9, 0): "H100", (10, 0): "B200", (10, 3): "B300", (12, 0): "RTX 50", (12, 1): "GB10",
}  # fmt: skip
"""A GPU of each compute capability that people deploy on, the embedded ones apart, in order."""
_OTHERS = {"rocm": rocm.line, "xpu": xpu.line}


def serves(image: ImageGpu) -> str | None:
    """Return a line for people: CUDA, the oldest driver, the GPUs that there is code for; None for no kind of GPU.

    >>> serves(ImageGpu(build="cuda", cuda="13.0", architectures=("sm_75", "sm_80", "sm_86", "sm_90", "sm_120")))
    'CUDA 13.0: driver 580.65.06 or newer; T4 … H100, RTX 50 … GB10; not V100, B200, B300'
    """
    if image.build in _OTHERS:
        return _OTHERS[str(image.build)](image)
    if image.build != "cuda" or image.cuda is None:
        return None
    if isinstance(image.cuda, Unknown):
        return f"not known: {image.cuda.unknown}"
    least = drivers.minimum_driver(image.cuda)
    driver = f"driver {least} or newer" if least else "driver not known"
    if isinstance(image.architectures, Unknown):
        return f"CUDA {image.cuda}: {driver}; GPUs unknown: {image.architectures.unknown}"
    able = [runs_on(capability_text(each), image.architectures, image.cuda) == "yes" for each in FAMILIES]
    names = list(FAMILIES.values())
    return f"CUDA {image.cuda}: {driver}; {_runs(names, able)}{_not(names, able)}"


def reached(image: ImageGpu | None) -> tuple[str, ...] | Unknown:
    """Return a GPU of each compute capability that the image's torch runs on, the oldest first; none without CUDA.

    >>> reached(ImageGpu(build="cuda", cuda="12.4", architectures=("sm_70", "sm_90", "compute_90")))
    ('V100', 'T4', 'H100', 'B200', 'B300', 'RTX 50', 'GB10')
    """
    if image is None:
        return ()
    for decided in (image.build, image.cuda, image.architectures):
        if isinstance(decided, Unknown):
            return decided
    if image.build != "cuda" or isinstance(image.architectures, Unknown):
        return ()
    cuda = image.cuda if isinstance(image.cuda, str) else None
    found = {gpu: runs_on(capability_text(each), image.architectures, cuda) for each, gpu in FAMILIES.items()}
    return tuple(gpu for gpu, answer in found.items() if answer == "yes")


def _runs(names: list[str], able: list[bool]) -> str:
    """Return the names of those that can, neighbours as a range."""
    found: list[list[str]] = []
    for at, (name, runs) in enumerate(zip(names, able, strict=True)):
        if runs and at and able[at - 1] and found:
            found[-1].append(name)
        elif runs:
            found.append([name])
    return ", ".join(each[0] if len(each) == 1 else f"{each[0]} … {each[-1]}" for each in found) or "no GPU"


def _not(names: list[str], able: list[bool]) -> str:
    """Return those that can't: of the older ones the newest, of the others each."""
    first = able.index(True) if True in able else 0
    older = names[first - 1 : first] if first else []
    missing = [*older, *(name for name, runs in zip(names[first:], able[first:], strict=True) if not runs)]
    return f"; not {', '.join(missing)}" if missing and True in able else ""
