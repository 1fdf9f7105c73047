"""Which checks count: all, or those selected, less those ignored."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from inspector.errors import UsageError
from inspector.policy.values import did_you_mean

ALWAYS = ("evidence", "image", "role", "against")
"""Nothing passes that was not read or is in no role, nor what is compared with an image that was not read.

These count whatever is selected or ignored.
"""


class Checks(msgspec.Struct, frozen=True, kw_only=True):
    """The names of the checks that alone count, where any are selected, and of those that don't."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def take(self, check: str) -> bool:
        """Tell whether a check counts."""
        chosen = not self.select or check in self.select
        return check in ALWAYS or (chosen and check not in self.ignore)

    def verify(self, known: Collection[str]) -> None:
        """Raise `UsageError` for a check that is not `known`, or can't be ignored, and where none is left."""
        for check in (*self.select, *self.ignore):
            if check not in known and check not in ALWAYS:
                raise UsageError(f"unknown check {check!r}; {did_you_mean(check, known)}")
        kept = next((check for check in self.ignore if check in ALWAYS), None)
        if kept is not None:
            raise UsageError(f"the check {kept!r} can't be ignored: nothing passes that was not read or is in no role")
        if self.select and set(self.select) <= set(self.ignore):
            raise UsageError(f"nothing to check: all that is selected is ignored ({', '.join(self.select)})")

    def __str__(self) -> str:
        """Tell what is left out, for a person; empty where nothing is."""
        select = f"only {', '.join(dict.fromkeys(self.select))}" if self.select else ""
        ignore = f"ignoring {', '.join(dict.fromkeys(self.ignore))}" if self.ignore else ""
        return ", ".join(part for part in (select, ignore) if part)


ALL = Checks()
