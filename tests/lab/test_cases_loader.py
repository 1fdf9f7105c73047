"""What public bug reports met of libraries, links and clean-ups, each with more of its kind, and the right answer."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

import inspector
from tests.lab import engine
from tests.lab.damaged import GROUPS
from tests.lab.damages import Judged, bases, built, judge, offenders, recorded, truth_of

NOT_YET: dict[str, str] = {}
"""Cases that are answered wrongly still, and why; one that is answered rightly must go from here."""

HARD_LINKS = [damage for damage in GROUPS["kind"] if "hard links" in damage.name]


def _wrong(judged: list[Judged]) -> dict[str, str]:
    lines = [line for kind in offenders(judged, recorded()).values() for line in kind]
    return {line.split(" | ")[0]: line for line in lines}


@pytest.mark.usefixtures("docker")
def test_every_kind_has_its_right_answer() -> None:
    """One test for all, since its images are the same; it says what is wrong of every case."""
    judged = list(judge(GROUPS["kind"], run=True, ask=True))
    truths = recorded()
    assert {each.damage.name: each.truth for each in judged if each.truth != truths[each.damage.name]} == {}
    wrong = _wrong(judged)
    assert {name: line for name, line in wrong.items() if name not in NOT_YET} == {}
    assert NOT_YET.keys() <= wrong.keys()


@pytest.mark.usefixtures("docker")
def test_hard_links_are_read_the_same_from_an_archive(space: Path) -> None:
    found = {}
    with tempfile.TemporaryDirectory(dir=space) as folder, bases(Path(folder), "cpu") as images:
        for damage in HARD_LINKS:
            with built(damage, images) as image:
                archive = Path(folder) / "image.tar"
                engine.docker("save", "--output", str(archive), image)
                torch = inspector.inspect(f"docker-archive:{archive}").torch
                found[damage.name] = torch.importable, truth_of(image).imports, torch.reasons
    assert {name: each for name, each in found.items() if each[0] != ("yes" if each[1] else "no")} == {}
