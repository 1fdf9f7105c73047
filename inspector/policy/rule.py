"""A check as it is declared, once: the keys that a role states for it, the facts that it needs, and its function.

    MAX_LAYERS = text("max-layers", int, "a number, as in '40'")
    RULE = Rule(check="max-layers", test=check_layers, settings=(MAX_LAYERS,))

`load_policy(path, rules=[RULE])` takes the key in every role, and the roles are judged by the check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from inspector.policy.findings import Case
from inspector.policy.model import Finding
from inspector.policy.setting import Declared


class Rule(Declared, frozen=True, kw_only=True):
    """One check. `test` gives its findings, good or bad; its docstring says what the check is about.

    `of_python` says that it asks about the interpreter or its torch: where the image's own command runs another
    Python than the asked one, both are checked.
    """

    test: Callable[[Case], Iterator[Finding]]
    of_python: bool = False
