"""The compiled modules of installed distributions, which must load, or else are warned of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inspector.policy.findings import Case, Shown
from inspector.policy.model import Advice, Finding
from inspector.policy.rule import Explanation, Rule
from inspector.policy.setting import choice
from inspector.policy.torches import NOT_CHECKED, UNPROVED
from inspector.words import first_few

_SHOWN = 5
"""Modules that a message names before it only counts them."""
REBUILD = Advice(
    "CODE_BUG",
    "{dockerfile}: install builds of them for this image's torch, Python and system libraries, or remove them{origin}",
)

UNDECIDED = Advice("EVIDENCE", "Import the module in a container of the image")


def _allowed() -> Sequence[str]:
    return ("warn", "must-load")


EXTENSIONS = choice(
    "extensions",
    _allowed,
    "warn",
    about="What becomes of compiled modules of installed distributions that can't load: a warning, or a failure.",
    unset="A warning.",
)


def check_extensions(case: Case) -> Iterator[Finding]:
    """Check that each distribution's extension modules load in this image.

    Without the key, those that don't are warned of.
    """
    must, broken = case.role[EXTENSIONS] == "must-load", case.facts.extensions
    wanted = "every extension module loads"
    if broken:
        named = first_few([f"{one.distribution}: {one.reason}" for one in broken], _SHOWN, "; ")
        at = case.at(broken[0].layer, path=broken[0].path)
        shown = Shown(wanted, f"{len(broken)} can't load")
        yield case.found("fail" if must else "warn", REBUILD, f"can't be loaded: {named}", shown, at)
    elif must and (case.facts.evidence.proof == "files" or case.facts.evidence.by_toc):
        yield case.found("unknown", UNPROVED, NOT_CHECKED, Shown(wanted, "not checked"))
    elif must and case.facts.extensions_undecided:
        undecided = case.facts.extensions_undecided
        shown = Shown(wanted, f"{len(undecided)} can't be decided")
        yield case.found("unknown", UNDECIDED, f"can't be decided: {'; '.join(undecided[:_SHOWN])}", shown)
    elif must:
        yield case.passed(wanted, Shown(wanted, "none is broken"))


EXPLAINED = Explanation(
    proves="The compiled modules of all installed distributions would load in this image.",
    unknown="The role says `extensions = 'must-load'`, and only files were looked at, or one module can't be decided.",
    mend="Install the library that the message names, or a wheel that was built for this image's C library and Python.",
)
RULE = Rule(
    check="extensions",
    explanation=EXPLAINED,
    test=check_extensions,
    settings=(EXTENSIONS,),
    layers="'extensions' asks what the loader does with every library",
)
