"""What an image and a host say about GPUs: kernels, conditions, the output of `nvidia-smi`."""

from __future__ import annotations

import tomllib
from contextlib import suppress

from inspector.elf import Content
from inspector.elf.dynamic import Damaged
from inspector.elf.fatbin import read_container
from inspector.elf.listed import read_listed, search_for
from inspector.errors import InspectorError
from inspector.gpu.compat import note_of, read_note
from inspector.gpu.profile import as_toml, host_of_smi
from inspector.gpu.requirements import Invalid, Properties, refusal, refusal_on_tegra, requirements
from tests.fuzz.cursor import Cursor

PATHS = ("libtorch_python.so", "libtorch_cuda.so", "torchvision/_C.so")
HOSTS = (Properties(), Properties("12.2", "535.183.01", "7.5", ("Tesla", "unknown")))


def kernels(content: bytes) -> None:
    """A library tells the same list of architectures where it is sought in as where it goes by in pieces."""
    cursor = Cursor(content)
    path, piece = cursor.one_of(PATHS), 1 + cursor.byte() * 17
    inner = cursor.rest()
    with suppress(Damaged):
        read_container(inner)
    read_listed(Content(inner), path)
    search = search_for(path)
    for at in range(0, len(inner), piece):
        search.feed(inner[at : at + piece])
    assert search.result is not None


def note(content: bytes) -> None:
    """The note of a compat library, alone and in its file."""
    read_note(content)
    with suppress(ValueError):
        note_of(content)


def conditions(content: bytes) -> None:
    """Conditions of an image are met or not, by both programs that evaluate them."""
    text = content.decode("utf-8", "surrogateescape")
    environment = {"NVIDIA_REQUIRE_CUDA": text, "CUDA_VERSION": text[:20]}
    with suppress(Invalid):
        requirements(environment)
    for host in HOSTS:
        refusal([text], host)
        refusal_on_tegra([text], host)


def host(content: bytes) -> None:
    """What `nvidia-smi` printed becomes a profile, which is read back as it was written."""
    with suppress(InspectorError):
        found = host_of_smi(content.decode("utf-8", "replace"), "edge")
        (written,) = tomllib.loads(as_toml(found, "all"))["fleets"]["all"]["hosts"]
        assert (written["name"], written["driver"], tuple(written["gpus"])) == (found.name, found.driver, found.gpus)
