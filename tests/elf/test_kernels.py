"""Containers of kernels that go by: the same is found as by seeking, wherever the pieces end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.elf import Elf
from fixtures.fatbin import container, fatbin
from inspector.elf import Content
from inspector.elf.kernels import MAX_TRIES, holds_kernels, most_and_others
from inspector.elf.listed import AllKernels, Listed, read_listed
from tests.effort import examples

PATH = "/usr/lib/python3/dist-packages/torchvision/_C.so"
LISTS = ("sm_75 sm_80 sm_90", "sm_80 sm_90a", "sm_75 sm_80 sm_90", "compute_120 sm_120")


def library(section: bytes, text: bytes = b"") -> bytes:
    return Elf(soname="libx.so", text=text, sections={".nv_fatbin": section}).encode()


def passing(content: bytes, step: int) -> Listed:
    search = AllKernels()
    for at in range(0, len(content), step):
        search.feed(content[at : at + step])
    return search.result


@pytest.mark.parametrize("step", [1, 7, 48, 4096, 1 << 20])
@pytest.mark.parametrize("padding", [0, 8, 5000])
@pytest.mark.parametrize("header", [48, 176])
def test_passing_and_seeking_find_the_same(step: int, padding: int, header: int) -> None:
    section = bytes(padding - padding % 8).join(container(*each.split(), header=header) for each in LISTS)
    content = library(section)
    wanted = Listed(("sm_75", "sm_80", "sm_90"), others=("sm_90a", "sm_120", "compute_120"))
    assert read_listed(Content(content), PATH) == wanted
    assert passing(content, step) == wanted


@examples(100)
@given(lists=st.lists(st.lists(st.sampled_from(["sm_80", "sm_90a", "compute_90"]), max_size=3), max_size=5))
def test_any_chain(lists: list[list[str]]) -> None:
    content = library(b"".join(container(*each, kernel=b"8 bytes.") for each in lists))
    if lists and any(lists):
        assert passing(content, 50) == read_listed(Content(content), PATH)


@pytest.mark.parametrize(
    "before",
    [
        container("sm_80")[:16] + b"\xff" * 64,
        (container("sm_80")[:8] + bytes(8)) * 3,
        container("sm_80")[:8] + b"\xff" * 64,
        b"four" + container("sm_50")[:60],
    ],
)
def test_what_only_begins_like_one_is_passed_over(before: bytes) -> None:
    content = library(fatbin(*LISTS), text=before + b"something else")
    assert passing(content, 100).architectures == ("sm_75", "sm_80", "sm_90")


def test_damage_is_told() -> None:
    content = library(fatbin("sm_80") + container("sm_90")[:16] + b"\xff" * 64)
    assert passing(content, 100) == Listed(cut="a container of its kernels is damaged")


def test_only_so_many_tries() -> None:
    content = library((container("sm_80")[:16] + b"\xff" * 64) * (MAX_TRIES + 5))
    assert passing(content, 100) == Listed(cut="its kernels are damaged, or in too many places")


def test_of_two_chains_what_both_have_counts() -> None:
    """As in bitsandbytes, whose relocatable code has PTX, and what was linked of it has none."""
    sections = {
        "__nv_relfatbin": fatbin(*["sm_80 sm_90 compute_90"] * 3),
        ".between": b"others",
        ".nv_fatbin": fatbin("sm_80 sm_90"),
    }
    content = Elf(soname="libx.so", sections=sections).encode()
    wanted = Listed(("sm_80", "sm_90"), others=("compute_90",))
    assert read_listed(Content(content), PATH) == wanted
    assert passing(content, 100) == wanted


def test_a_file_without_kernels_has_none() -> None:
    content = Elf(soname="libx.so", text=bytes(100_000)).encode()
    assert passing(content, 1000) == Listed() == read_listed(Content(content), PATH)


@pytest.mark.parametrize(
    ("path", "holds"),
    [
        ("dist-packages/torchvision/_C_stable.so", True),
        ("site-packages/torchaudio/lib/libtorchaudio.abi3.so", True),
        ("site-packages/flash_attn_2_cuda.cpython-311-x86_64-linux-gnu.so", True),
        ("site-packages/vllm/vllm_flash_attn/_vllm_fa2_C.abi3.so", True),
        ("site-packages/bitsandbytes/libbitsandbytes_rocm64.so", False),
        ("site-packages/torch/_C.cpython-311-x86_64-linux-gnu.so", False),
        ("site-packages/torchvision/image.so", False),
        ("site-packages/torchvision/_C.so.txt", False),
    ],
)
def test_paths(path: str, *, holds: bool) -> None:
    assert holds_kernels(f"usr/lib/python3.11/{path}") is holds


def test_the_list_of_most_containers() -> None:
    assert most_and_others({}) == ((), ())
    assert most_and_others({("sm_90", "sm_100"): 2, ("sm_80",): 1}) == (("sm_90", "sm_100"), ("sm_80",))
