"""Every target of the fuzzing, by name: what takes the bytes, and what mends them so that they get further.

A target returns, whatever it is given; errors of `inspector` are caught where they are documented, so that anything
that leaves it is a finding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.fuzz import binaries, followed, gpus, images, layers, loading, places, pythons, wire
from tests.fuzz.mending import sum_headers


def _as_it_is(content: bytes) -> bytes:
    return content


@dataclass(frozen=True)
class Target:
    """What is fuzzed with inputs of at most `most` bytes; `mend` repairs the sums of one that was made up."""

    run: Callable[[bytes], None]
    most: int = 2048
    mend: Callable[[bytes], bytes] = _as_it_is


TARGETS = {
    "tar": Target(layers.tar, 8192, sum_headers),
    "pax": Target(layers.pax, 512),
    "stream": Target(layers.stream, 8192),
    "merge": Target(layers.merged, 256),
    "toc": Target(layers.table),
    "toc_blob": Target(layers.lazy),
    "index_cache": Target(layers.cached, 1024),
    "elf": Target(binaries.elf, 8192),
    "elf_stream": Target(binaries.elf_stream, 8192),
    "manifest": Target(images.manifest),
    "config": Target(images.config),
    "archive": Target(images.archive, 16384, sum_headers),
    "documents": Target(images.documents, 4096),
    "reference": Target(images.reference, 256),
    "policy_json": Target(images.policy_json),
    "policy_toml": Target(images.policy_toml),
    "engine": Target(images.engine),
    "bolt": Target(images.bolt, 16384, images.sum_bolt),
    "challenge": Target(wire.challenge, 512),
    "address": Target(wire.address, 256),
    "exchange": Target(wire.exchange),
    "pages": Target(wire.pages, 1024),
    "output": Target(wire.output, 256),
    "loader_cache": Target(loading.cached),
    "loader_search": Target(loading.searched, 1024),
    "torch_preloads": Target(loading.preloads),
    "squash": Target(places.squash, 8192),
    "sif": Target(places.header, 1 << 16),
    "kernels": Target(gpus.kernels, 4096),
    "cuda_note": Target(gpus.note, 1024),
    "cuda_require": Target(gpus.conditions, 512),
    "nvidia_smi": Target(gpus.host, 2048),
    "shell": Target(followed.script),
    "source": Target(followed.source),
    "report": Target(pythons.reported, 128),
    **{name: Target(pythons.file_at(name)) for name in pythons.PLACES},
}
