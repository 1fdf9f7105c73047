"""What `inspector doctor` found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from inspector.escape import cut, escape
from inspector.policy.model import SCHEMA

State = Literal["ok", "warn", "fail"]
_WORST: tuple[State, ...] = ("fail", "warn", "ok")
_ANSI = {"ok": "32", "warn": "33", "fail": "31"}


class Probed(msgspec.Struct, frozen=True, kw_only=True):
    """One line: what was looked at, and what to do about it. `fail` is for what was configured and doesn't work."""

    topic: str
    state: State
    message: str
    advice: str = ""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of it; `outcome` is the worst state."""

    schema: str = SCHEMA
    outcome: State
    probes: tuple[Probed, ...]


def diagnosis(probes: Iterable[Probed]) -> Diagnosis:
    """Put the lines together."""
    found = tuple(probes)
    states = {each.state for each in found}
    return Diagnosis(outcome=next(state for state in (*_WORST, "ok") if state in states or not states), probes=found)


def render_doctor(found: Diagnosis, *, color: bool) -> str:
    """Render a line for each, and below it what to do."""
    width = max(len(each.topic) for each in found.probes)
    return "".join(_line(each, width, color=color) for each in found.probes)


def _line(one: Probed, width: int, *, color: bool) -> str:
    state = f"{one.state:4}"
    shown = f"\x1b[{_ANSI[one.state]}m{state}\x1b[0m" if color else state
    advice = f"{'':{width + 6}}  {escape(cut(one.advice))}\n" if one.advice else ""
    return f"{shown}  {one.topic:{width}}  {escape(cut(one.message))}\n{advice}"
