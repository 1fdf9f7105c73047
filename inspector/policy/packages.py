"""The distributions of an image as rules ask for them, with what stays in doubt."""

from __future__ import annotations

from inspector.policy.findings import NOT_LOOKED, Case, Shown
from inspector.policy.model import Finding
from inspector.python.model import Distribution
from inspector.unknown import Absent, Unknown
from inspector.words import first_few


def listed(case: Case) -> tuple[Distribution, ...] | Unknown:
    """Return all distributions; or why the list may be wrong, or was not made.

    No interpreter: it is whole, and empty.
    """
    interpreter, found = case.facts.interpreter, case.facts.distributions
    if isinstance(interpreter, Absent):
        return () if isinstance(found, Unknown) else found
    return interpreter if isinstance(interpreter, Unknown) else found


def doubt(case: Case) -> Unknown | None:
    """Say why a distribution that is not listed may be there all the same."""
    unread = case.facts.metadata_unread
    if not unread:
        return None
    named = first_few([*map(repr, unread)], 1)
    return Unknown(f"the metadata at {named} can't be read, and may be of any distribution")


def undecided(case: Case, what: str, expected: str, why: Unknown) -> Finding:
    """Say why it can't be told; `why` is the facts' own answer where nobody looked at the distributions."""
    if why is case.facts.distributions:
        message = f"whether {what} is installed: not looked at: {why.unknown}"
        return case.found("unknown", NOT_LOOKED, message, Shown(expected, "not looked at"))
    return case.unknown(f"whether {what} is installed is not known: {why.unknown}", Shown(expected, "not known"))
