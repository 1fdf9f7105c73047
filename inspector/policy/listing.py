"""The list of checks for people: what each is about, the keys of a role that ask for it, and where its answer lies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from inspect import getdoc

from inspector.policy.rule import Rule
from inspector.policy.rules import RULES

_FACTS = {"manifest": "manifest and config", "files": "files", "run": "a run of the image"}


def listing(rules: Iterable[Rule] = RULES) -> str:
    """Make the table of checks in Markdown, in the order of their findings."""
    return "".join(f"| {' | '.join(row)} |\n" for row in _rows(rules))


def _rows(rules: Iterable[Rule]) -> Iterator[tuple[str, ...]]:
    yield "Check", "What it says", "Keys of a role", "Answered from"
    yield (":--",) * 4
    for rule in rules:
        keys = ", ".join(f"`{key.name}`" for setting in rule.settings for key in setting.keys)
        about = " ".join((getdoc(rule.test) or "").partition("\n\n")[0].split()).replace("|", "\\|")
        yield f"`{rule.check}`", about, keys, _FACTS[rule.facts]
