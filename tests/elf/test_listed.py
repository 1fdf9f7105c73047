"""Torch's list of architectures, found among other texts, in pieces of any size, within bounds."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.elf import Elf
from fixtures.fatbin import container, fatbin
from inspector.elf import Content, Listed, ListSearch, listed, read_listed
from inspector.elf.fatbin import BEGIN
from inspector.elf.listed import WITH_TEXT, FirstKernels

LIST = b"sm_75 sm_80 sm_90a compute_120"
NAMES = tuple(LIST.decode().split())


def searched(*pieces: bytes) -> Listed:
    """Search pieces that go by."""
    search = ListSearch()
    for piece in pieces:
        search.feed(piece)
    return search.result


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\0" + LIST + b"\0", NAMES),
        (b"cuda_ipc_h" + LIST + b"\0tail", NAMES),  # as 2.8.0 has it
        (b"sm_35\0" + LIST + b"\0sm_90\0", NAMES),  # the longest
        (LIST, ()),  # not ended
        (LIST + b" and more\0", ()),
        (b"-gencode;arch=compute_75,code=sm_75;\0", ()),
        (b"gfx90a gfx942:sramecc+:xnack- gfx1100\0", ("gfx90a", "gfx942:sramecc+:xnack-", "gfx1100")),
        (b"compute_90\0", ()),  # none was built without code for some GPU
        (b"", ()),
        (b"sm_1\0 sm_1234\0 sm_\0 gfx\0", ()),
        (b"sm_80 " * 64 + b"sm_90\0", ()),  # of more than 64, which is none of torch's
    ],
)
def test_the_list_is_found(content: bytes, found: tuple[str, ...]) -> None:
    assert searched(content) == Listed(found)


@given(cuts=st.lists(st.integers(0, 3000), max_size=8), before=st.integers(0, 1500))
def test_pieces_of_any_size_make_no_difference(cuts: list[int], before: int) -> None:
    content = b"x" * before + LIST + b"\0" + b"sm_80x" * 100
    places = sorted({0, len(content), *(min(cut, len(content)) for cut in cuts)})
    assert searched(*(content[a:b] for a, b in pairwise(places))).architectures == NAMES


def test_a_file_of_too_many_words_is_not_decided() -> None:
    found = searched(b"sm_80x" * (listed.MAX_WORDS + 1), LIST + b"\0")
    assert not found.architectures
    assert "words" in found.cut


def test_a_file_that_is_too_large_is_not_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed, "MAX_SEARCHED", 100)
    assert searched(LIST + b"\0" + bytes(100)).cut


def test_read_only_data_are_searched_where_they_are_known() -> None:
    elf = Elf(text=b"sm_80 sm_90\0", symbols=("sm_70 sm_75 sm_80 sm_90",)).encode()
    assert read_listed(Content(elf), WITH_TEXT) == Listed(("sm_80", "sm_90"))


def test_without_a_table_of_sections_all_is_searched() -> None:
    stripped = bytearray(Elf(text=b"sm_80 sm_90\0").encode())
    stripped[40:48] = bytes(8)
    assert read_listed(Content(bytes(stripped)), WITH_TEXT) == Listed(("sm_80", "sm_90"))
    assert read_listed(Content(b"no ELF file"), WITH_TEXT) == Listed()


KERNELS = container(*NAMES, kernel=bytes(300))


def passed(*pieces: bytes) -> Listed:
    """Look for kernels in pieces that go by."""
    search = FirstKernels()
    for piece in pieces:
        search.feed(piece)
    return search.result


@given(cuts=st.lists(st.integers(0, 3000), max_size=8), before=st.integers(0, 100))
def test_the_first_kernels_are_found_in_pieces_of_any_size(cuts: list[int], before: int) -> None:
    content = bytes(8 * before) + KERNELS + b"\0" * (-len(KERNELS) % 8) + container("sm_50")
    places = sorted({0, len(content), *(min(cut, len(content)) for cut in cuts)})
    assert passed(*(content[a:b] for a, b in pairwise(places))) == Listed(NAMES)


def test_what_only_begins_like_a_container_is_passed_over() -> None:
    assert passed(b"\0\0\0" + BEGIN + bytes(13) + BEGIN + bytes(8) + KERNELS) == Listed(NAMES)
    assert passed(b"no kernels") == Listed()


@pytest.mark.parametrize("content", [(BEGIN + bytes(8)) * 1000, b"x" + BEGIN * 1000, BEGIN + b"\xff" * 8])
def test_a_file_full_of_beginnings_is_not_decided(content: bytes) -> None:
    assert passed(content, KERNELS).cut or passed(content, KERNELS) == Listed(NAMES)


def test_a_container_that_is_cut_states_nothing() -> None:
    assert passed(KERNELS[:-1]).architectures == ()


def test_kernels_are_read_where_one_can_seek() -> None:
    library = Elf(sections={".nv_fatbin": fatbin(" ".join(NAMES), "sm_50")}).encode()
    assert read_listed(Content(library), "lib/libtorch_cuda.so") == Listed(NAMES)
    assert read_listed(Content(Elf().encode()), "lib/libtorch_cuda.so") == Listed()
    assert read_listed(Content(b"no ELF file"), "lib/libtorch_cuda.so").cut
