"""Asks for CUDA's libraries by the names that they have had for torch's releases, where their wheels put them."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.torchbuild.candidate import Candidate
from inspector.torchbuild.device_libraries import (
    LIBRARIES,
    check_requirements,
    cuda_number,
    fits,
    needed_parts,
    show_library,
)
from inspector.torchbuild.diagnostics import Diagnostic, some
from inspector.torchbuild.kinds import CUDA

_APART = frozenset({"cudnn", "cusparselt", "nccl", "nvshmem"})
"""Parts that are released apart from CUDA, and keep folders of their own from CUDA 13 on."""
_SONAMES = {
    "libcudnn": ("9", "8"),
    "libcufft": ("12", "11", "10"),
    "libcufile": ("0",),
    "libcupti": ("13", "12", "11.8", "11.7"),
    "libcurand": ("10",),
    "libcusparse": ("12", "11"),
    "libcusparseLt": ("0",),
    "libnccl": ("2",),
    "libnvrtc": ("13", "12", "11.2"),
    "libnvshmem_host": ("3",),
}
"""The numbers that libraries end in, where these are not, or not always, CUDA's own."""


def ask_cuda_libraries(torch: Candidate) -> Iterator[Diagnostic]:
    """Ask for each library that the metadata requires, beside torch."""
    if CUDA.name not in torch.builds:
        return
    needed = needed_parts(torch)
    yield from check_requirements(torch)
    if not needed:
        yield Diagnostic("unknown", "no metadata says where torch has CUDA's libraries from")
    stems = [(part, stem) for part in sorted(needed) for stem in LIBRARIES[part]]
    gone = [show_library(torch, stem) for part, stem in stems if not _is_beside(torch, part, stem)]
    if gone:
        text = f"of the libraries that torch needs some are not where wheels put them: {some(gone)}"
        yield Diagnostic("unknown", text)


def _is_beside(torch: Candidate, part: str, stem: str) -> bool:
    site, number = torch.path.rpartition("/")[0], cuda_number(torch) or ""
    folders = [part.replace("-", "_"), f"cu{number}"]
    if part not in _APART and number >= "13":
        folders.reverse()  # the likely one first: each miss is a round trip
    endings = _SONAMES.get(stem) or (number, f"{number}.0")
    paths = (f"{site}/nvidia/{folder}/lib/{stem}.so.{ending}" for folder in folders for ending in endings)
    return any(torch.folders.is_file(path) and fits(torch, stem, path) for path in paths)
