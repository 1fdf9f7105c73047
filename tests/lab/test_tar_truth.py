"""Our tar scanner against Go's archive/tar: other people's tars, the tables of the tests, and a bounded fuzz."""

from __future__ import annotations

import binascii
import bz2
import gzip
import lzma
import shutil
import sysconfig
import zlib
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest

from bench.fuzz_tar import fuzz, go_testdata
from bench.go_tar import UNEXPLAINED, GoTar, rule
from bench.odd_tars import corpus
from inspector.layers.header import BLOCK, is_header
from tests.lab.conftest import _not_here
from tests.lab.others import LAB
from tests.layers import test_sparse, test_tar
from tests.layers.tars import END

MOST = 16 << 20
"""Bytes of one tar that is compared."""
UNPACK = (gzip.decompress, bz2.decompress, lzma.decompress)


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoTar]:
    """The program that lists tars as Go reads them."""
    if shutil.which("go") is None:
        _not_here("there is no go command")
    with GoTar(tmp_path_factory.mktemp("go")) as running:
        yield running


def test_the_tars_of_gos_own_tests(go: GoTar) -> None:
    assert compared(go, go_testdata()) > 30


def test_the_tar_of_cpythons_tests(go: GoTar) -> None:
    found = corpus(Path(sysconfig.get_path("stdlib")) / "test")
    if not found:
        _not_here("this Python has come without its tests")
    assert compared(go, found) > 0


def test_the_tars_of_libarchives_tests(go: GoTar) -> None:
    files = sorted((LAB / "libarchive").glob("*.uu"))
    if not files:
        _not_here("libarchive's source was not fetched")
    assert compared(go, [unpacked(path) for path in files]) > 40


def test_what_the_tests_write_down_is_what_go_answers(go: GoTar) -> None:
    right = [content + END for content, _ in test_tar.NAMES.values()]
    assert {rule(content, go.lists([content])[0]) for content in right} == {"same"}
    wrong = {name: content for name, (content, _) in test_tar.CORRUPT.items()} | test_sparse.REFUSED
    wrong |= {name: content + END for name, content in test_tar.MORE_CORRUPT.items()}
    for name, content in wrong.items():
        assert rule(content, go.lists([content])[0]) not in ("same", UNEXPLAINED), name


def test_odd_tars_by_the_thousand(go: GoTar) -> None:
    counts, unexplained = fuzz(go, 20_000, 8, go_testdata())
    assert not unexplained, unexplained[0]
    assert counts["same"] > 3000
    assert counts["refused by both"] > 3000


def compared(go: GoTar, tars: list[bytes]) -> int:
    """How many tars there were (other files begin with no header), each with a rule that explains what we say of it."""
    few = [content for content in tars if len(content) <= MOST and is_header(content[:BLOCK])]
    for content in few:
        assert rule(content, go.lists([content])[0]) != UNEXPLAINED, content[:BLOCK]
    return len(few)


def unpacked(path: Path) -> bytes:
    """A file that was written down by uuencode, and packed or not; what is no tar in it is refused by both."""
    lines = iter(path.read_bytes().splitlines())
    while not next(lines).startswith(b"begin "):
        pass
    data = b"".join(_decoded(line) for line in takewhile(lambda line: line != b"end", lines))
    for unpack in UNPACK:
        try:
            return unpack(data)
        except (OSError, EOFError, lzma.LZMAError, zlib.error, ValueError):
            continue
    return data


def _decoded(line: bytes) -> bytes:
    """The bytes of a line, whose last may have bits behind them that the module of Python does not take."""
    size = (line[0] - 32) & 63
    whole = -(-size // 3) * 3
    return binascii.a2b_uu(bytes((32 + whole,)) + line[1 : 1 + whole * 4 // 3])[:size]
