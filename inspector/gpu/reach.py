"""The kinds of GPUs that an image has code for, to compare one image with another."""

from __future__ import annotations

from inspector.gpu.code import runs_on
from inspector.gpu.image import ImageGpu
from inspector.gpu.models import capability_text
from inspector.gpu.serves import FAMILIES
from inspector.unknown import Unknown


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
