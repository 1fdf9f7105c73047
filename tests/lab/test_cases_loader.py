"""What public bug reports met of libraries, links and clean-ups, each with more of its kind, and the right answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import inspector
from tests.lab import engine
from tests.lab.damaged import GROUPS
from tests.lab.damages import Answer, Judged, built, judge, offenders, recorded

HARD_LINKS = [damage for damage in GROUPS["kind"] if "hard links" in damage.name]


def test_every_kind_has_its_right_answer(undamaged: dict[str, str], space: Path) -> None:
    """One test for all, since its images are the same; it says what is wrong of every case."""
    truths = recorded()
    judged = list(judge(GROUPS["kind"], undamaged, run=True, ask=True))
    archives = _from_archives(undamaged, space / "damaged.tar")
    assert {each.damage.name: each.truth for each in judged if each.truth != truths[each.damage.name]} == {}
    lines = [line for kind in offenders(judged, truths).values() for line in kind]
    lines += [line for kind in offenders(archives, truths).values() for line in kind]
    assert not lines, "\n".join(lines)


def _from_archives(images: Mapping[str, str], path: Path) -> list[Judged]:
    """What is said of hard links where an archive has them, in which the names stand in an order of their own."""
    found = []
    for damage in HARD_LINKS:
        with built(damage, images) as image:
            engine.docker("save", "--output", str(path), image)
            torch = inspector.inspect(f"docker-archive:{path}").torch
        found.append(Judged(damage, None, Answer(torch.importable, ("read from an archive", *torch.reasons))))
    return found
