"""Every damage that our answers are compared with, by kind; one file of cases for each."""

from __future__ import annotations

from pathlib import Path

from tests.lab.damaged.case import Damage, group

GROUPS: dict[str, tuple[Damage, ...]] = {
    path.stem: tuple(group(path)) for path in sorted(Path(__file__).parent.glob("*.txt"))
}
ALL: dict[str, Damage] = {damage.name: damage for damages in GROUPS.values() for damage in damages}
assert len(ALL) == sum(map(len, GROUPS.values())), "two cases have one name"
