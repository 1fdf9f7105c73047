"""What public bug reports met of libraries, links and clean-ups, each with more of its kind, and the right answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

import inspector
from tests.lab import engine
from tests.lab.damaged import GROUPS
from tests.lab.damages import Answer, Judged, built, judge, offenders, prepared, recorded

NOT_YET: dict[str, str] = {
    **dict.fromkeys(
        (
            "kind: clean-up: __init__ files that are empty",
            "kind: clean-up: folders named testing",
            "kind: clean-up: folders named utils",
            "kind: clean-up: modules whose name starts with an underscore",
            "kind: clean-up: the folder distributed",
        ),
        "missing modules are doubts",
    ),
    **dict.fromkeys(
        (
            "kind: cuda: another version of cudnn in a second stage",
            "kind: cuda: cudart alone in a second stage",
            "kind: cuda: cudnn, cufft, cusparse and nvjitlink forgotten in a second stage",
            "kind: cuda: nvjitlink forgotten in a second stage",
        ),
        "CUDA's libraries are asked for by metadata alone",
    ),
    **dict.fromkeys(
        (
            "kind: hard links: METADATA under another name, of Python too",
            "kind: hard links: all of torch under another name ahead",
            "kind: hard links: content under its hash, a library cut",
            "kind: hard links: content under its hash, as ostree has it",
            "kind: hard links: equal files made one",
            "kind: hard links: version.py and libraries, names of other kinds",
        ),
        "sizes of RECORD are doubts, and an archive's bytes are kept by first name",
    ),
    **dict.fromkeys(
        (
            "kind: needed: libgomp of the system only",
            "kind: needed: libstdc++ removed",
            "kind: needed: libstdc++ removed, one beside Python, RPATH in all",
            "kind: needed: libstdc++ removed, one of conda's beside Python",
            "kind: needed: libtorch_cpu of a debug build needs libasan",
        ),
        "what the loader finds is not modelled",
    ),
    **dict.fromkeys(
        (
            "kind: path: /usr/local/gcc133/lib, LD_LIBRARY_PATH of another variable",
            "kind: path: /usr/local/gcc133/lib, RUNPATH of the library that needs it",
            "kind: path: /usr/local/gcc133/lib, RUNPATH of the one above",
            "kind: path: /usr/local/gcc133/lib, exported in a profile",
            "kind: path: /usr/local/gcc133/lib, named by nothing",
        ),
        "what the loader finds is not modelled",
    ),
    **dict.fromkeys(
        (
            "kind: sizes: a .py patched",
            "kind: sizes: a library patched",
            "kind: sizes: a library rebuilt smaller",
            "kind: sizes: every .py with another line end",
            "kind: sizes: every library of debugging alone",
            "kind: sizes: every library stripped",
            "kind: sizes: libraries stripped of another machine's",
        ),
        "sizes other than RECORD's are doubts",
    ),
    **dict.fromkeys(
        (
            "kind: start: an environment made of a PEX",
            "kind: start: an environment made of a PEX, PEX_EXTRA_SYS_PATH with another torch",
            "kind: start: an environment made of a PEX, torch by PEX_EXTRA_SYS_PATH",
            "kind: start: pytest-cov's line",
        ),
        "the lines of PEX and pytest-cov are not known",
    ),
    **dict.fromkeys(
        (
            "kind: versions: CXXABI_1.9",
            "kind: versions: GLIBCXX_3.4.32",
            "kind: versions: GLIBCXX_3.4.32, a libstdc++ with it ahead of the system's",
            "kind: versions: GLIBC_2.9.9",
            "kind: versions: GOMP_9.0",
        ),
        "versions are not compared",
    ),
}
"""Cases that are answered wrongly still, and why; one that is answered rightly must go from here."""

HARD_LINKS = [damage for damage in GROUPS["kind"] if "hard links" in damage.name]


@pytest.mark.usefixtures("docker")
def test_every_kind_has_its_right_answer(space: Path) -> None:
    """One test for all, since its images are the same; it says what is wrong of every case."""
    truths = recorded()
    with prepared(GROUPS["kind"]) as images:
        judged = list(judge(GROUPS["kind"], images, run=True, ask=True))
        archives = _from_archives(images, space / "damaged.tar")
    assert {each.damage.name: each.truth for each in judged if each.truth != truths[each.damage.name]} == {}
    lines = [line for kind in offenders(judged, truths).values() for line in kind]
    lines += [line for kind in offenders(archives, truths).values() for line in kind]
    wrong = {line.split(" | ")[0] for line in lines}
    assert wrong <= NOT_YET.keys(), "\n".join(line for line in lines if line.split(" | ")[0] not in NOT_YET)
    assert NOT_YET.keys() <= wrong


def _from_archives(images: Mapping[str, str], path: Path) -> list[Judged]:
    """What is said of hard links where an archive has them, in which the names stand in an order of their own."""
    found = []
    for damage in HARD_LINKS:
        with built(damage, images) as image:
            engine.docker("save", "--output", str(path), image)
            torch = inspector.inspect(f"docker-archive:{path}").torch
        found.append(Judged(damage, None, Answer(torch.importable, ("read from an archive", *torch.reasons))))
    return found
