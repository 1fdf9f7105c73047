"""What the rules of a role need: every layer, or a run; what the choice of an access method rests on."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.policy.role import Role
from inspector.policy.rules import RULES
from inspector.policy.rules.torch import TORCH
from inspector.policy.setting import Declared


def whole_facts_needed(role: Role) -> str:
    """Say why single files can't answer all that the role asks, as a clause; empty where they may.

    A rule without settings asks the same of every role.
    """
    return next((rule.layers for rule in _asked(role) if rule.layers), "") or (
        packages_needed(role) if role[TORCH] not in (None, "absent") else ""
    )


def packages_needed(role: Role) -> str:
    """Say why the role asks for every package, as a clause; empty where it does not.

    Beside a torch, to list them by single files takes longer than to read the layers.
    """
    return next((rule.packages for rule in _asked(role) if rule.packages), "")


def needs_run(role: Role) -> bool:
    """Tell whether the role asks what only a run of the image shows."""
    return any(rule.facts == "run" and role.states(rule) for rule in _counting(role))


def needs_sizes(role: Role) -> bool:
    """Tell whether the role asks where the bytes of an image are."""
    return any(rule.sizes and role.states(rule) for rule in _counting(role))


def _asked(role: Role) -> Iterator[Declared]:
    return (rule for rule in _counting(role) if not rule.settings or role.states(rule))


def _counting(role: Role) -> Iterator[Declared]:
    return (rule for rule in (*RULES, *role.rules) if role.checks.take(rule.check))
