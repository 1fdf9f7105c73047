"""Every input that fuzzing found worth keeping, given to its target again."""

from __future__ import annotations

import pytest

from tests.alarm import within
from tests.fuzz import seeds
from tests.fuzz.corpus import CORPUS, CRASHES, inputs, room
from tests.fuzz.mending import sum_headers
from tests.fuzz.targets import TARGETS

SECONDS = 60
"""For all inputs of a target, which take less than one: an endless loop is ended."""


@pytest.mark.parametrize("name", TARGETS)
def test_every_input_is_answered(name: str) -> None:
    found = [*seeds.of(name), *(path.read_bytes() for path in inputs(name))]
    assert found, f"no input for {name}: write one in seeds.py"
    with within(SECONDS):
        for content in found:
            TARGETS[name].run(content)


def test_every_input_belongs_to_a_target() -> None:
    folders = {path.name for each in (CORPUS, CRASHES) if each.is_dir() for path in each.iterdir()}
    assert folders <= set(TARGETS)


def test_the_corpus_stays_small() -> None:
    assert room() >= 0


def test_what_is_mended_is_a_tar_with_right_sums() -> None:
    whole = seeds.TAR
    broken = whole[:148] + b"0000000\0" + whole[156:]
    assert sum_headers(broken) == whole
    assert sum_headers(b"x" * 2000) == b"x" * 2000
