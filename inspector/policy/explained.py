"""All checks with their explanations: those of the rules, and those that no rule declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from inspector.policy.model import page_of
from inspector.policy.rule import Explanation
from inspector.policy.rules import RULES
from inspector.policy.rules.static_vs_runtime import RAN
from inspector.policy.setting import Setting

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


_OWN_KEYS = {
    "role": ("match",),
    "platform": ("platform",),
    "python": ("python-command",),
    "command": ("python-command",),
}
"""Keys that every role has, by the check that reads them."""


@cache
def explained() -> Mapping[str, Explained]:
    """Explain all checks by id, in the order of findings; those of no rule first."""
    texts: dict[str, tuple[Explanation, Sequence[Setting[Any]]]] = {"image": (_IMAGE, ()), "role": (_ROLE, ())}
    for rule in (*RULES, RAN):
        if rule.explanation is not None:
            texts[rule.check] = (rule.explanation, rule.settings)
    return {check: _made(check, text, settings) for check, (text, settings) in texts.items()}


def _made(check: str, text: Explanation, settings: Sequence[Setting[Any]]) -> Explained:
    stated = tuple(key.name for setting in settings for key in setting.keys)
    return Explained(
        check=check,
        proves=text.proves,
        unknown=text.unknown,
        mend=text.mend,
        keys=stated or _OWN_KEYS.get(check, ()),
        page=page_of(check),
    )
