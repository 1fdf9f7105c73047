"""The reference page of policy files, made from the declarations of their keys and rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from inspect import getdoc

from inspector.policy.fleets import FILE, HOSTS, OF_HOST
from inspector.policy.rule import Rule
from inspector.policy.rules import RULES
from inspector.policy.schema import role_keys
from inspector.policy.setting import Key
from inspector.policy.tables import TOP, TRUST_TOC
from inspector.policy.waivers import KEYS as WAIVER_KEYS

_CODE = re.compile(r'(\[.*?\]+|"[^"]*")')
_FACTS = {"manifest": "manifest and config", "files": "files", "run": "a run of the image"}
_HEAD = """\
# The policy file

`inspector.toml`, or `[tool.inspector]` of `pyproject.toml`.
This page is made by `inspector schema policy --format markdown`.
`inspector schema policy` prints the JSON Schema by which editors complete the file.
A key that is not listed here is refused, and all faults of a file are reported at once, each with its line.
"""
_ROLES = """
Which role an image is in: the most exact of the patterns in `match` that fit its name.
A whole name (`api:prod`) comes before a name with wildcards in its tag (`api:*`), that before other patterns.
Among those of a kind, the pattern with more characters before its first wildcard comes first (`api:release-*` before
`api:*`), then the one with fewer wildcards; wildcards alone (`*`) come last.
Where two roles have equally exact patterns for one name, the answer is `UNKNOWN`.
An image with two names is checked in the role of each.

Whatever the role states: the image must have been read, be able to start, and have a Python that runs.
"""
_FLEETS = """
What is known of the hosts on which images are to work, one of each kind. A role names its `fleet`, and then `check`
says of each host whether torch would work there. All hosts are in `hosts`, or in the same table of a file of its own.
"""
_WAIVERS = """
A finding that fails or warns is `waived` up to the last day of a waiver that fits it: the image then has a warning,
with the reason. It never passes, and what is unknown is never waived.
"""


def render_reference(rules: Iterable[Rule] = RULES) -> str:
    """Return the page in Markdown."""
    rules = tuple(rules)
    parts = [_HEAD, "## At the top\n", *_keys(TOP), "## A role: `[roles.NAME]`", _ROLES, *_keys(role_keys(rules))]
    parts += ["## A fleet: `[fleets.NAME]`", _FLEETS, *_keys((HOSTS, FILE)), "## A host of a fleet\n", *_keys(OF_HOST)]
    parts += ["## A waiver: `[[waivers]]`", _WAIVERS, *_keys(WAIVER_KEYS)]
    return "\n".join([*parts, "## A registry: `[registries.'HOST']`\n", *_keys([TRUST_TOC]), "## The checks\n"]) + (
        f"\nFindings name the check that they come from.\n\n{listing(rules)}"
    )


def _keys(keys: Iterable[Key]) -> Iterator[str]:
    for key in keys:
        yield f"### `{key.name}`\n\n{key.about}\n"
        yield f"- Value: {_kind(key)}"
        yield f"- Left out: {key.unset}\n" if key.unset else "- It must be there.\n"


def _kind(key: Key) -> str:
    """Say what may be written there."""
    if key.words is not None:
        return ", ".join(f"`{str(word).lower()}`" if word in (True, False) else f'`"{word}"`' for word in key.words())
    return _CODE.sub(r"`\1`", key.hint.replace("'", '"'))


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
