"""Waivers as a policy file states them: `[[waivers]]`, or `[[roles.NAME.waivers]]` for one role."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import msgspec

from inspector.policy.location import Faults, Location
from inspector.policy.role import Waiver
from inspector.policy.selection import ALWAYS
from inspector.policy.setting import MAX_PATTERNS, Key, table_of
from inspector.policy.values import GLOB_FORM, did_you_mean, glob

MAX_REASON = 500
"""Characters of a reason, which every report shows."""
CHECK = Key("check", str, "a check's name, as in 'forbid'", about="The check whose findings are waived.")
REASON = Key(
    "reason",
    str,
    "a text, as in 'needed by the smoke test until #123'",
    about="Why they may stay for now. Every report shows it.",
    form={"minLength": 1, "maxLength": MAX_REASON},
)
EXPIRES = Key(
    "expires",
    dt.date,
    "a date without quotes, as in 2027-01-31",
    about="The last day on which the waiver counts, in UTC. From 14 days before, `check` warns of its end.",
    form={"format": "date"},
)
WAIVED_ROLES = Key(
    "roles",
    list[str],
    "a list of names, as in ['worker-gpu']",
    (),
    about="The roles in which findings are waived.",
    unset="All roles; within `[roles.NAME]`, that role.",
)
WAIVED_IMAGES = Key(
    "images",
    list[str],
    "a list of patterns, as in ['worker:*']",
    (),
    about="Globs over the names of the images whose findings are waived.",
    unset="All images.",
    form=GLOB_FORM,
)
SUBJECT = Key(
    "subject",
    str | None,
    "a pattern, as in 'pytest'",
    about="The package, path or pattern that the finding names; a glob.",
    unset="Every finding of the check.",
    form=GLOB_FORM,
)
WAIVERS = Key(
    "waivers",
    list[Any],
    "tables [[waivers]]",
    (),
    about="Findings that are let pass for a time, each with its reason and last day: a table `[[waivers]]` each.",
    unset="Nothing is waived.",
)
ROLE_WAIVERS = msgspec.structs.replace(
    WAIVERS,
    hint="tables [[roles.NAME.waivers]]",
    about="As `[[waivers]]`, for this role alone: a table `[[roles.NAME.waivers]]` each.",
)
KEYS = (CHECK, REASON, EXPIRES, WAIVED_ROLES, WAIVED_IMAGES, SUBJECT)
"""The keys of `[[waivers]]`."""
ROLE_KEYS = tuple(key for key in KEYS if key is not WAIVED_ROLES)
"""Those of `[[roles.NAME.waivers]]`."""
REQUIRED = (CHECK, REASON, EXPIRES)
_WAIVER, _ROLE_WAIVER = table_of(KEYS, REQUIRED), table_of(ROLE_KEYS, REQUIRED)


class WaiverReader(msgspec.Struct, frozen=True):
    """Reads waivers; `roles` and `checks` are the names that they may use. Their faults go to `faults`."""

    roles: Collection[str]
    checks: Collection[str]
    faults: Faults

    def read(self, raw: Sequence[Any], location: Location, role: str | None = None) -> Iterator[Waiver]:
        """Yield the waivers that a table states, all for `role` where one is given."""
        if len(raw) > MAX_PATTERNS:
            self.faults.add([location.fault(f"more than {MAX_PATTERNS} of them", WAIVERS.name)])
            return
        where = f"{location.table}, " if location.table else ""
        for at, each in enumerate(raw):
            own = Location(location.origin, f"{where}waivers[{at}]", (*location.path, WAIVERS.name, at))
            before = len(self.faults.found)
            with self.faults.collected():
                table = own.convert(each, *(_WAIVER if role is None else _ROLE_WAIVER))
                values = self._values(table, own, role)
                if len(self.faults.found) == before:
                    yield Waiver(expires=table.expires, **values)

    def _values(self, table: Any, location: Location, role: str | None) -> dict[str, Any]:
        """Read all but the date; what is at fault is left out."""
        roles = table.roles if role is None else [role]
        found: dict[str, Any] = {}
        reads: dict[Key, Callable[[], Any]] = {
            CHECK: lambda: location.check(CHECK.name, self._check, table.check),
            REASON: lambda: location.check(REASON.name, reason, table.reason),
            WAIVED_ROLES: lambda: location.each(WAIVED_ROLES.name, self._role, roles),
            WAIVED_IMAGES: lambda: location.each(WAIVED_IMAGES.name, glob, table.images),
            SUBJECT: lambda: location.optional(SUBJECT.name, glob, table.subject),
        }
        for key, value in reads.items():
            with self.faults.collected():
                found[key.name] = value()
        return found

    def _check(self, name: str) -> str:
        if name in ALWAYS:
            raise ValueError(f"{name!r} can't be waived: nothing passes that was not read, or is in no role")
        if name not in self.checks:
            raise ValueError(f"no check {name[:MAX_REASON]!r}; {did_you_mean(name, self.checks)}")
        return name

    def _role(self, name: str) -> str:
        """Return the name of a role; that of the table which the waiver stands in has its faults told there."""
        if name not in self.roles:
            raise ValueError(f"no role {name[:MAX_REASON]!r}; {did_you_mean(name, self.roles)}")
        return name


def reason(text: str) -> str:
    """Return a reason, in one line. Raises `ValueError`."""
    if not text.strip() or not text.isprintable():
        raise ValueError("write in one line why this may stay, as in 'needed by the smoke test until #123'")
    if len(text) > MAX_REASON:
        raise ValueError(f"a reason of {len(text)} characters; at most {MAX_REASON} are taken")
    return text.strip()
