"""All checks with their explanations: those of the rules, and those that no rule declares."""

from __future__ import annotations

from functools import cache

import msgspec

from inspector.policy.model import page_of
from inspector.policy.rule import Explanation
from inspector.policy.rules import RULES
from inspector.policy.rules.static_vs_runtime import RAN

_IMAGE = Explanation(
    proves="The image was found and could be read.",
    unknown="It is missing, damaged, of another platform, or its engine or registry did not answer.",
    mend=(
        "The advice depends on the error: correct the name, start the engine, log in to the registry, or save or pull "
        "the image again. `inspector doctor` shows which engines and credentials are found."
    ),
)
_ROLE = Explanation(
    proves="One role of the policy is for this image.",
    unknown="No role, or more than one, matches the image's name.",
    mend="Name the role with `--role`, or add a pattern for the image to the `match` of one role.",
)


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """One check as `inspector explain` prints it; `keys` are those of a role that bear on it."""

    check: str
    proves: str
    unknown: str
    mend: str
    keys: tuple[str, ...] = ()
    page: str = ""


@cache
def explained() -> dict[str, Explained]:
    """Explain all checks by id, in the order of findings; those of no rule first."""
    found = {name: _made(name, text, ()) for name, text in (("image", _IMAGE), ("role", _ROLE))}
    for rule in (*RULES, RAN):
        if rule.explanation is not None:
            keys = [key.name for setting in rule.settings for key in setting.keys]
            found[rule.check] = _made(rule.check, rule.explanation, (*_OWN_KEYS.get(rule.check, ()), *keys))
    return found


_OWN_KEYS = {
    "platform": ("platform",),
    "python": ("python-command",),
    "command": ("python-command",),
    "role": ("match",),
}
"""Keys that every role has, by the check that reads them."""


def _made(check: str, text: Explanation, keys: tuple[str, ...]) -> Explained:
    keys = keys or _OWN_KEYS.get(check, ())
    return Explained(
        check=check, proves=text.proves, unknown=text.unknown, mend=text.mend, keys=keys, page=page_of(check)
    )
