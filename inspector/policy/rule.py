"""A check as it is declared, once: the keys that a role states for it, the facts that it needs, and its function.

    MAX_LAYERS = text("max-layers", int, "a number, as in '40'")
    RULE = Rule(check="max-layers", test=check_layers, settings=(MAX_LAYERS,))

`load_policy(path, rules=[RULE])` takes the key in every role, and the roles are judged by the check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from inspector.policy.findings import Case
from inspector.policy.model import Finding
from inspector.policy.setting import Declared


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks of a check: what a pass proves, in one sentence; when it is unknown; how to mend a failure."""

    proves: str
    unknown: str
    mend: str


class Rule(Declared, frozen=True, kw_only=True):
    """One check. `test` gives its findings, good or bad; its docstring says what the check is about.

    `of_python` says that it asks about the interpreter or its torch: where the image's own command runs another
    Python than the asked one, both are checked. `explanation` is what `inspector explain` and the page of checks print.
    """

    test: Callable[[Case], Iterator[Finding]]
    of_python: bool = False
    explanation: Explanation | None = None
