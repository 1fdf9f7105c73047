"""Every damage that the answers are compared with, by kind."""

from __future__ import annotations

from tests.lab.damaged import cuda, elves, environment, files, kinds, modules, real, rights, symbols, system
from tests.lab.damaged.case import Damage

GROUPS = (files, elves, symbols, system, environment, rights, modules, cuda, real, kinds)
ALL: dict[str, Damage] = {damage.name: damage for group in GROUPS for damage in group.add}
